"""Next character (S25): a net reads the Python manual, predicts the next character, and
generates text.

Input     the reference manual of Python in windows of 100 characters; the last tenth is
          the test split
Process   an embedding of 64 per character, an LSTM of 128 units whose state is carried
          over between windows (S21), one probability per character
Output    the next character, beside pairs of characters; and generated text

Command   kissipo fit characters                              trains and evaluates
          kissipo generate runs/characters-1 --start "The "   generates text
          kissipo fit novel.txt                               the same on your own text
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "text": "python-reference",
            "tokenizer": "characters",
            "window": 100,
            "batch_size": 32,
        },
        process={
            "net": "recurrent",
            "cell": "lstm",
            "embedding_dim": 64,
            "units": 128,
            "stateful": True,
            "learning_rate": 0.003,
            "epochs": 15,
        },
        output={"text": "next"},
    ),
    system="S25",
    data="the reference manual of this Python, about 470,000 characters",
    metric="nll",
    band=(1.1, 1.7),
    expected="1.4-1.5 nats per character; pairs of characters 2.4",
    seconds=30,
    look="generated text at temperatures 0.5 and 1; the loss beside that of pairs of characters",
    differs="the lectures use novels; this text is part of every Python",
    also={
        "S21": "kissipo fit characters",
    },
)
