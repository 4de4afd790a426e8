"""evaluate a run against baselines, on its test split or on other data with targets"""

from argparse import ArgumentParser, Namespace

from kissipo.cli.screen import Screen


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo evaluate`."""
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        help="other data with targets (default: the test split of the run)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """Prints the scores, the verdict and the confusion matrix."""
    from kissipo.cli import tables
    from kissipo.core.text import format_score
    from kissipo.runs.run import Run

    scores = Run.open(arguments.run).evaluate(arguments.data)
    for score in scores:
        screen.result(tables.scores_table(score))
        if score.verdict is not None:
            screen.result("Verdict: " + tables.verdict_line(score))
        if "confusion" in score.net.details:
            screen.result()
            screen.result(
                tables.confusion_table(score.net.details["classes"], score.net.details["confusion"])
            )
        if "policy" in score.net.details:
            screen.result(tables.policy_table(score.net.details["policy"]))
        if "alarms" in score.net.details:
            screen.result(tables.alarms_table(score.net.details))
        if "inspection" in score.net.details:
            screen.result("Inspection: " + tables.inspection_line(score.net.details["inspection"]))
        if "interval" in score.net.details:
            screen.result("Interval: " + tables.interval_line(score.net.details["interval"]))
        for measure in ("mae", "normalized_mae"):
            steps = score.net.details.get(f"{measure}_by_step", [])
            if steps:
                screen.result(
                    f"{measure} by step ahead: " + "  ".join(format_score(value) for value in steps)
                )
    screen.result_json({"run": arguments.run, "answers": [score.to_json() for score in scores]})
