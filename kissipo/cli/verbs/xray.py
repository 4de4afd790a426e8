"""one sample from the inside, in the terminal and as one page: its way, every layer, every gate over time, attention, numbers opened

kissipo xray runs/digits-1                                      the first test sample
kissipo xray runs/digits-1 image.png --out page.html          everything inside, on one page that opens offline
kissipo xray runs/wine-1 alcohol=13.2 hue=1.04 --trace wine     the same as files (docs/trace.md)
kissipo xray runs/novel-1 "It was a dark and stormy night"      a text as the net reads it, colored by one neuron
kissipo xray runs/novel-1 --file chapter.txt --neuron 7 --out chapter.html
kissipo xray runs/digits-1 image.png --layer 0 --index 3       one number of a layer: every term that it is made of
kissipo xray runs/novel-1 "She said" --layer cell --index 4,7    all gates of a unit at a step
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from kissipo.cli.screen import Screen

if TYPE_CHECKING:
    from kissipo.runs.xray.image import ImageXray
    from kissipo.runs.xray.sample import SampleXray
    from kissipo.runs.xray.text import Xray


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo xray`."""
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument(
        "values",
        metavar="VALUE",
        nargs="*",
        help="one sample as `kissipo predict` takes it: a text, an image, name=value pairs; nothing: the first test sample",
    )
    parser.add_argument("--file", help="a file that holds the text, or the row")
    parser.add_argument(
        "--neuron",
        type=int,
        metavar="N",
        help="which one colors a text, from 0; else a telling one",
    )
    parser.add_argument("--out", metavar="FILE.html", help="write a page with everything inside")
    parser.add_argument(
        "--trace",
        metavar="FOLDER",
        help="write the trace as files: every tensor, gate and gradient",
    )
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="opens a number of this layer; `kissipo show RUN` names them",
    )
    parser.add_argument(
        "--index",
        metavar="I,J,...",
        help="index of the value, from 0; of a recurrent layer TIME,UNIT",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="give what is told as JSON, without the numbers of tensors",
    )


def run(arguments: Namespace, screen: Screen) -> None:
    """What is inside in short, and the page or the files."""
    from kissipo.core.errors import TaskError
    from kissipo.runs.run import Run
    from kissipo.runs.xray.image import ImageXray
    from kissipo.runs.xray.sample import xray_any
    from kissipo.runs.xray.text import Xray

    if arguments.layer is not None or arguments.index is not None:
        return _cell(arguments, screen)
    if arguments.values and arguments.file is not None:
        raise TaskError("kissipo xray takes a value or --file, one of both")
    values = arguments.values if arguments.file is None else [Path(arguments.file)]
    result = xray_any(Run.look(arguments.run), values, arguments.neuron)
    screen.remarks(result.notes)
    if isinstance(result, Xray):
        _text(result, screen, short=bool(arguments.out))
    elif isinstance(result, ImageXray):
        _image(result, screen)
    else:
        _sample(result, screen)
    if arguments.out:
        screen.note(f"written to {result.save(arguments.out)}: open it in a browser")
    if arguments.trace:
        screen.note(
            f"written to {result.follow().save(arguments.trace)}: trace.json and the tensors"
        )
    if arguments.json:
        screen.result_json(result.to_json())
    return None


def _text(result: Xray, screen: Screen, *, short: bool) -> None:
    """The text in color; where a page shows it, only the neuron."""
    from kissipo.cli.colored_text import colored

    if not short:
        plain = screen.out.color_system is None
        screen.result(colored(result, width=screen.out.width, bars=plain))
        legend = (
            "the higher the bar, the more active"
            if plain
            else "[black on #34be5c]active[/] [black on #5c94ff]not active[/]"
        )
        screen.result(f"{legend}; below, what it expects next, the likeliest first")
    screen.result(f"neuron {result.neuron} (0 to {result.states.shape[1] - 1}): {result.why}")


def _sample(result: SampleXray, screen: Screen) -> None:
    """Every step, and the answer beside the truth."""
    from rich.markup import escape

    from kissipo.cli.tables import trace_summary, trace_table

    trace = result.trace
    screen.result(trace_table(trace))
    screen.result(f"[dim]{trace_summary(trace)}[/]")
    if trace.answer:
        beside = f", the truth: {trace.truth}" if trace.truth else ""
        screen.result(f"answer: {escape(trace.answer + beside)}")


def _cell(arguments: Namespace, screen: Screen) -> None:
    """A number of a layer, opened."""
    from kissipo.cli.breakdown_table import show_breakdown
    from kissipo.core.errors import TaskError
    from kissipo.runs.explain_value import cell_of
    from kissipo.runs.run import Run

    if arguments.layer is None or arguments.index is None:
        raise TaskError(
            "a number is opened with --layer and --index, both of them",
            do="Such as --layer 0 --index 3",
        )
    if arguments.neuron is not None or arguments.out or arguments.trace:
        raise TaskError(
            "--neuron, --out and --trace belong to a whole sample",
            do="Leave them out beside --layer",
        )
    if arguments.values and arguments.file:
        raise TaskError("kissipo xray takes values or --file, one of both")
    try:
        index = tuple(int(number) for number in arguments.index.split(","))
    except ValueError:
        raise TaskError(
            "--index says a place",
            given=repr(arguments.index),
            allowed="whole numbers such as 3 or 4,7",
        ) from None
    values = [Path(arguments.file)] if arguments.file else arguments.values
    breakdown, notes = cell_of(Run.look(arguments.run), values, arguments.layer, index)
    screen.remarks(notes)
    show_breakdown(screen, breakdown)
    screen.result_json({"run": arguments.run, "notes": notes, **breakdown.to_json()})


def _image(result: ImageXray, screen: Screen) -> None:
    """Where the net looked for each answer, in words."""
    from rich.markup import escape

    from kissipo.cli.screen import table

    grid = table("answer", "probability", "warmest", right=(1,))
    for look in result.looks:
        grid.add_row(escape(look.answer), f"{look.probability:.1%}", look.where)
    screen.result(grid)
    screen.result(f"{result.how}.")
