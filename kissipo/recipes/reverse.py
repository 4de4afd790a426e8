"""Reversed words (S33): a sequence-to-sequence net with attention reads words backward.

Input     4,000 made words of 3 to 12 letters; one id per letter
Process   encoder: a GRU in both directions; decoder: a GRU with additive attention,
          trained with teacher forcing
Output    the letters of the reversed word, one by one, to an end; greedy, or beam
          search; baselines: copied input, most frequent text, nearest training text

Command   kissipo fit reverse                        learning -> gninrael
          kissipo fit reverse input.make=spelled_words output.text=spelled
                                                     learning -> L-E-A-R-N-I-N-G
          kissipo fit reverse output.decode.beam=4   with a beam search
          kissipo compare reverse --vary process.attention=additive,dot,none
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"make": "reversed_words", "characters": ["word"], "batch_size": 64},
        process={
            "net": "seq2seq",
            "cell": "gru",
            "attention": "additive",
            "units": 64,
            "embedding_dim": 32,
            "learning_rate": 0.003,
            "schedule": "cosine",
            "clip_norm": 1.0,
            "epochs": 15,
        },
        output={"text": "reversed"},
    ),
    system="S33",
    data="4,000 made words of 3 to 12 letters",
    metric="exact_match",
    band=(0.97, 1.0),
    expected="99-100 % of unseen words reversed without an error; no baseline gets one right",
    seconds=30,
    look="attention.softmax in `kissipo xray RUN learning`: the largest weight runs backward",
    differs="the papers translate sentences with 1,000 units and several layers",
)
