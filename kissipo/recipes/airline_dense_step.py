"""Airline passengers, predictor 1 of 5 (S22): one month into one hidden layer.

Input     one month of passengers; the last 24 months are the test split
Process   one hidden layer of 64 units; one number does not show the month of the year
Output    the next month; baselines: naive, seasonal naive, exponential smoothing,
          linear autoregression

Command   kissipo fit airline-dense-step    this predictor
          kissipo compare airline-dense-step airline-lstm-step airline-dense-window
              airline-lstm-features airline-lstm-window --seeds 5
"""

from kissipo.recipes._airline import predictor

RECIPE = predictor(
    1,
    {"net": "ffn", "units": [64], "subtract_last": False},
    band=(35.0, 55.0),
    expected="no better than the last value: one month does not show the season",
)
