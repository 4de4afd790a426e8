"""the way of the data through a task or a run: every step with shape, cost and values; nothing is trained"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from kissipo.cli.asked import add_question, asked_task, is_run
from kissipo.cli.screen import Screen


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo show`."""
    add_question(parser)
    parser.add_argument("--json", action="store_true", help="give the trace as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """The trace of one sample of the test part."""
    from rich.markup import escape
    from rich.text import Text

    from kissipo.cli import tell
    from kissipo.cli.explained import explained
    from kissipo.plan.job import show
    from kissipo.plan.lesson import explain, is_lesson
    from kissipo.plan.run import Run

    if is_run(arguments.task):
        opened = Run.open(arguments.task)
        task, trace, state = opened.task, opened.trace(), "trained"
    elif is_lesson(asked := asked_task(arguments)):
        task, trace, state = asked, explain(asked), "nothing is trained"
    else:
        prepared, trace = show(asked)
        task, state = prepared.task, "before training"
    screen.result(f"[bold]{escape(task.name)}[/]: Input -> Process -> Output  [dim]({state})[/]\n")
    screen.result(Text(task.to_yaml()))
    screen.result(tell.way_table(trace))
    screen.result(f"[dim]{tell.way_sum(trace)}[/]")
    if trace.chains:
        screen.result("\n[bold]The chain rule with numbers[/] [dim](L = (y' - y)² / 2 of this sample)[/]")
        screen.result(tell.chains_table(trace.chains))
    if trace.through_time:
        screen.result("\n[bold]Gradients through time[/] [dim](|dL/dh_t| of this sample)[/]")
        screen.result(tell.through_time_table(trace.through_time))
        screen.result(
            "[dim]a hundredth: how far back it falls below 1 % of the greatest, for good; a level is a factor of ten[/]"
        )
    for page in trace.explained:
        for piece in explained(page):
            screen.result(piece)
    screen.remarks(trace.notes)
    screen.result_json({"task": task.plain(), "trained": state == "trained", **trace.to_json()})
