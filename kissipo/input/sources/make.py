"""Generated samples: equations, truth tables, points on surfaces, words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kissipo.codec.labels import Labels
from kissipo.codec.numbers import Numbers
from kissipo.codec.tokens import Tokens
from kissipo.core.codec import Codec
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.registry import Registry
from kissipo.core.schema import option
from kissipo.input.source import Source
from kissipo.input.source_data import Reading

MAKERS = Registry("kissipo.input.makers", "maker of samples")


@dataclass(frozen=True)
class Options:
    """Options of generated samples."""

    scale: Literal["standard", "range", "none"] = option("none", "scaling of the generated numbers")
    characters: tuple[str, ...] | None = option(
        None, "text columns, tokenized into characters; other texts are classes"
    )


class Make(Source[Options]):
    """Generated samples."""

    is_generated = True

    def read(self, value: object, options: Options) -> Reading:
        """Returns the samples of the maker with this name."""
        reading: Reading = MAKERS.find(str(value), place="input.make").make()
        return reading

    def input_codecs(
        self,
        frame: Frame,
        options: Options,
        *,
        reserved: Sequence[str],
        per_pixel: bool,
        findings: list[Finding],
        inferred_options: list[InferredOption],
    ) -> tuple[Codec, ...]:
        """Returns the codecs of all columns; their kinds are known."""
        inputs = [column for column in frame.columns if column.name not in reserved]
        numbers = tuple(column.name for column in inputs if column.kind == "number")
        texts = options.characters or ()
        for name in texts:
            frame[name]  # raises a DataError for a missing column
        return (
            *(
                Tokens(column.name, unit="characters")
                if column.name in texts
                else Labels(column.name)
                for column in inputs
                if column.kind == "string"
            ),
            *((Numbers(numbers, scale=options.scale),) if numbers else ()),
        )


SOURCE = Make()
