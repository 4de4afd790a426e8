"""generate text from a language model

kissipo generate runs/novel-1 --start "It was a dark"
kissipo generate runs/novel-1 --temperature 0.5 --length 1000
"""

from argparse import ArgumentParser, Namespace

from kissipo.cli.screen import Screen


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo generate`."""
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument("--start", default="", metavar="TEXT", help="the beginning of the text")
    parser.add_argument(
        "--length",
        type=int,
        default=500,
        metavar="N",
        help="number of characters or words (default: 500)",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.8,
        metavar="T",
        help="0: always the most probable token; 1: the model's probabilities (default: 0.8)",
    )
    parser.add_argument(
        "--top-k", type=int, metavar="K", help="sample from the K most probable tokens only"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="random seed (default: 0)")
    parser.add_argument("--json", action="store_true", help="print the text as JSON")


def run(arguments: Namespace, screen: Screen) -> None:
    """Prints the start and the generated text."""
    from kissipo.runs.run import Run

    trained = Run.open(arguments.run)
    settings = (
        arguments.start,
        arguments.length,
        arguments.temperature,
        arguments.top_k,
        arguments.seed,
    )
    remarks, pieces = trained.generate_tokens(*settings)
    screen.remarks(remarks)
    if screen.as_json:
        screen.result_json(
            {
                "run": arguments.run,
                "start": arguments.start,
                "text": "".join(pieces),
                "notes": remarks,
            }
        )
        return
    first = next(pieces)  # invalid settings raise an error before anything is printed
    print(arguments.start + first, end="", flush=True)  # noqa: T201
    for piece in pieces:
        print(piece, end="", flush=True)  # noqa: T201
    print()  # noqa: T201
