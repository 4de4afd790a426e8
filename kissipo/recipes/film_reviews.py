"""Film reviews: 2,000 of them, positive or negative, by a gated recurrent unit that reads in both directions (S26).

Input     2,000 reviews of about 750 words, cut or filled up to 800; each word an id, words seen once share one
Process   an embedding of 32 for each word, a GRU of 32 units in each direction, the mean over time, dropout of a half, one unit
Output    positive or negative, beside TF-IDF with logistic regression and the majority

Command   kissipo fit film-reviews                                            judges 400 reviews
          kissipo compare film-reviews --vary process.pooling=mean,max,last      what becomes of 800 steps
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"table": "film-reviews", "text": "review", "max_length": 800, "batch_size": 32},
        process={
            "net": "recurrent",
            "cell": "gru",
            "bidirectional": True,
            "embedding_dim": 32,
            "units": 32,
            "pooling": "mean",
            "dropout": 0.5,
            "learning_rate": 0.002,
            "schedule": "cosine",
            "epochs": 10,
        },
        output={"category": "feeling"},
    ),
    system="S26",
    data="2,000 film reviews",
    metric="accuracy",
    band=(0.79, 0.89),
    expected="82-86 % right; TF-IDF with logistic regression 87-90 %: it wins, 1,400 reviews teach a net too few words",
    seconds=20,
    look="the verdict, which says that the simpler answer is better; the reviews that are mistaken",
    differs="the lectures quote a study of reviews on Yelp, of which there are millions",
)
