"""Airline passengers, predictor 3 of 5 (S22): twelve months into one hidden layer.

Input     twelve months of passengers; the last 24 months are the test split
Process   one hidden layer of 64 units; the last month is subtracted from the window
Output    the next month; baselines: naive, seasonal naive, exponential smoothing,
          linear autoregression

Command   kissipo fit airline-dense-window    this predictor
          kissipo compare airline-dense-step airline-lstm-step airline-dense-window
              airline-lstm-features airline-lstm-window --seeds 5
"""

from kissipo.recipes._airline import predictor

RECIPE = predictor(
    12,
    {"net": "ffn", "units": [64], "subtract_last": True},
    band=(8.0, 20.0),
    expected="the best of the five, a third of the error of seasonal naive",
)
