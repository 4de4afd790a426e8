"""Machine temperature: what is not as it should be (S24), by the error of a forecast of the next five minutes.

Input     eight hours of temperatures; the first week trains, all that follows is watched
Process   two hidden layers over the window, taken relative to its last value
Output    alarms: steps further from their forecast than one in ten thousand was in training, beside labeled windows and simple watchers

Command   kissipo fit machine-temperature
          kissipo fit machine-temperature net=autoencoder    by what a narrow net gives back: more hits and many more false alarms
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "series": "machine-temperature",
            "time": "timestamp",
            "duplicate_timestamps": "mean",
            "season_length": 0,
            "window": 96,
            "batch_size": 32,
            "split": {"test": 0.92, "validation": 0.01},
        },
        process={
            "net": "ffn",
            "units": [64, 64],
            "dropout": 0.1,
            "subtract_last": True,
            "epochs": 20,
        },
        output={"anomaly": "value", "anomaly_labels": "anomaly"},
    ),
    system="S24",
    data="22,695 temperatures of a machine, every five minutes (NAB)",
    metric="nab",
    band=(15.0, 70.0),
    expected="three or four of four labeled windows hit, about four false alarms a month; most simple watchers hit two",
    seconds=5,
    look="the alarms over the series: the failure of February is met half a day before its window ends, not before it began",
    differs="the net learns once, from the first week; NAB's own detectors go on learning, and share one threshold chosen by the score",
)
