"""inspect one example: every layer, gate, attention weight and value

kissipo xray runs/digits-1                                    the first test example
kissipo xray runs/digits-1 --example 9                        the ninth one
kissipo xray runs/digits-1 image.png --out page.html          a page that opens offline
kissipo xray runs/wine-1 alcohol=13.2 hue=1.04 --trace wine   files (docs/trace.md)
kissipo xray runs/novel-1 "It was a dark and stormy night"    a text colored by a neuron
kissipo xray runs/novel-1 --file chapter.txt --neuron 7 --out chapter.html
kissipo xray runs/digits-1 image.png --layer 0 --index 3      all terms of one value
kissipo xray runs/novel-1 "She said" --layer cell --index 4,7 all gates of a unit
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
        help="the input, as for `kissipo predict`: text, image or name=value pairs "
        "(default: the first example of the test split)",
    )
    parser.add_argument(
        "--example",
        type=int,
        metavar="N",
        help="an example of the test split, counted from 1, as the report numbers them",
    )
    parser.add_argument("--file", help="a file with the text or the row")
    parser.add_argument(
        "--neuron",
        type=int,
        metavar="N",
        help="the neuron that colors a text, from 0 (default: an interpretable one)",
    )
    parser.add_argument(
        "--out", metavar="FILE.html", help="write a page with every layer and value"
    )
    parser.add_argument(
        "--trace",
        metavar="FOLDER",
        help="write the trace as files, with all tensors, gates and gradients",
    )
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="explain a value of this layer; `kissipo show RUN` lists the layers",
    )
    parser.add_argument(
        "--index",
        metavar="I,J,...",
        help="the index of the value, from 0; for a recurrent layer TIME,UNIT",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the result as JSON, without the values of tensors",
    )


def run(arguments: Namespace, screen: Screen) -> None:
    """Prints a summary, and writes the page or the files."""
    from kissipo.core.errors import TaskError
    from kissipo.runs.run import Run
    from kissipo.runs.xray.image import ImageXray
    from kissipo.runs.xray.sample import xray_any
    from kissipo.runs.xray.text import Xray

    if arguments.layer is not None or arguments.index is not None:
        return _cell(arguments, screen)
    if arguments.values and arguments.file is not None:
        raise TaskError("kissipo xray needs either a value or --file")
    values = arguments.values if arguments.file is None else [Path(arguments.file)]
    if values and arguments.example is not None:
        raise TaskError("kissipo xray needs either a value or --example")
    number = 1 if arguments.example is None else arguments.example
    if number < 1:
        raise TaskError("--example counts from 1", got=str(number))
    result = xray_any(Run.look(arguments.run), values, arguments.neuron, position=number - 1)
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
    """Prints the colored text and the neuron; with a page, only the neuron."""
    from kissipo.cli.colored_text import colored

    if not short:
        plain = screen.out.color_system is None
        screen.result(colored(result, width=screen.out.width, bars=plain))
        legend = (
            "the higher the bar, the more active"
            if plain
            else "[black on #34be5c]active[/] [black on #5c94ff]not active[/]"
        )
        screen.result(f"{legend}; below: next tokens, the most probable first")
    screen.result(f"neuron {result.neuron} (0 to {result.states.shape[1] - 1}): {result.why}")


def _sample(result: SampleXray, screen: Screen) -> None:
    """Prints the data flow, the prediction and the target."""
    from rich.markup import escape

    from kissipo.cli.tables import render, render_sections
    from kissipo.report.tables import trace_summary, trace_table

    trace = result.trace
    screen.result(render(trace_table(trace)))
    screen.result(f"[dim]{trace_summary(trace)}[/]")
    if trace.answer:
        target = f", target: {trace.truth}" if trace.truth else ""
        screen.result(f"prediction: {escape(trace.answer + target)}")
    for record in render_sections(trace.sections):
        screen.result(record)


def _cell(arguments: Namespace, screen: Screen) -> None:
    """Prints the breakdown of a value of a layer."""
    from kissipo.cli.breakdown_table import show_breakdown
    from kissipo.core.errors import TaskError
    from kissipo.runs.explain_value import cell_of
    from kissipo.runs.run import Run

    if arguments.layer is None or arguments.index is None:
        raise TaskError(
            "the breakdown of a value needs both --layer and --index",
            do="Use for example --layer 0 --index 3",
        )
    if arguments.neuron is not None or arguments.example or arguments.out or arguments.trace:
        raise TaskError(
            "--neuron, --example, --out and --trace cannot be combined with --layer",
            do="Leave them out",
        )
    if arguments.values and arguments.file:
        raise TaskError("kissipo xray needs either values or --file")
    try:
        index = tuple(int(number) for number in arguments.index.split(","))
    except ValueError:
        raise TaskError(
            "--index needs an index",
            got=repr(arguments.index),
            allowed="whole numbers such as 3 or 4,7",
        ) from None
    values = [Path(arguments.file)] if arguments.file else arguments.values
    breakdown, notes = cell_of(Run.look(arguments.run), values, arguments.layer, index)
    screen.remarks(notes)
    show_breakdown(screen, breakdown)
    screen.result_json({"run": arguments.run, "notes": notes, **breakdown.to_json()})


def _image(result: ImageXray, screen: Screen) -> None:
    """Prints the classes with the maxima of their heatmaps."""
    from rich.markup import escape

    from kissipo.cli.screen import table

    grid = table("answer", "probability", "heatmap maximum", right=(1,))
    for look in result.looks:
        grid.add_row(escape(look.answer), f"{look.probability:.1%}", look.where)
    screen.result(grid)
    screen.result(f"{result.how}.")
