"""PCA of iris (S36): a map of 150 flowers, in six steps that are all shown.

Input     four lengths of 150 flowers, each with mean 0 and standard deviation 1
Process   covariance, its eigenvectors, the two with the largest eigenvalues
Output    two coordinates per flower; the species colors the map, unseen by the net.
          Trustworthiness: are neighbors on the map neighbors in the data?

Command   kissipo fit pca                     the map, in report.html
          kissipo show runs/pca-1             the six steps with their numbers
          kissipo xray runs/pca-1 --example 1 the same for one flower
          kissipo fit pca net=tsne            t-SNE on the same flowers
          kissipo fit FILE.csv output.map=2   a map of a table of your own
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"table": "iris", "scale": "standard"},
        process={"net": "pca"},
        output={"map": 2, "color_by": "species"},
    ),
    system="S36",
    data="150 flowers, four lengths each, from scikit-learn",
    metric="explained_variance",
    band=(0.957, 0.959),
    expected="two components explain 95.8 % of the variance",
    seconds=1,
    look="the six steps in `kissipo show RUN`; the flowers under the pointer in report.html",
    differs="the signs follow scikit-learn: the largest entry of each vector is positive",
)
