"""MovieLens (S43): how many stars a user gives a film, and which films to watch next.

Input     100,000 ratings of 1,682 films by 943 users; ids made contiguous
Process   a bias and a vector of 32 numbers per user and per film; their dot product
          (matrix factorization), trained with an L2 penalty per sample
Output    stars; the ten best films that a user has not rated, each with the rated films
          that are nearest to it. Baselines: the mean, user and item biases, and for the
          order of all films the most popular ones

Command   kissipo fit movielens                    the dot product and biases
          kissipo fit movielens units=[512]        the lecture's net: a hidden layer
          kissipo fit movielens embedding_dim=0    biases alone
          kissipo fit movielens features=[genres,age,occupation]
                                         side features, also for new users and films
          kissipo fit movielens rating=implicit    ranks films by who chose them (BPR)
          kissipo fit movielens split.method=time  also leave_last_out
          kissipo predict RUN 196                  ten films for user 196, with reasons
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "ratings": "movielens-100k",
            "user": "user",
            "item": "film",
            "time": "time",
            "split": {"test": 0.2, "validation": 0.05},
        },
        process={"net": "recommender", "embedding_dim": 32},
        output={"rating": "stars", "decode": {"top_k": 10}},
    ),
    system="S43",
    data="100,000 ratings of 1,682 films by 943 users",
    metric="rmse",
    band=(0.90, 0.93),
    expected=(
        "RMSE 0.91-0.92 stars, beside 0.94 of user and item biases; five folds 0.911; "
        "with rating=implicit NDCG@10 0.42, beside 0.22 of the most popular films"
    ),
    seconds=5,
    look="the films for some users with their reasons; the error of films with few ratings",
    differs=(
        "the lecture's net has a hidden layer of 512 units over both vectors, and no biases; "
        "units=[512] trains it beside the biases"
    ),
)
