"""Headings (S33): a sequence-to-sequence net writes the heading of a section.

Input     1,446 paragraphs of 60 Wikipedia articles for training; 416 sections of 62
          other articles for the test; the first 60 words of each, one id per word
Process   encoder: a GRU in both directions; decoder: a GRU with additive attention,
          trained with teacher forcing for a fixed number of epochs
Output    the heading, word by word, to an end; ROUGE-L; baselines: the first words and
          the central sentence of the text, the heading of the nearest training text,
          the copied text

Command   kissipo fit headings
          kissipo xray runs/headings-1     where the net looked for each word
          kissipo fit headings output.decode.beam=4 output.decode.length_penalty=1
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "table": "headings",
            "text": ["text"],
            "max_length": 60,
            "vocab_size": 4000,
            "batch_size": 32,
            "split": {"validation": 0},
        },
        process={
            "net": "seq2seq",
            "cell": "gru",
            "attention": "additive",
            "units": 128,
            "embedding_dim": 64,
            "dropout": 0.3,
            "learning_rate": 0.003,
            "schedule": "cosine",
            "clip_norm": 1.0,
            "epochs": 20,
        },
        output={"text": "heading", "unit": "words", "eval_metric": "rouge_l"},
    ),
    system="S33",
    data="1,446 paragraphs and 416 sections of Wikipedia articles",
    metric="rouge_l",
    band=(0.038, 0.15),
    expected="ROUGE-L 0.04; the heading of the nearest training text 0.14: it wins, as half of "
    "the words in the headings do not stand in the training data",
    seconds=55,
    look="the verdict, which says that the baseline is better; the share of unknown words",
    differs="papers on summaries train on 300,000 articles, and copy words of the text",
)
