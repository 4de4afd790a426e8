"""write a trained run for other programs

kissipo export runs/word2vec-1 --format word2vec --out vectors.txt
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from kissipo.cli.screen import Screen


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo export`."""
    parser.add_argument("run", metavar="RUN", help="a run folder")
    parser.add_argument(
        "--format",
        required=True,
        help="word2vec: a text file of word vectors, as word2vec and gensim read it",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="the new file")


def run(arguments: Namespace, screen: Screen) -> None:
    """Writes the file."""
    from kissipo.core.output_file import write_text
    from kissipo.runs.run import Run

    trained = Run.open(arguments.run)
    lines = trained.answers[0].export_lines(trained.net, arguments.format)
    write_text(arguments.out, "".join(f"{line}\n" for line in lines))
    screen.note(f"written to {arguments.out}")
