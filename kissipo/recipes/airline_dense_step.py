"""Airline passengers, predictor 1 of 5 (S22): one month into one hidden layer.

Input     one month of passengers; the last 24 months judge
Process   one hidden layer of 64 over one number; it cannot know where in the year it is
Output    the next month, beside naive, seasonal naive, exponential smoothing and linear autoregression

Command   kissipo fit airline-dense-step        this predictor
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
            "window": 1,
            "batch": 16,
            "split": {"test": 0.1667, "validation": 0.1},
        },
        process={"net": "ffn", "units": [64], "relative": False, "rate": 0.003, "epochs": 200},
        output={"forecast": "Passengers", "horizon": 1},
    ),
    system="S22",
    data="144 months of airline passengers, 1949-1960",
    metric="mae",
    band=(35.0, 55.0),
    expected="no better than the last value: one month says nothing about the season",
    seconds=2,
    look="the five side by side: what a window is worth, and what a memory is worth where there is a window",
    differs="the lecture does not say its split; windows are taken relative to their last month",
)
