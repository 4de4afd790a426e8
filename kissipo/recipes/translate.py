"""Translated captions (S33): a GRU with attention translates German into English.

Input     Multi30k: 29,000 captions of images and their translations in lower case;
          pieces of words (BPE), learned from the training split
Process   encoder: a GRU in both directions; decoder: a GRU with additive attention,
          trained with teacher forcing
Output    the English caption, piece by piece, to its end; greedy, or beam search

Command   kissipo fit translate                      two dogs run through the snow .
          kissipo fit translate input.source=en output.text=de
                                                     from English into German
          kissipo compare translate --vary process.attention=additive,none
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
            "dropout": 0.2,
            "learning_rate": 0.002,
            "schedule": "cosine",
            "warmup": 0.05,
            "clip_norm": 1.0,
            "epochs": 4,
        },
        output={"text": "en"},
    ),
    system="S33",
    data="Multi30k: 29,000 captions to train, 1,014 to validate, 1,000 to test",
    metric="bleu",
    band=(28, 42),
    expected="BLEU above 28, readable English captions; 36 after 6 epochs (process.epochs=6), "
    "where a word-by-word dictionary has 21",
    seconds=750,
    look='attention.softmax in `kissipo xray RUN "ein hund rennt ."`: the word that is read',
    differs="the papers translate news with 1,000 units and 30,000 words",
)
