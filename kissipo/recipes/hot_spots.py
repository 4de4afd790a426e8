"""Demand hot spots"""
from kissipo.core.recipe import Recipe
from kissipo.core.task import Task

RECIPE = Recipe(
    task=Task(
        input={
            "events": "montevideo-bus",
            "place": "stop",
            "window": 24,
            "batch_size": 256,
            "split": {"test": 0.2258, "validation": 0.0968},
        },
        process={
            "net": "recurrent",
            "cell": "gru",
            "units": 32,
            "learning_rate": 0.001,
            "epochs": 5,
        },
        output={"forecast": "count", "horizon": 1, "decode": {"top_k": 20}},
    ),
    system="S48",
    data="boardings at 675 bus stops of Montevideo, 744 hours",
    metric="rmse",
    band=(1.0, 1.12),
    expected="",
    seconds=30,
)
