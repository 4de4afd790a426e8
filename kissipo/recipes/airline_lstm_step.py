"""Airline passengers, predictor 2 of 5 (S22): one month into an LSTM.

Input     one month of passengers; the last 24 months are the test split
Process   an LSTM of 64 units over one step; without earlier steps it is a dense layer
          with gates
Output    the next month; baselines: naive, seasonal naive, exponential smoothing,
          linear autoregression

Command   kissipo fit airline-lstm-step    this predictor
          kissipo compare airline-dense-step airline-lstm-step airline-dense-window
              airline-lstm-features airline-lstm-window --seeds 5
"""

from kissipo.recipes._airline import predictor

RECIPE = predictor(
    1,
    {"net": "recurrent", "cell": "lstm", "units": 64, "subtract_last": False},
    band=(35.0, 55.0),
    expected="like the dense layer: one step needs no memory",
)
