"""Magnetic tiles, pixel by pixel: what on a surface is a defect, by a U-Net from scratch, judged on tiles never seen (S18).

Input     692 gray images of 197 tiles under up to six exposures, brought to 64x64, and their masks; mirrored, turned, brighter or darker
          while learning, the mask with them; a tile lies in one part only
Process   a U-Net of four levels, 8 to 64 filters, each image made even first; Dice and cross-entropy; Adam, cosine, the mean of the
          weights; the last epoch is kept
Output    defect or nothing for every pixel: overlap (IoU, Dice), beside nothing marked, a limit of brightness, a forest on pixels

Command   kissipo fit magnetic-tile-masks                            binary marks
          kissipo fit magnetic-tile-masks output.mask=class          what is marked is of the class of its folder
          kissipo fit magnetic-tile-masks input.split.group=null     the leak: exposures of one tile on both sides
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
    look="what is marked worst and best, beside the truth; the overlap of each class",
    differs="splits by image, as they are usual with these data, let other exposures of the same tile judge",
)
