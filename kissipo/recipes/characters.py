"""Characters, one after the other (S25): a net reads the manual of Python and learns which character comes next; then it writes on.

Input     the reference manual that comes with every Python, in pieces of 100 characters; its last tenth judges
Process   each character an embedding of 64, an LSTM of 128 units that goes on from piece to piece (S21), one probability a character
Output    the next character, beside pairs of characters; and text of its own

Command   kissipo fit characters                                   reads, judges, keeps
          kissipo generate runs/characters-1 --start "The "        writes on
          kissipo fit novel.txt                                    the same on a text of yours
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
    expected="1.4-1.5 nats a character; pairs of characters 2.4",
    seconds=30,
    look="what it writes at temperatures 0.5 and 1; the surprise beside that of pairs of characters",
    differs="the lectures read novels; this text is always there",
)
