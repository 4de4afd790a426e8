"""Go with a feed-forward net (S19): the lecture's fully connected net beside the convolutional one.

Input     the board before each move as its player sees it, laid flat to 361 numbers; the same made games
Process   one hidden layer of 512: what is learned of a shape in one corner is not known in the next
Output    361 points -> softmax over the free ones -> the likeliest

Command   kissipo fit go-dense                    this net
          kissipo compare go go-dense --seeds 3   both on the same games
"""

from kissipo.recipes._go import next_move

RECIPE = next_move(
    {"net": "ffn", "units": [512], "learning_rate": 0.001},
    band=(0.005, 0.04),
    expected="1 or 2 of 100 moves: a feed-forward net can be used, but the CNN performs much better",
    seconds=5,
)
