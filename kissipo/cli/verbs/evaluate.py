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
    from kissipo.cli.tables import render, verdict_line
    from kissipo.report.tables import scores_table
    from kissipo.runs.run import Run

    trained = Run.open(arguments.run)
    scores = trained.evaluate(arguments.data)
    screen.remarks(trained.evaluation_remarks)
    for score in scores:
        screen.result(render(scores_table(score)))
        if score.verdict is not None:
            screen.result("Verdict: " + verdict_line(score))
        for record in score.answer.summary(score.net, full=True):
            screen.result(render(record))
    screen.result_json({"run": arguments.run, "answers": [score.to_json() for score in scores]})
