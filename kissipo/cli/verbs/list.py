"""built-in tasks: name, system, data, expected score and time"""

from argparse import ArgumentParser, Namespace
from typing import Any

from kissipo.cli.screen import Screen, table


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo list`."""
    parser.add_argument("--json", action="store_true", help="give the list as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """One line a task; a lesson is shown, not trained."""
    from kissipo.lessons import all_lessons
    from kissipo.pipeline.recipes import all_recipes, data_are_fetched

    made = table("task", "system", "data", "expected", "training")
    rows = []
    for name, recipe in all_recipes():
        fetched = data_are_fetched(recipe)
        data = f"{recipe.data}, fetched once" if fetched else recipe.data
        made.add_row(
            f"[bold]{name}[/]", recipe.system, data, recipe.expected, f"{recipe.seconds} s"
        )
        rows.append(
            _row(name, recipe.system, recipe.data, recipe.expected, recipe.seconds, fetched)
        )
    for name, lesson in all_lessons():
        made.add_row(
            f"[bold]{name}[/]", lesson.SYSTEM, lesson.ABOUT, f"kissipo show {name}", "none"
        )
        rows.append(_row(name, lesson.SYSTEM, lesson.ABOUT, f"kissipo show {name}", 0, False))
    screen.result(made)
    screen.result_json(rows)


def _row(
    name: str, system: str, data: str, expected: str, seconds: int, fetched: bool
) -> dict[str, Any]:
    return {
        "task": name,
        "system": system,
        "data": data,
        "expected": expected,
        "seconds": seconds,
        "fetched": fetched,
    }
