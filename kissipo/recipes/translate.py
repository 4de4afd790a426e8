"""Translated captions (S33): a GRU with attention translates German into English.

Input     Multi30k: 29,000 captions of images and their translations; pieces of words
          (BPE), learned from the training split
Process   encoder: a GRU in both directions; decoder: a GRU with additive attention,
          trained with teacher forcing
Output    the English caption, piece by piece, to its end
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "pairs": "multi30k",
            "source": "de",
            "tokenizer": "bpe",
            "vocab_size": 4_000,
            "lowercase": True,
            "batch_size": 64,
        },
        process={
            "net": "seq2seq",
            "cell": "gru",
            "attention": "additive",
            "units": 256,
            "embedding_dim": 128,
            "tied_embedding": True,
            "dropout": 0.3,
            "learning_rate": 0.001,
            "schedule": "cosine",
            "clip_norm": 1.0,
            "epochs": 10,
        },
        output={"text": "en"},
    ),
    system="S33",
    data="31,014 captions",
    metric="exact_match",
    band=(0.0, 1.0),
    expected="",
    seconds=600,
    look="",
    differs="",
)
