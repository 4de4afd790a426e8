"""Generated digits with a DCGAN (S40), on a data set of scikit-learn.

Input     noise: 32 numbers from a normal distribution
Process   generator: linear, two transposed convolutions; discriminator: two
          convolutions, linear; adversarial training with two Adam optimizers
Output    64 logits -> sigmoid -> an image of 8x8 gray pixels

Command   kissipo fit dcgan          in 30 seconds images that mostly read as digits
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"images": "digits", "noise": 32, "batch_size": 64},
        process={
            "net": "dcgan",
            "filters": [32, 16],
            "learning_rate": 0.001,
            "discriminator_learning_rate": 0.001,
            "epochs": 120,
        },
        output="image",
    ),
    system="S40",
    data="1,797 digits of 8x8 pixels, from scikit-learn",
    metric="frechet_distance",
    band=(0.25, 0.65),
    expected=(
        "Fréchet distance of the pixels 0.35-0.50; other real digits have 0.36, Gaussian pixels 1.7"
    ),
    seconds=30,
    look=(
        "the generated images and their nearest real ones in report.html; both losses, of "
        "which neither falls to the end"
    ),
    differs="the paper has photographs of 64x64 pixels and four levels",
)
