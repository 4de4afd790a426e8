"""A self-organizing map of handwritten digits (S36): a grid whose units become digits.

Input     1,797 images of 8x8 pixels
Process   15 x 15 units, batch training in 30 epochs; the neighborhood shrinks
Output    the unit of each image, its column and row on the grid; the digit colors the
          map, unseen by the net. Quantization error: how far an image is from its unit

Command   kissipo fit som                       U-matrix, hits and units in report.html
          kissipo fit som training=online       sample by sample
          kissipo fit som grid=[6,20]           another grid
          kissipo fit iris output.map=2 net=som component planes of a table
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"images": "digits"},
        process={"net": "som", "grid": [15, 15], "training": "batch", "epochs": 30},
        output={"map": 2, "color_by": "digit"},
    ),
    system="S36",
    data="1,797 digits of 8x8 pixels, from scikit-learn",
    metric="trustworthiness",
    band=(0.9, 1.0),
    expected="quantization error 0.95; neighboring units look alike",
    seconds=2,
    look="the units as images; ridges of the U-matrix between digits",
    differs="the start lies in the plane of the two largest components, not at random",
)
