"""What the five predictors of airline passengers have in common: the series and its
split."""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task


def predictor(
    window: int, net: dict[str, object], *, band: tuple[float, float], expected: str
) -> Recipe:
    """Returns the recipe of one predictor: a net on windows of so many months."""
    return Recipe(
        task=Task(
            input={
                "series": "airline-passengers",
                "time": "Month",
                "season_length": 12,
                "window": window,
                "batch_size": 16,
                "split": {"test": 0.1667, "validation": 0.1},
            },
            process={**net, "learning_rate": 0.003, "epochs": 200},
            output={"forecast": "Passengers", "horizon": 1},
        ),
        system="S22",
        data="144 months of airline passengers, 1949-1960",
        metric="mae",
        band=band,
        expected=expected,
        seconds=2,
        look="the five side by side: what a window adds, and what a memory adds to a window",
        differs=(
            "the lecture does not state its split; the last month is subtracted from each window"
        ),
    )
