"""t-SNE of handwritten digits (S36): images of one digit lie together on the map.

Input     1,797 images of 8x8 pixels
Process   t-SNE of scikit-learn, perplexity 30, started from the principal components
Output    two coordinates per image; the digit colors the map, unseen by the net.
          Trustworthiness: are neighbors on the map neighbors in the data?

Command   kissipo fit tsne                         the map, in report.html
          kissipo fit tsne perplexity=5            smaller groups
          kissipo xray runs/tsne-1 --example 1     p and q of one image
          kissipo compare tsne --vary process.net=pca,tsne
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"images": "digits"},
        process={"net": "tsne", "perplexity": 30},
        output={"map": 2, "color_by": "digit"},
    ),
    system="S36",
    data="1,797 digits of 8x8 pixels, from scikit-learn",
    metric="trustworthiness",
    band=(0.98, 1.0),
    expected="trustworthiness 0.99, PCA 0.83",
    seconds=6,
    look="the images under the pointer in report.html; how the KL divergence fell",
    differs="new images are placed between their nearest neighbors, as t-SNE has no formula",
)
