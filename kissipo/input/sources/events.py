"""Events: something that happens at a time and a place, such as a pick-up of a taxi.

Events are counted in cells of place and time. A sample is one place at one step: its
counts and those around it before the step -> its counts in the next steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kissipo.codec.labels import as_strings
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.core.time.timestamps import DATE_FORMAT
from kissipo.input.datasets import DATASETS, dataset_names, find_data, module_name
from kissipo.input.formats.tables import FileWords, read_table, table_reading
from kissipo.input.given_rows import given_table
from kissipo.input.source import Source
from kissipo.input.source_data import Reading
from kissipo.input.sources._event_columns import EventOptions, Events, read_events
from kissipo.input.sources._event_places import Link

if TYPE_CHECKING:
    from kissipo.input.question import Question

Interval = Literal[
    "minute",
    "5 minutes",
    "10 minutes",
    "15 minutes",
    "30 minutes",
    "hour",
    "2 hours",
    "3 hours",
    "4 hours",
    "6 hours",
    "12 hours",
    "day",
]


@dataclass(frozen=True)
class Options(FileWords):
    """Options of events."""

    time: str | None = option(None, "column of the time of each event; inferred")
    place: tuple[str, ...] | None = option(
        None, "column that names the place, or two columns of coordinates: [x, y]; inferred"
    )
    count: str | None = option(
        None, "column of counts, where each row is a count; without it each row is one event"
    )
    grid: tuple[int, ...] | None = option(
        None, "coordinates: number of cells of the grid along x and y, or one for both", minimum=1
    )
    zones: int | None = option(
        None, "coordinates: number of zones around the centers of k-means, not a grid", minimum=2
    )
    bounds: tuple[float, ...] | None = option(
        None, "rectangle of the grid: [x_min, y_min, x_max, y_max]; inferred from the events"
    )
    interval: Interval | None = option(None, "length of a cell of time; an hour, or inferred")
    start: str | None = option(
        None, "time of the first step, where the columns of a table are numbered: h0, h1 ..."
    )
    time_zone: str | None = option(
        None, "time zone of the places, such as Europe/Prague, for the hour and the day"
    )
    date_format: str | None = option(None, DATE_FORMAT)
    links: str | None = option(
        None,
        "file of places that are linked: two columns of names; the nearest places when omitted",
    )
    num_neighbors: int = option(
        4, "number of nearest places whose mean count is an input; 0: none", minimum=0
    )
    window: int | None = option(None, "number of past time steps in each input window", minimum=1)

    def columns(self) -> EventOptions:
        """Returns where the time, the place and the count of an event stand."""
        return EventOptions(
            self.time, self.place or (), self.count, self.start, self.interval, self.date_format
        )


@dataclass(frozen=True)
class EventReading(Reading):
    """Events that were read, and the links between their places.

    events:  the rows in fixed columns
    links:   pairs of places; None where the nearest ones are neighbors
    """

    events: Events = field(default_factory=lambda: Events(Frame(()), "", False, False))
    links: tuple[Link, ...] | None = None


class EventSource(Source[Options]):
    """Events with a time and a place."""

    builder = "events"
    answers = ("forecast",)
    answer_files = {"forecast": "count_forecast"}
    independent = False
    order = 35
    formats = "events (rows with a time and a place)"

    def read(self, value: object, options: Options) -> EventReading:
        """Reads events, or counts: a file, a data frame or a named data set."""
        reading = find_data(value, "events") or table_reading(value, options)
        return _of_table(reading, options, value)

    def infer(self, question: Question) -> Task | None:
        """Takes a named data set of events, and a table whose place is named."""
        if question.data_set is not None:
            if "events" not in question.data_set.SOURCES:
                return None
        elif not question.is_table or not question.words.keys() & {"place", "grid", "zones"}:
            return None
        inputs: dict[str, object] = {"events": question.value}
        if question.time:
            inputs["time"] = question.time
        outputs: dict[str, object] = {"forecast": question.output or "count"}
        if question.horizon:
            outputs["horizon"] = question.horizon
        return question.task(inputs, outputs)

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns the newest events of a file, in fixed columns."""
        return self.new_events(values, options, codecs).frame

    def new_events(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Events:
        """Returns the newest events of a file.

        Raises:   DataError for values that are no table of events.
        """
        table = given_table(values, options)
        if table is None:
            raise DataError(
                "a run on events predicts from a file of the newest events, or for its own places",
                got=f"'{values[0]}'",
                do=self.usage(codecs),
            )
        return read_events(table, options.columns())

    def value_axes(self, codecs: Sequence[Codec]) -> int | None:
        return None

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns how new events are given."""
        return (
            "kissipo predict RUN continues the data of the run, kissipo predict RUN PLACE those "
            "of one place, and --file new.csv takes newer events"
        )


def _of_table(reading: Reading, options: Options, value: object) -> EventReading:
    """Returns the events of a table, with the links between places."""
    events = read_events(reading.frame, options.columns())
    return EventReading(
        events.frame,
        (*reading.findings, *events.findings),
        answer=events.count,
        inferred_options=(*reading.inferred_options, *events.inferred),
        events=events,
        links=_links(options.links, value),
    )


def _links(path: str | None, data: object) -> tuple[Link, ...] | None:
    """Returns the pairs of linked places: those of a file, or of a named data set.

    Raises:   DataError for a table without two columns of names.
    """
    if path is None:
        if not isinstance(data, str) or data not in dataset_names() or Path(data).exists():
            return None
        read_links = DATASETS.find(module_name(data), place="input.events").read_links
        return None if read_links is None else tuple(read_links())
    frame = read_table(Path(path), FileWords())[0]
    if len(frame.columns) < 2:
        raise DataError(
            f"input.links needs two columns of places in {frame.origin}",
            got="the columns " + ", ".join(frame.names),
        )
    first, second = (as_strings(column).texts() for column in frame.columns[:2])
    return tuple((one, other) for one, other in zip(first, second, strict=True) if one and other)


SOURCE = EventSource()
