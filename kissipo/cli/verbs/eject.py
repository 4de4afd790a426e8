"""a task as one script of plain PyTorch that runs without kissipo: the same data, net, steps and score

kissipo eject digits
kissipo eject mnist-cnn --out mnist_cnn.py
kissipo eject spam process.cell=gru --out spam.py
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from kissipo.cli.screen import Screen
from kissipo.cli.task_argument import add_question, asked_task


def options(parser: ArgumentParser) -> None:
    """The arguments of `kissipo eject`."""
    add_question(parser)
    parser.add_argument("--seed", type=int, default=0, help="where all dice start (default: 0)")
    parser.add_argument("--out", type=Path, metavar="FILE.py", help="write the script there; else it is printed")


def run(arguments: Namespace, screen: Screen) -> None:
    """The script, printed or written."""
    from kissipo.core.output_file import write_text
    from kissipo.export.script.script import eject

    source = eject(asked_task(arguments), seed=arguments.seed)
    if arguments.out is None:
        screen.out.print(source, end="", markup=False, emoji=False, soft_wrap=True)
        return
    screen.note(f"written to {write_text(arguments.out, source)}: run it with python {arguments.out}")
