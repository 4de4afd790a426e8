"""Airline passengers, predictor 3 of 5 (S22): twelve months into one hidden layer.

Input     twelve months of passengers; the last 24 months judge
Process   one hidden layer of 64 over the window, taken relative to its last month
Output    the next month, beside naive, seasonal naive, exponential smoothing and linear autoregression

Command   kissipo fit airline-dense-window      this predictor
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
        process={"net": "ffn", "units": [64], "relative": True, "rate": 0.003, "epochs": 200},
        output={"forecast": "Passengers", "horizon": 1},
    ),
    system="S22",
    data="144 months of airline passengers, 1949-1960",
    metric="mae",
    band=(8.0, 20.0),
    expected="the best of the five, a third of seasonal naive's error",
    seconds=2,
    look="the five side by side: what a window is worth, and what a memory is worth where there is a window",
    differs="the lecture does not say its split; windows are taken relative to their last month",
)
