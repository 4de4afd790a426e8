"""Fake news (S35): is a post about COVID-19 real or false, with a small BERT.

Input     10,700 posts in the official splits, as up to 96 word pieces
Process   a BERT of two layers, trained from scratch; or a published one, fine-tuned
Output    real or fake; baselines: TF-IDF with a linear SVM and with logistic
          regression, majority class

Command   kissipo fit fake-news
          kissipo fit fake-news process.weights=minilm process.learning_rate=5e-5
                                           fine-tunes a published model in this folder
          kissipo xray RUN "Drinking bleach cures it."
                                           every head of every layer
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "table": "covid-fake-news",
            "text": "tweet",
            "tokenizer": "wordpieces",
            "max_length": 96,
            "batch_size": 32,
        },
        process={
            "net": "bert",
            "num_layers": 2,
            "units": 128,
            "num_heads": 4,
            "dropout": 0.2,
            "optimizer": "adamw",
            "learning_rate": 0.0005,
            "schedule": "cosine",
            "warmup": 0.1,
            "epochs": 4,
        },
        output={"category": "label", "baselines": ["majority", "tfidf_logistic", "tfidf_svm"]},
    ),
    system="S35",
    data="10,700 posts about COVID-19",
    metric="accuracy",
    band=(0.90, 0.97),
    expected="95.0 % correct from scratch, 95.7 % by a published MiniLM after two epochs; TF-IDF "
    "with a linear SVM 94.6 %",
    seconds=100,
    look="the attention of [CLS] in the last layer; the posts that are wrong in the report",
    differs="the lecture fine-tunes BERT base with Adam 2e-5; its weights are not shipped here",
)
