"""Films that people like together (S36): item sets and rules by Apriori.

Input     for each of 942 users, the films with 4 or 5 stars (MovieLens 100k)
Process   item sets that at least a tenth of the users have, and their rules with a
          confidence of at least a half
Output    films for a new basket, each with its rule; of every test basket one film is
          hidden and is to be suggested. Baselines: the most popular films, and the
          cosine of films

Command   kissipo fit baskets
          kissipo fit baskets min_support=0.08 max_items=4
          kissipo predict runs/baskets-1 "Star Wars (1977)|Alien (1979)"
          kissipo fit groceries.csv output=rules      a basket, or an item, per line
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "baskets": "movielens-100k",
            "basket": "user",
            "item": "film",
            "rating": "stars",
            "min_rating": 4,
        },
        process={"net": "apriori", "min_support": 0.1, "min_confidence": 0.5, "max_items": 3},
        output="rules",
    ),
    system="S36",
    data="55,375 likes of 1,447 films by 942 users, from MovieLens 100k",
    metric="hit_rate_at_5",
    band=(0.05, 0.3),
    expected="a hidden film is in the first 5 for 9 %, popular films 4 %, cosine of films 17 %",
    seconds=3,
    look="the rules over support and confidence in report.html; the rule of each suggestion",
    differs="rules are found in four fifths of the baskets, the others evaluate them",
)
