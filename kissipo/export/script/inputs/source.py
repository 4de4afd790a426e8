"""Source: which section reads what a task reads."""

from __future__ import annotations

from kissipo.codec.board import Board
from kissipo.codec.concat import Together
from kissipo.codec.numbers import Numbers
from kissipo.codec.one_hot import OneHot
from kissipo.codec.pixels import Pixels
from kissipo.codec.tokens import Tokens
from kissipo.codec.windows import Windows
from kissipo.core.errors import NotBuiltError
from kissipo.export.script.inputs.games import games
from kissipo.export.script.inputs.messages import messages
from kissipo.export.script.inputs.pictures import pictures
from kissipo.export.script.inputs.prose import prose
from kissipo.export.script.inputs.series import series
from kissipo.export.script.inputs.tables import table
from kissipo.export.script.inputs.tiles import tiles
from kissipo.export.script.part import Part, filled
from kissipo.pipeline.experiment import Prepared

_FEW = 20  # samples that are written into the script

_MADE = '''
def samples() -> Parts:
    """The same few samples train and judge."""
    inputs, truth = torch.tensor(INPUTS), torch.tensor(TRUTH)
    nothing = (inputs[:0], truth[:0])
    return {"train": (inputs, truth), "validation": nothing, "test": (inputs, truth)}
'''


def input_part(prepared: Prepared) -> Part:
    """The section that reads.

    Raises:   NotBuiltError for data that no script reads yet.
    """
    word, (door, *more) = prepared.choices.source.word, prepared.wiring.doors
    if word == "make" and len(prepared.wiring.frame) <= _FEW:
        return _made(prepared)
    match door:
        case Pixels() if not more and str(prepared.choices.source.value) == "magnetic-tile":
            return tiles(prepared, door)
        case Pixels() if not more:
            return pictures(prepared)
        case Board() if not more:
            return games(prepared)
        case Tokens(unit="words") if not more:
            return messages(prepared, door)
        case Windows() if not more and word == "series":
            return series(prepared, door)
        case Windows() if not more and word == "text":
            return prose(prepared, door)
        case Numbers() | OneHot() | Together() if not more and word == "table":
            return table(prepared, door)
    raise NotBuiltError(
        f"kissipo eject does not write yet how {word} of this kind is read",
        allowed="the pictures of digits, mnist and magnetic-tile, the messages of sms-spam and film-reviews, made games of go, "
        "series and tables in a CSV file, plain text",
    )


def _made(prepared: Prepared) -> Part:
    samples = prepared.wiring.feeds["train"].everything()
    inputs, truth = samples.inputs[0].tolist(), samples.targets[0].tolist()
    return Part(f"{len(inputs)} samples", filled(_MADE), (), (f"INPUTS = {inputs}", f"TRUTH = {truth}"))
