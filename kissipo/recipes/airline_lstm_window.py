"""Airline passengers, predictor 5 of 5 (S22): twelve months as twelve LSTM steps.

Input     twelve months of passengers; the last 24 months are the test split
Process   an LSTM of 64 units over twelve steps of one feature; the last state gives the
          forecast
Output    the next month; baselines: naive, seasonal naive, exponential smoothing,
          linear autoregression

Command   kissipo fit airline-lstm-window    this predictor
          kissipo compare airline-dense-step airline-lstm-step airline-dense-window
              airline-lstm-features airline-lstm-window --seeds 5
"""

from kissipo.recipes._airline import predictor

RECIPE = predictor(
    12,
    {"net": "recurrent", "cell": "lstm", "units": 64, "subtract_last": True},
    band=(10.0, 30.0),
    expected="behind the two that see all months at once: 97 windows are few for an LSTM",
)
