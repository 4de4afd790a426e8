"""ask a run: one answer a line with its confidence

kissipo predict runs/spam-1 "WIN a free prize now"
kissipo predict runs/wine-1 alcohol=13.2 hue=1.04 ...
kissipo predict runs/tiles-1 photo1.png photo2.png
kissipo predict runs/sgf-1 game.sgf
kissipo predict runs/wine-1 --file new.csv
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from kissipo.cli.screen import Screen


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo predict`."""
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument(
        "values",
        metavar="VALUE",
        nargs="*",
        help="a text, a picture, name=value pairs, the newest steps of a series, a record of a game",
    )
    parser.add_argument("--file", help="a file of rows, or of steps")
    parser.add_argument("--json", action="store_true", help="give the answers as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """One line a sample."""
    from kissipo.cli.tell import tell_answer
    from kissipo.core.errors import TaskError
    from kissipo.plan.run import Run

    if bool(arguments.values) == bool(arguments.file):
        raise TaskError("kissipo predict takes values or --file, one of both")
    opened = Run.open(arguments.run)
    answers, remarks = opened.predict_all([Path(arguments.file)] if arguments.file else arguments.values)
    screen.remarks(remarks)
    for row in answers:
        if not screen.as_json:
            print("\t".join(tell_answer(each) for each in row))  # noqa: T201
    names = [answer.name for answer in opened.answers]
    rows = [{name: each.to_json() for name, each in zip(names, row, strict=True)} for row in answers]
    screen.result_json({"run": arguments.run, "notes": remarks, "predictions": rows})
