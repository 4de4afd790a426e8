"""write a task as plain PyTorch code that runs without kissipo

kissipo eject digits --out digits
kissipo eject sms.csv --output kind --out sms
kissipo eject spam process.cell=gru --out spam
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from kissipo.cli.screen import Screen
from kissipo.cli.task_argument import add_task_arguments, parse_task


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo eject`."""
    add_task_arguments(parser)
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="the new folder")


def run(arguments: Namespace, screen: Screen) -> None:
    """Writes the folder."""
    from kissipo.export.script.script import eject

    folder = eject(parse_task(arguments), arguments.out, seed=arguments.seed)
    screen.note(f"written to {folder}: run it with python {folder / 'train.py'}")
