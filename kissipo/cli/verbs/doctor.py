"""show versions, threads and missing packages, or test that runs can be resumed"""

from argparse import ArgumentParser, Namespace

from kissipo.cli.screen import Screen, table


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo doctor`."""
    parser.add_argument(
        "--resume",
        metavar="TASK",
        help="test that a killed and resumed run of TASK, such as digits, is reproducible",
    )
    parser.add_argument(
        "--trials",
        type=int,
        default=2,
        help="number of times the run is killed and resumed (default: 2)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: Namespace, screen: Screen) -> int:
    """Prints the machine and the packages, or tests resuming."""
    from rich.markup import escape

    from kissipo.runs.doctor import examine, prove_resume

    if arguments.resume:
        notify = lambda text: screen.note(f"[dim]{escape(text)}[/]")  # noqa: E731
        result = prove_resume(arguments.resume, trials=arguments.trials, notify=notify)
        same = result["same_weights"] and result["same_metrics"]
        screen.result(
            "[green]PASS[/] the resumed run equals the uninterrupted one, bit for bit"
            if same
            else "[red]FAIL[/] the runs differ"
        )
        screen.result(
            f"{result['compared']} weights compared, "
            f"maximum difference {result['largest_difference']:g}"
        )
        screen.result_json(result)
        return 0 if same else 1
    result = examine()
    grid = table("", "")
    for key, value in result["machine"].items():
        grid.add_row(key, str(value))
    screen.result(grid)
    parts = table("package", "", "needed for")
    for part in result["parts"]:
        version = (
            f"[green]{part['version']}[/]"
            if part["version"]
            else f"[yellow]missing[/]: pip install 'kissipo\\[{part['extra']}]'"
        )
        parts.add_row(part["package"], version, part["purpose"])
    screen.result()
    screen.result(parts)
    screen.result_json(result)
    return 0
