"""Airline passengers, predictor 4 of 5 (S22): twelve months as the features of one step of an LSTM.

Input     twelve months of passengers; the last 24 months judge
Process   an LSTM of 64 units over one step of twelve features: a dense layer with gates
Output    the next month, beside naive, seasonal naive, exponential smoothing and linear autoregression

Command   kissipo fit airline-lstm-features     this predictor
          kissipo compare airline-dense-step airline-lstm-step airline-dense-window airline-lstm-features airline-lstm-window --seeds 5
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "series": "airline-passengers",
            "time": "Month",
            "season": 12,
            "window": 12,
            "batch": 16,
            "split": {"test": 0.1667, "validation": 0.1},
        },
        process={
            "net": "recurrent",
            "cell": "lstm",
            "units": 64,
            "patch": 12,
            "relative": True,
            "rate": 0.003,
            "epochs": 200,
        },
        output={"forecast": "Passengers", "horizon": 1},
    ),
    system="S22",
    data="144 months of airline passengers, 1949-1960",
    metric="mae",
    band=(8.0, 24.0),
    expected="close behind the dense layer on windows",
    seconds=2,
    look="the five side by side: what a window is worth, and what a memory is worth where there is a window",
    differs="the lecture does not say its split; windows are taken relative to their last month",
)
