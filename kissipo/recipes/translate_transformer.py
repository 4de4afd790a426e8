"""Translated captions (S34): a Transformer translates German into English.

Input     Multi30k: 29,000 captions of images and their translations in lower case;
          pieces of words (BPE), learned from the training split
Process   encoder and decoder: 3 layers of 8 attention heads each, 256 features per
          token and sinusoidal positions; trained with teacher forcing
Output    the English caption, piece by piece, to its end; greedy, or beam search

Command   kissipo fit translate-transformer          two dogs run through the snow .
          kissipo fit translate-transformer output.decode.beam=5
          kissipo compare translate translate-transformer     the same data, two nets
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
            "net": "transformer",
            "units": 256,
            "num_layers": 3,
            "num_heads": 8,
            "feed_forward_units": 512,
            "dropout": 0.1,
            "learning_rate": 0.001,
            "schedule": "cosine",
            "warmup": 0.1,
            "clip_norm": 1.0,
            "epochs": 5,
        },
        output={"text": "en"},
    ),
    system="S34",
    data="Multi30k: 29,000 captions to train, 1,014 to validate, 1,000 to test",
    metric="bleu",
    band=(33, 42),
    expected="BLEU 35.2 (chrF 54.5) after 5 epochs; a word-by-word dictionary has 21.5",
    seconds=900,
    look='attention.softmax in `kissipo xray RUN "ein hund rennt ."`: the word that is read',
    differs="the paper trains 6 layers of 512 features on 4.5 million pairs of sentences",
)
