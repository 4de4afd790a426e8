"""Sunspots, the next twelve years from the last twenty-two (S22): a rolling window over a series with a cycle of eleven years.

Input     sunspots a year, windows of two cycles; the last fifth of the years judges
Process   an LSTM over the window, one linear layer to twelve years
Output    twelve numbers in the unit of the data, beside naive, seasonal naive and linear autoregression

Command   kissipo fit sunspots              twelve years ahead
          kissipo fit sunspots --horizon 1  one year ahead
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={"series": "sunspots", "time": "YEAR", "season": 11, "window": 22, "batch": 16},
        process={"net": "recurrent", "cell": "lstm", "units": 32},
        output={"forecast": "SUNACTIVITY", "horizon": 12},
    ),
    system="S22",
    data="309 years of sunspots, from statsmodels",
    metric="mae",
    band=(15.0, 40.0),
    expected="better than seasonal naive",
    seconds=5,
    look="the error by step ahead; the verdict beside linear autoregression",
    differs="the lectures use monthly passengers; the window and the split are theirs",
)
