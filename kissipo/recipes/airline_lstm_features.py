"""Airline passengers, predictor 4 of 5 (S22): twelve months as the features of one
LSTM step.

Input     twelve months of passengers; the last 24 months are the test split
Process   an LSTM of 64 units over one step of twelve features: a dense layer with gates
Output    the next month; baselines: naive, seasonal naive, exponential smoothing,
          linear autoregression

Command   kissipo fit airline-lstm-features    this predictor
          kissipo compare airline-dense-step airline-lstm-step airline-dense-window
              airline-lstm-features airline-lstm-window --seeds 5
"""

from kissipo.recipes._airline import predictor

RECIPE = predictor(
    12,
    {"net": "recurrent", "cell": "lstm", "units": 64, "patch_length": 12, "subtract_last": True},
    band=(8.0, 24.0),
    expected="slightly behind the dense layer on windows",
)
