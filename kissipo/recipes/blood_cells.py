"""Blood cells under a microscope (S41): YOLOv3 on red cells, white cells, platelets.

Input     BCCD, 364 images of 640x480 pixels with 4,886 boxes, halved to 320x256; its
          published split; randomly flipped and shifted in training
Process   YOLOv3 on a small Darknet: three grids of 40x32, 20x16 and 10x8 cells, nine
          anchor boxes by k-means; loss: generalized IoU, object, class; Adam, cosine
          schedule
Output    5,040 candidates -> boxes and scores -> non-maximum suppression per class ->
          those above the threshold with the highest F1 on the validation split; mAP as
          of COCO; baselines: no boxes, mean boxes, blobs, components

Command   kissipo fit blood-cells                                in about a minute
          kissipo fit blood-cells process.epochs=22              in about two
          kissipo fit blood-cells process.coordinates=squared    as the first YOLO
          kissipo fit blood-cells process.precision=bfloat16     where it is fast
          kissipo show blood-cells                               every step
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "images": "bccd",
            "size": [256, 320],
            "augment": ["flip", "crop"],
            "batch_size": 4,
            "split": {"validation": 0.05},
        },
        process={
            "net": "yolo",
            "anchors": 9,
            "learning_rate": 0.004,
            "schedule": "cosine",
            "warmup": 0.1,
            "epochs": 11,
            "early_stopping": {"patience": 0},
        },
        output={"boxes": "label", "decode": {"iou_threshold": 0.5}},
    ),
    system="S41",
    data="364 images of blood with 4,886 boxes",
    metric="map_50",
    band=(0.80, 0.95),
    expected="mAP 0.87 to 0.89 at IoU 0.5, 0.49 to 0.52 over 0.50:0.95; blobs 0.38",
    seconds=60,
    look="which candidate is responsible, and t becoming b, in `kissipo xray`; report.html",
    differs="a small backbone from random weights, where YOLOv3 starts from Darknet-53 on ImageNet",
)
