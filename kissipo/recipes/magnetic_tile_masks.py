"""Defects of magnetic tiles pixel by pixel (S18), with a U-Net, evaluated on tiles that
are not in training.

Input     692 gray images of 197 tiles in up to six exposures, resized to 64x64, and
          their masks; randomly flipped, rotated and changed in brightness during
          training, each mask with its image; all images of a tile are in one split
Process   a U-Net of four levels, 8 to 64 filters, on standardized images; loss:
          Dice and cross-entropy; Adam, cosine schedule, EMA of the weights; the last
          epoch is used
Output    defect or background for every pixel: IoU, Dice; baselines: no defect, a
          brightness threshold, a random forest on pixels

Command   kissipo fit magnetic-tile-masks                     one class of defects
          kissipo fit magnetic-tile-masks output.mask=class   the class of the folder
          kissipo fit magnetic-tile-masks input.split.group=null
                                    leakage: exposures of a tile in both splits
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "images": "magnetic-tile",
            "size": [64],
            "color": "grayscale",
            "augment": ["flip", "rotate", "color"],
            "split": {"test": 0.25, "validation": 0, "group": "tile", "seed": 0},
            "batch_size": 8,
        },
        process={
            "net": "unet",
            "filters": [8, 16, 32, 64],
            "ema": 0.98,
            "learning_rate": 0.004,
            "schedule": "cosine",
            "warmup": 0.1,
            "epochs": 24,
            "early_stopping": {"patience": 0},
        },
        output={"mask": "defect"},
    ),
    system="S18",
    data="692 images of 197 magnetic tiles with masks",
    metric="iou",
    band=(0.02, 0.3),
    expected="IoU about 0.06 on new tiles; 0.59 split by image",
    seconds=55,
    look="the best and the worst masks beside the targets; the IoU of each class",
    differs=(
        "the usual split of these data is by image, so exposures of the same tile are"
        " in both splits"
    ),
)
