"""Non-maximum suppression (NMS): overlapping detections of one object -> the best.

While detections remain: take the one with the highest score, keep it, and remove it and
all others of its class that overlap it with an IoU of at least the threshold.

Shapes:   candidates (batch, candidate, 9 + class): an anchor box, the predicted box
          (center and sides, as fractions of the image), the logit of an object, the
          logits of the classes -> detections (batch, max_detections, 6)
Choices:  A candidate stands for its most probable class. The score is
          sigmoid(object) · softmax(classes). Candidates with a score below 0.05 are
          left out, as in RetinaNet. The chosen detection leaves the list together with
          its score, which a common form of the algorithm forgets.
Source:   greedy NMS, as in Girshick et al., R-CNN, 2014.
Example:  >>> boxes = torch.tensor([[0, 0, 4, 4], [0, 0, 4, 3], [2, 2, 4, 4]]) / 4
          >>> scores, labels = torch.tensor([0.8, 0.9, 0.7]), torch.zeros(3)
          >>> nms(boxes, scores, labels, iou_threshold=0.5)
          [1, 2]
"""

import torch
from torch import Tensor

from kissipo.codec._boxes import pairwise_iou, with_corners
from kissipo.codec.boxes import PADDING

MIN_SCORE = 0.05


def nms(boxes: Tensor, scores: Tensor, labels: Tensor, *, iou_threshold: float) -> list[int]:
    """Returns the positions of the detections that are kept, the highest score first.

    boxes, scores, labels:  (detection, 4), (detection), (detection)
    """
    order = scores.argsort(descending=True, stable=True)
    boxes, labels = boxes[order], labels[order]
    overlaps = (pairwise_iou(boxes, boxes) >= iou_threshold) & (labels[:, None] == labels)
    removed = torch.zeros(len(order), dtype=torch.bool)
    positions = []
    for position in range(len(order)):
        if not removed[position]:
            positions.append(position)
            removed |= overlaps[position]
    return [int(order[position]) for position in positions]


def candidates(outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the boxes, the scores and the labels of all candidates.

    Shapes:   (..., candidate, 9 + class)
              -> (..., candidate, 4) and two (..., candidate)
    """
    boxes = with_corners(outputs[..., 4:8]).clamp(0, 1)
    shares, labels = outputs[..., 9:].softmax(dim=-1).max(dim=-1)
    return boxes, outputs[..., 8].sigmoid() * shares, labels


def detect(outputs: Tensor, *, iou_threshold: float, max_detections: int) -> Tensor:
    """Returns the detections of each image, in descending order of their scores.

    A row has the label, the corners and the score; padding has the label -1.
    """
    outputs = outputs.detach().float()
    detections = torch.zeros(len(outputs), max_detections, 6)
    detections[..., 0] = PADDING
    for row, image in enumerate(outputs):
        boxes, scores, labels = candidates(image)
        likely = scores >= MIN_SCORE
        boxes, scores, labels = boxes[likely], scores[likely], labels[likely]
        positions = nms(boxes, scores, labels, iou_threshold=iou_threshold)[:max_detections]
        parts = (labels[positions, None].float(), boxes[positions], scores[positions, None])
        detections[row, : len(positions)] = torch.cat(parts, dim=1)
    return detections
