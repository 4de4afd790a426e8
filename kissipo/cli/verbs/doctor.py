"""show versions, kernels and missing packages, test resuming, or measure the kernels"""

from argparse import ArgumentParser, Namespace

from kissipo.cli.screen import Screen, table
from kissipo.core.json_object import JsonObject


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
    parser.add_argument(
        "--speed",
        action="store_true",
        help="compare the recurrent kernels with those of torch for about a minute",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: Namespace, screen: Screen) -> int:
    """Prints the machine and the packages, tests resuming, or measures the kernels."""
    from rich.markup import escape

    from kissipo.runs.doctor import examine, prove_resume

    if arguments.speed:
        return _measure(screen)
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
    screen.result()
    _print_rules(result["rules"], screen)
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


def _print_rules(rules: list[JsonObject], screen: Screen) -> None:
    """Prints the maximum number of weights per region, for each type with kernels."""
    screen.result("Recurrent layers use the fused kernel up to this number of weights:")
    for rule in rules:
        if not rule["kernels"]:
            screen.result(f"{rule['type']}: torch's kernel always, as {rule['provenance']}")
            continue
        regions = list(next(iter(rule["max_weights"].values())))
        grid = table(rule["type"], *regions, right=tuple(range(1, len(regions) + 1)))
        for name, maxima in rule["max_weights"].items():
            grid.add_row(name, *(_maximum(maxima[region]) for region in regions))
        screen.result(grid)
        screen.result(f"[dim]{rule['kernels']}, {rule['provenance']}[/]")


def _maximum(weights: int | None) -> str:
    if weights is None:
        return "any"
    return f"{weights:,}" if weights else "torch"


def _measure(screen: Screen) -> int:
    """Prints a line per shape, and whether the rules of `auto` hold on this machine."""
    from kissipo.runs.kernel_speed import check_rules

    row = "{:<24} {:<9} {:>10} {:>10} {:>6}  {:<6} {}".format
    screen.result(row("shape", "type", "ours ms", "torch ms", "ratio", "rule", "holds"))

    def show(line: JsonObject) -> None:
        times = (f"{line[name]:.3f}" for name in ("ours_ms", "torch_ms"))
        verdict = "yes" if line["holds"] else "[yellow]no[/]"
        ratio = f"{line['ratio']:.2f}"
        screen.result(row(line["shape"], line["type"], *times, ratio, line["rule"], verdict))

    lines = check_rules(show)
    wrong = [line["shape"] for line in lines if not line["holds"]]
    screen.result(
        f"The rules do not hold here for {len(wrong)} of {len(lines)} shapes. Other programs "
        "may disturb a measurement: repeat it before you set kernel."
        if wrong
        else f"The rules hold here for all {len(lines)} shapes."
    )
    screen.result_json({"shapes": lines})
    return 0
