"""Rings: lines of a .rings file, `x y ring`; the ring is inner, middle or outer."""

from dataclasses import dataclass
from pathlib import Path

from kissipo.core.codec import CODECS
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, numbers, strings
from kissipo.core.schema import option
from kissipo.input.source import Source
from kissipo.input.source_data import Reading


@dataclass(frozen=True)
class Options:
    """Options of rings."""

    gain: float = option(1.0, "factor of the coordinates", above=0)


class Rings(Source[Options]):
    """Points of a plane."""

    answers = ("ordinal", "category")

    def read(self, value, options):
        rows = [line.split() for line in Path(value).read_text().splitlines()]
        for number, row in enumerate(rows, 1):
            if len(row) != 3:
                raise DataError(f"line {number} of {value} is not `x y ring`", got=" ".join(row))
        columns = [
            numbers(name, [float(row[place]) for row in rows]) for place, name in enumerate("xy")
        ]
        rings = strings("ring", [row[2] for row in rows])
        return Reading(Frame((*columns, rings), origin=str(value)), answer="ring")

    def infer(self, question):
        if question.path is None or question.path.suffix != ".rings":
            return None
        return question.task({"rings": question.value}, {"ordinal": "ring"})

    def input_codecs(self, frame, options, **context):
        return (CODECS.find("squares", place="input.rings").CODEC(("x", "y"), options.gain),)


SOURCE = Rings()
