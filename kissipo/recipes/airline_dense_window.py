"""Airline passengers, predictor 3 of 5 (S22): twelve months into one hidden layer.

Input     twelve months of passengers; the last 24 months judge
Process   one hidden layer of 64 over the window, taken relative to its last month
Output    the next month, beside naive, seasonal naive, exponential smoothing and linear autoregression

Command   kissipo fit airline-dense-window      this predictor
          kissipo compare airline-dense-step airline-lstm-step airline-dense-window airline-lstm-features airline-lstm-window --seeds 5
"""

from kissipo.recipes._airline import predictor

RECIPE = predictor(
    12,
    {"net": "ffn", "units": [64], "subtract_last": True},
    band=(8.0, 20.0),
    expected="the best of the five, a third of seasonal naive's error",
)
