"""Taxis in New York (S24): unusual days by the error of a forecast of the next half
hour.

Input     a week of half hours; the first half of the series trains, the second half,
          from the middle of October, is monitored
Process   two hidden layers over the window, minus its last value
Output    alarms on errors averaged over three hours, beside five labeled windows
          (marathon, Thanksgiving, Christmas, New Year, storm)

Command   kissipo fit nyc-taxi                       this detector
          kissipo fit nyc-taxi net=autoencoder       by the reconstruction error
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
    expected="all five labeled windows detected, less than one false alarm per month",
    seconds=5,
    look="the first alarm: the night when the clocks go back, on the day of the marathon",
    differs=(
        "window and smoothing were chosen with these labels in view; NAB's detectors "
        "start with fewer data and continue training"
    ),
)
