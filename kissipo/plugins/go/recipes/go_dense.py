"""Go with a feed-forward net (S19): the lecture's fully connected net beside the
convolutional one.

Input     the board before each move from the player's view, flattened to 361 numbers;
          the same generated games
Process   one hidden layer of 512; a shape that is trained in one corner is unknown in
          the others
Output    361 points -> softmax over the legal ones -> the most probable

Command   kissipo fit go-dense                    this model
          kissipo compare go go-dense --seeds 3   both on the same games
"""

from kissipo.plugins.go.recipes._next_move import next_move

RECIPE = next_move(
    {"net": "ffn", "units": [512], "learning_rate": 0.001},
    band=(0.005, 0.04),
    expected="1-2 % of the moves: a feed-forward net works, but the CNN is much better",
    seconds=5,
)
