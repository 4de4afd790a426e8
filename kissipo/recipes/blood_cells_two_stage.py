"""Blood cells in two stages (S41): Faster R-CNN proposes boxes, then looks at each.

Input     BCCD, 364 images of 640x480 pixels with 4,886 boxes, halved to 320x256; its
          published split; randomly flipped in training
Process   Faster R-CNN on the small Darknet of `blood-cells`: a region proposal network
          with nine anchor boxes by k-means in 40x32 cells, 100 proposals, RoI align
          7x7, a linear layer of 128 units; four losses; Adam, cosine schedule
Output    100 candidates -> boxes and scores -> non-maximum suppression per class; mAP
          as of COCO

Command   kissipo fit blood-cells-two-stage
          kissipo compare blood-cells blood-cells-two-stage    one stage against two
          kissipo show blood-cells-two-stage                   proposals, RoI align

The lecture's times per image: R-CNN 50 s, as it runs a net on each of 2,000 proposals;
Fast R-CNN 2 s, as it cuts all of them out of one map; Faster R-CNN 0.2 s, as the
proposals come out of the same map. Here the net takes 0.021 s on one thread, and YOLO
on the same backbone 0.012 s.
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "images": "bccd",
            "size": [256, 320],
            "augment": ["flip"],
            "batch_size": 8,
            "split": {"validation": 0},
        },
        process={
            "net": "faster_rcnn",
            "anchors": 9,
            "learning_rate": 0.003,
            "schedule": "cosine",
            "warmup": 0.1,
            "clip_norm": 10,
            "epochs": 13,
            "early_stopping": {"patience": 0},
        },
        output={"boxes": "label", "decode": {"iou_threshold": 0.5}},
    ),
    system="S41",
    data="364 images of blood with 4,886 boxes",
    metric="map_50",
    band=(0.795, 0.95),
    expected="mAP 0.84 at IoU 0.5, 0.54 over 0.50:0.95; YOLO in `blood-cells`: 0.89, 0.51",
    seconds=150,
    look="the four losses in the report; the proposals and their features in `kissipo xray`",
    differs="a small backbone from random weights, where the paper starts from VGG-16 on ImageNet; "
    "a map of stride 8, not 16; one box per proposal, not one per class",
)
