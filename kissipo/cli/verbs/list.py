"""built-in tasks: name, system, data, expected score and time"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from kissipo.cli.screen import Screen, table
from kissipo.core.json_object import JsonObject


def options(parser: ArgumentParser) -> None:
    """Adds the arguments of `kissipo list`."""
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """Prints one line per task, lesson and further system that a task shows."""
    listed = table("task", "system", "data", "expected", "training")
    listed.columns[0].no_wrap = True
    rows = sorted(_rows(), key=lambda row: str(row["system"]))
    for row in rows:
        data = f"{row['data']}, fetched once" if row["fetched"] else row["data"]
        seconds = f"{row['seconds']} s" if row["seconds"] else ""
        listed.add_row(f"[bold]{row['task']}[/]", row["system"], data, row["expected"], seconds)
    screen.result(listed)
    screen.result_json(rows)


def _rows() -> Iterator[JsonObject]:
    from kissipo.lessons import all_lessons
    from kissipo.pipeline.recipes import all_recipes, data_are_fetched

    for name, recipe in all_recipes():
        row: JsonObject = {"task": name, "system": recipe.system, "data": recipe.data}
        row |= {"expected": recipe.expected, "seconds": recipe.seconds}
        row |= {"fetched": data_are_fetched(recipe)}
        yield row
        for system, command in recipe.also.items():
            task = command.split()[2]
            data: JsonObject = {} if task == name else {"data": "", "fetched": False}
            yield row | {"task": task, "system": system, "expected": command, "seconds": 0} | data
    for name, lesson in all_lessons():
        row = {"task": name, "system": lesson.SYSTEM, "data": lesson.ABOUT}
        yield {**row, "expected": f"kissipo show {name}", "seconds": 0, "fetched": False}
