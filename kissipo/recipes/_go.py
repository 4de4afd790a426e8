"""What the two nets that play go share: the games, how long they learn, the question."""

from typing import Any

from kissipo.core.recipe import Recipe
from kissipo.core.task import Task


def next_move(
    net: dict[str, Any], *, band: tuple[float, float], expected: str, seconds: int
) -> Recipe:
    """One of the two: a net, and what it comes to."""
    return Recipe(
        task=Task(
            input={"games": "generated", "num_games": 100, "batch_size": 64},
            process={**net, "schedule": "cosine", "epochs": 10},
            output={"category": "move"},
        ),
        system="S19",
        data="100 made games of 120 moves on 19x19",
        metric="accuracy",
        band=band,
        expected=expected,
        seconds=seconds,
        look="go beside go-dense in `kissipo compare`; the boards of the worst mistakes in report.html",
        differs="the lecture's games are those of masters; these are made by a plain rule, half of whose moves are dice",
    )
