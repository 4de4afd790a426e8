"""ETTh1 (S22): four days of seven variables of a transformer, hour by hour, a common
benchmark of long forecasts.

Input     two weeks of hours; twelve months train, four validate, the last four test
          (months of thirty days)
Process   a GRU over fourteen days; each variable from its own past, minus its last
          value; trained on the mean absolute error
Output    96 hours of all seven, in the scale of the training split; baselines: seasonal
          naive, exponential smoothing, linear autoregression

Command   kissipo fit etth1
          kissipo fit etth1 process.patch_length=1 process.channel_independent=false
              input.window=96                     the usual LSTM on one hour per step

Published for horizon 96, MSE / MAE on the same splits and scale: Informer 0.865 /
0.713, Autoformer 0.449 / 0.459, DLinear 0.375 / 0.399 (Zeng et al., AAAI 2023),
PatchTST 0.370 / 0.400 (Nie et al., ICLR 2023), SegRNN, a GRU on segments, 0.341 / 0.376
(Lin et al. 2023).
"""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

VARIABLES = ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]

RECIPE = Recipe(
    task=Task(
        input={
            "series": "etth1",
            "time": "date",
            "max_rows": 14_400,
            "features": VARIABLES,
            "window": 336,
            "season_length": 24,
            "batch_size": 64,
            "split": {"test": 0.2, "validation": 0.2},
        },
        process={
            "net": "recurrent",
            "cell": "gru",
            "units": 128,
            "patch_length": 24,
            "channel_independent": True,
            "subtract_last": True,
            "dropout": 0.2,
            "loss": "mean_absolute_error",
            "learning_rate": 0.001,
            "epochs": 8,
        },
        output={"forecast": VARIABLES, "horizon": 96},
    ),
    system="S22",
    data="14,400 hours of an electricity transformer",
    metric="normalized_mae",
    band=(0.375, 0.405),
    expected=(
        "a little better than linear autoregression (0.395), "
        "which is better than many published nets"
    ),
    seconds=50,
    look=(
        "the error by variable and by step ahead; the coverage of the interval, which"
        " drifts from the target"
    ),
    differs="the published split, scale and horizon; the window of DLinear",
)
