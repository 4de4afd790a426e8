"""a text as a run reads it, coloured by one neuron, with what it expects next; a picture with where the net looked; a number opened

kissipo xray runs/novel-1 "It was a dark and stormy night"
kissipo xray runs/novel-1 --file chapter.txt --neuron 7
kissipo xray runs/novel-1 --file chapter.txt --out chapter.html
kissipo xray runs/tiles-1 tile.png --out tile.html
kissipo xray runs/digits-1 picture.png --layer 0 --cell 3       one number of a layer: every term that it is made of
kissipo xray runs/novel-1 "She said" --layer cell --cell 4,7    all gates of a unit at a step
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from kissipo.cli.screen import Screen

if TYPE_CHECKING:
    from kissipo.plan.xray_picture import PictureXray


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo xray`."""
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument(
        "values",
        metavar="VALUE",
        nargs="*",
        help="a text, or the path of a picture; with --layer whatever `kissipo predict` takes, or nothing: the first test sample",
    )
    parser.add_argument("--file", help="a file that holds the text")
    parser.add_argument(
        "--neuron", type=int, metavar="N", help="which one colours the text, from 0; else a telling one"
    )
    parser.add_argument("--out", metavar="FILE.html", help="write a page: any neuron of a text, or the picture")
    parser.add_argument("--layer", metavar="NAME", help="opens a number of this layer; `kissipo show RUN` names them")
    parser.add_argument("--cell", metavar="I,J,...", help="its place, from 0; of a recurrent layer TIME,UNIT")
    parser.add_argument("--json", action="store_true", help="give the activity and what is expected as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """The text in colour, or a page."""
    from kissipo.cli.coloured import coloured
    from kissipo.core.errors import TaskError
    from kissipo.plan.run import Run
    from kissipo.plan.xray import Xray

    if arguments.layer is not None or arguments.cell is not None:
        return _cell(arguments, screen)
    if len(arguments.values) > 1:
        raise TaskError("kissipo xray takes one text or picture", given=str(len(arguments.values)), do="Quote a text")
    if bool(arguments.values) == (arguments.file is not None):
        raise TaskError("kissipo xray takes a text or --file, one of both")
    opened = Run.look(arguments.run)
    text = arguments.values[0] if arguments.file is None else Path(arguments.file)
    seen = opened.xray(text, neuron=arguments.neuron)
    screen.remarks(seen.notes)
    if not isinstance(seen, Xray):
        return _picture(seen, arguments, screen)
    if arguments.out:
        screen.note(f"written to {seen.save(arguments.out)}: open it in a browser, choose any neuron")
    else:
        plain = screen.out.color_system is None
        screen.result(coloured(seen, width=screen.out.width, bars=plain))
        legend = (
            "the higher the bar, the more active"
            if plain
            else "[black on #34be5c]active[/] [black on #5c94ff]not active[/]"
        )
        screen.result(f"{legend}; below, what it expects next, the likeliest first")
    screen.result(f"neuron {seen.neuron} (0 to {seen.states.shape[1] - 1}): {seen.why}")
    screen.result_json(seen.to_json())
    return None


def _cell(arguments: Namespace, screen: Screen) -> None:
    """A number of a layer, opened."""
    from kissipo.cli.tell_cell import tell_cell
    from kissipo.core.errors import TaskError
    from kissipo.plan.cell import cell_of
    from kissipo.plan.run import Run

    if arguments.layer is None or arguments.cell is None:
        raise TaskError("a number is opened with --layer and --cell, both of them", do="Such as --layer 0 --cell 3")
    if arguments.neuron is not None or arguments.out:
        raise TaskError("--neuron and --out belong to a whole text or picture", do="Leave them out beside --layer")
    if arguments.values and arguments.file:
        raise TaskError("kissipo xray takes values or --file, one of both")
    try:
        place = tuple(int(each) for each in arguments.cell.split(","))
    except ValueError:
        raise TaskError(
            "--cell says a place", given=repr(arguments.cell), allowed="whole numbers such as 3 or 4,7"
        ) from None
    values = [Path(arguments.file)] if arguments.file else arguments.values
    opened, notes = cell_of(Run.look(arguments.run), values, arguments.layer, place)
    screen.remarks(notes)
    tell_cell(screen, opened)
    screen.result_json({"run": arguments.run, "notes": notes, **opened.to_json()})


def _picture(seen: PictureXray, arguments: Namespace, screen: Screen) -> None:
    """Where the net looked for each answer, in words; and the page."""
    from rich.markup import escape

    from kissipo.cli.screen import table

    made = table("answer", "probability", "warmest", right=(1,))
    for each in seen.looks:
        made.add_row(escape(each.answer), f"{each.probability:.1%}", each.where)
    screen.result(made)
    screen.result(f"{seen.how}.")
    if arguments.out:
        screen.note(f"written to {seen.save(arguments.out)}: open it in a browser")
    screen.result_json(seen.to_json())
