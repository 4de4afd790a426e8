"""built-in tasks: name, system, data, expected score and time"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from kissipo.cli.screen import Screen, table


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo list`."""
    parser.add_argument("--json", action="store_true", help="give the list as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """One line a task."""
    from kissipo.plan.recipes import all_recipes, data_are_fetched

    made = table("task", "system", "data", "expected", "training")
    rows = []
    for name, recipe in all_recipes():
        fetched = data_are_fetched(recipe)
        data = f"{recipe.data}, fetched once" if fetched else recipe.data
        made.add_row(f"[bold]{name}[/]", recipe.system, data, recipe.expected, f"{recipe.seconds} s")
        rows.append(
            {
                "task": name,
                "system": recipe.system,
                "data": recipe.data,
                "expected": recipe.expected,
                "seconds": recipe.seconds,
                "fetched": fetched,
            }
        )
    screen.result(made)
    screen.result_json(rows)
