"""Boxes on made images (S41): a one-stage detector of circles, squares and triangles.

Input     2,000 gray images of 48x48 pixels with 0 to 4 shapes, and their boxes, as many
          as there are: targets are padded; randomly flipped and shifted in training
Process   three convolutions, each with max pooling; a grid of 6x6 cells with two
          anchor boxes each; loss: object, offsets and class; Adam, cosine schedule
Output    72 candidates -> boxes and scores -> non-maximum suppression per class;
          mAP as of COCO; baselines: no boxes, mean boxes, blobs, components

Command   kissipo fit shapes                             in about a minute
          kissipo fit shapes output.decode.iou_threshold=1    without suppression
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"images": "shapes", "augment": ["flip", "crop"], "batch_size": 32},
        process={
            "net": "grid_detector",
            "filters": [16, 32, 64],
            "anchors": [0.2, 0.4],
            "learning_rate": 0.004,
            "schedule": "cosine",
            "warmup": 0.1,
            "epochs": 20,
            "early_stopping": {"patience": 0},
        },
        output={"boxes": "label", "decode": {"iou_threshold": 0.5}},
    ),
    system="S41",
    data="2,000 made images of 48x48 pixels with their boxes",
    metric="map_50",
    band=(0.88, 0.99),
    expected="mAP 0.94 at IoU 0.5, 0.60 over 0.50:0.95; blobs 0.22",
    seconds=50,
    look="true and predicted boxes side by side in report.html; the steps of `kissipo xray`",
    differs="one grid and made images, where YOLOv3 and SSD have several grids and photographs",
)
