"""Machine temperature (S24): anomalies by the error of a forecast of the next five
minutes.

Input     eight hours of temperatures; the first week trains, the rest is monitored
Process   two hidden layers over the window, minus its last value
Output    alarms: steps with a larger error than all but one in ten thousand training
          steps, beside labeled windows and baseline detectors

Command   kissipo fit machine-temperature
          kissipo fit machine-temperature net=autoencoder
                               by the reconstruction error: more hits, more false alarms
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
    expected=(
        "three or four of four labeled windows detected, about four false alarms per "
        "month; most baseline detectors find two"
    ),
    seconds=5,
    look=(
        "the alarms over the series: the February failure is detected half a day "
        "before its window ends"
    ),
    differs=(
        "the net is trained once, on the first week; NAB's detectors continue "
        "training and share a threshold chosen by the score"
    ),
)
