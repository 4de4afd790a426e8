"""show the data flow of a task or a run: each step with shape, costs and values

TASK may also be the name of a net on images, which has costs, but no data:

    kissipo show vgg16                       params, MACs and memory per layer
    kissipo show resnet50 size=64 batch_size=32 optimizer=momentum
    kissipo show inception module=naive      the module of GoogLeNet on 28x28x256
"""

from argparse import ArgumentParser, Namespace

from kissipo.cli.screen import Screen
from kissipo.cli.task_argument import add_task_arguments, is_run, parse_task


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo show`."""
    add_task_arguments(parser)
    parser.add_argument(
        "--out", metavar="FILE.html", help="write a page with every layer and value"
    )
    parser.add_argument("--json", action="store_true", help="print the trace as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """Prints the trace of one example of the test split, or the costs of a net."""
    from kissipo.runs.model_summary import is_bare_net

    if is_bare_net(arguments.task):
        _show_costs(arguments, screen)
    else:
        _show_trace(arguments, screen)


def _show_costs(arguments: Namespace, screen: Screen) -> None:
    from kissipo.cli.cost_tables import costs_sum, costs_table
    from kissipo.core.errors import TaskError
    from kissipo.core.task import split_argument
    from kissipo.runs.model_summary import net_costs

    if arguments.out:
        raise TaskError(
            f"'{arguments.task}' is a net and has no data to draw",
            do="Leave --out out, or name a task",
        )
    if arguments.output or arguments.time or arguments.horizon:
        raise TaskError(
            f"'{arguments.task}' is a net and has no data",
            do="Leave --output, --time and --horizon out",
        )
    costs = net_costs(
        arguments.task, dict(split_argument(argument) for argument in arguments.words)
    )
    screen.result(costs_table(costs))
    for line in costs_sum(costs):
        screen.result(f"[dim]{line}[/]")
    screen.remarks(costs.notes)
    screen.result_json(costs.to_json())


def _show_trace(arguments: Namespace, screen: Screen) -> None:
    from rich.markup import escape
    from rich.text import Text

    from kissipo.cli.lesson_text import explanation
    from kissipo.cli.tables import render, render_sections, through_time_table
    from kissipo.lessons import explain, is_lesson
    from kissipo.pipeline.recipes import notes_of
    from kissipo.report import tables
    from kissipo.runs.fit import show
    from kissipo.runs.run import Run
    from kissipo.runs.trace_example import trace_of
    from kissipo.runs.xray.page import save_page

    screen.remarks(notes_of(arguments.task))  # before the data are read, which may be missing
    if is_run(arguments.task):
        trained = Run.look(arguments.task)
        task, trace, state = (
            trained.task,
            trace_of(trained, inside=bool(arguments.out)),
            "in training" if trained.remark else "trained",
        )
    elif is_lesson(untrained := parse_task(arguments)):
        task, trace, state = untrained, explain(untrained), "a lesson, without training"
    else:
        experiment, trace = show(untrained, inside=bool(arguments.out))
        task, state = experiment.task, "untrained"
    screen.result(f"[bold]{escape(task.name)}[/]: Input -> Process -> Output  [dim]({state})[/]\n")
    screen.result(Text(task.to_yaml()))
    screen.result(render(tables.trace_table(trace)))
    screen.result(f"[dim]{tables.trace_summary(trace)}[/]")
    if trace.chains:
        screen.result(
            "\n[bold]The chain rule with numbers[/] [dim](L = (y' - y)² / 2 of this example)[/]"
        )
        screen.result(render(tables.chains_table(trace.chains)))
    if trace.through_time:
        screen.result("\n[bold]Gradients through time[/] [dim](|dL/dh_t| of this example)[/]")
        screen.result(through_time_table(trace.through_time))
        screen.result(
            "[dim]below 1 %: the number of steps after which the norm stays below 1 % of the "
            "maximum; one level of the bars is a factor of ten[/]"
        )
    for record in () if arguments.out else render_sections(trace.sections):
        screen.result(record)
    for part in trace.explanation:
        for piece in explanation(part):
            screen.result(piece)
    screen.remarks(trace.notes)
    if arguments.out:
        page = save_page(trace, arguments.out, title=f"{task.name}: {state}")
        screen.note(f"written to {page}: open it in a browser")
    screen.result_json({"task": task.plain(), "trained": state == "trained", **trace.to_json()})
