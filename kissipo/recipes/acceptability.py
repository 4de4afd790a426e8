"""Acceptability (S35): would a linguist accept the sentence, with a small BERT.

Input     9,594 sentences of CoLA, as up to 40 word pieces; the test split is that of
          the published development sets
Process   a BERT of two layers, trained from scratch; or a published one, fine-tuned
Output    acceptable or not, with Matthews' correlation: 0 is chance, 1 is perfect

Command   kissipo fit acceptability
          kissipo fit acceptability process.weights=minilm process.learning_rate=3e-5
                                           fine-tunes a published model in this folder
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "table": "cola",
            "text": "sentence",
            "tokenizer": "wordpieces",
            "max_length": 40,
            "batch_size": 32,
        },
        process={
            "net": "bert",
            "num_layers": 2,
            "units": 128,
            "num_heads": 4,
            "optimizer": "adamw",
            "learning_rate": 0.0005,
            "schedule": "cosine",
            "warmup": 0.1,
            "epochs": 4,
        },
        output={
            "category": "verdict",
            "metrics": ["matthews_corrcoef"],
            "baselines": ["majority", "tfidf_logistic", "tfidf_svm"],
        },
    ),
    system="S35",
    data="9,594 sentences of CoLA",
    metric="matthews_corrcoef",
    band=(-0.05, 0.25),
    expected="a correlation of 0 from scratch: the net accepts every sentence; a published MiniLM "
    "reaches 0.15 to 0.26 (seeds differ), TF-IDF with logistic regression 0.08",
    seconds=60,
    look="the confusion matrix: a net from scratch accepts nearly everything",
    differs="published figures are those of large models; BERT base has a correlation of 0.52",
)
