"""Go: the next move of a game from the board alone, by a convolutional net (S19).

Input     the board before each move as its player sees it: own stones 1, the other's -1, empty 0, 19x19; made games of one plain rule
Process   four convolutions of 16 filters of 3x3 that keep the board's size, and one number for each point, the same filters everywhere
Output    361 points -> softmax over the free ones -> the likeliest, beside 3x3 local patterns and nearest neighbors

Command   kissipo fit go                          this net
          kissipo compare go go-dense --seeds 3   beside a feed-forward net of fifty times the weights
          kissipo fit sgf/                        the same on a folder of records
"""

from kissipo.recipes._go import next_move

RECIPE = next_move(
    {
        "net": "cnn",
        "filters": [16, 16, 16, 16],
        "pool_size": 1,
        "norm": True,
        "flatten": False,
        "units": [],
        "learning_rate": 0.003,
    },
    band=(0.27, 0.4),
    expected="3 of 10 moves, every second among the five likeliest; the rule that made them tells half",
    seconds=25,
)
