"""What the two nets that play go have in common: the games, the training and the
answer."""

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task


def next_move(
    net: dict[str, object], *, band: tuple[float, float], expected: str, seconds: int
) -> Recipe:
    """Returns the recipe of one of the two nets."""
    return Recipe(
        task=Task(
            input={"games": "generated", "num_games": 100, "batch_size": 64},
            process={**net, "schedule": "cosine", "epochs": 10},
            output={"category": "move"},
        ),
        system="S19",
        data="100 generated games of 120 moves on 19x19",
        metric="accuracy",
        band=band,
        expected=expected,
        seconds=seconds,
        look=(
            "go beside go-dense in `kissipo compare`; the boards of the worst errors in report.html"
        ),
        differs=(
            "the lecture uses games of masters; these follow a simple rule, and half of "
            "the moves are random"
        ),
    )
