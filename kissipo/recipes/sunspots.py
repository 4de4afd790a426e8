"""Sunspots, the next twelve years from the last twenty-two (S22): a rolling window over a series with a cycle of eleven years.

Input     sunspots a year, windows of two cycles; the last fifth of the years judges
Process   two hidden layers over the window, taken relative to its last year, and twelve years out
Output    twelve numbers in the unit of the data, beside naive, seasonal naive and linear autoregression

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
    look="the error by step ahead; the verdict beside linear autoregression; process.net=recurrent to compare",
    differs="the lectures use monthly passengers; the window and the split are theirs",
)
