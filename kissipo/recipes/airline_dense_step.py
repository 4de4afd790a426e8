"""Airline passengers, predictor 1 of 5 (S22): one month into one hidden layer.

Input     one month of passengers; the last 24 months judge
Process   one hidden layer of 64 over one number; it cannot know where in the year it is
Output    the next month, beside naive, seasonal naive, exponential smoothing and linear autoregression

Command   kissipo fit airline-dense-step        this predictor
          kissipo compare airline-dense-step airline-lstm-step airline-dense-window airline-lstm-features airline-lstm-window --seeds 5
"""

from kissipo.recipes._airline import predictor

RECIPE = predictor(
    1,
    {"net": "ffn", "units": [64], "subtract_last": False},
    band=(35.0, 55.0),
    expected="no better than the last value: one month says nothing about the season",
)
