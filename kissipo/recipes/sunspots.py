"""Sunspots (S22): the next twelve years from the last twenty-two, a rolling window over
a series with a season of eleven years.

Input     yearly sunspots in windows of two seasons; the last fifth is the test split
Process   two hidden layers over the window, minus its last year; twelve outputs
Output    twelve numbers in the unit of the data; baselines: naive, seasonal naive,
          linear autoregression

Command   kissipo fit sunspots              twelve years ahead
          kissipo fit sunspots --horizon 1  one year ahead
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "series": "sunspots",
            "time": "YEAR",
            "season_length": 11,
            "window": 22,
            "batch_size": 16,
        },
        process={
            "net": "ffn",
            "units": [64, 64],
            "dropout": 0.1,
            "subtract_last": True,
            "epochs": 100,
        },
        output={"forecast": "SUNACTIVITY", "horizon": 12},
    ),
    system="S22",
    data="309 years of sunspots, from statsmodels",
    metric="mae",
    band=(20.0, 29.0),
    expected="better than seasonal naive",
    seconds=5,
    look=(
        "the error by step ahead; the verdict against linear autoregression; "
        "process.net=recurrent to compare"
    ),
    differs="the lectures use monthly passengers; window and split as in the lectures",
    also={
        "S06": "kissipo compare sunspots --vary process.loss=mse,mae,huber",
        "S23": "kissipo fit sunspots",
    },
)
