"""Descriptions: what an answer, a net or an algorithm shows of its results, as records.

Records hold data, never HTML or colors. The report and the terminal render each kind of
record in one way, and know nothing about who described what. The terminal prints lines
and tables; the report shows every record.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from kissipo.core.json_object import JsonObject
from kissipo.core.numpy_array import NumpyArray

if TYPE_CHECKING:
    from torch import Tensor

LineStyle = Literal["", "dim", "code", "text", "better", "tie", "worse"]
Points = Sequence[tuple[float, float]]
MAX_CLASS_COLUMNS = 6  # of a table of errors
MAX_SENTENCES = 5  # steps of non-maximum suppression that are written in words
MAX_REMOVED = 4  # candidates that a sentence names


class Cell(str):
    """The text of a highlighted cell of a table.

    style:  good, warn, bad, dim or strong
    """

    style: str

    def __new__(cls, text: str, style: str) -> Self:
        cell = super().__new__(cls, text)
        cell.style = style
        return cell


@dataclass(frozen=True)
class Line:
    """A sentence. An empty one is a blank line in the terminal.

    style:  of the report: a note, a command or file, a passage of text, or a verdict
    """

    text: str
    style: LineStyle = ""


@dataclass(frozen=True)
class Table:
    """Rows of text; the columns in `numbers` are aligned to the right."""

    titles: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()


@dataclass(frozen=True)
class Chart:
    """Named series of points (x, y) between two axes.

    dots:         the series that are drawn as points, not as lines
    dashed:       the series that are drawn as thin dashed lines, such as chance
    is_time:      x is in seconds since 1970
    band:         two series of which the area between is filled, in place of lines
    spans:        intervals of x that are shaded
    marker:       x of a dashed vertical line, and what it is
    level:        y of a dashed horizontal line
    area:         the area below the curve is filled
    log_scale:    the vertical axis is logarithmic
    limits:       of x and of y; those of the points when omitted
    surface:      heights (y, x) between the limits, drawn behind the series
    point_labels: a text beside each point of some series
    """

    series: Mapping[str, Points]
    x_label: str = ""
    y_label: str = ""
    height: int = 260
    dots: Sequence[str] = ()
    dashed: Sequence[str] = ()
    is_time: bool = False
    band: tuple[str, str] | None = None
    spans: Sequence[tuple[float, float]] = ()
    marker: float | None = None
    marker_name: str = ""
    level: float | None = None
    area: bool = False
    log_scale: bool = False
    limits: tuple[tuple[float, float], tuple[float, float]] | None = None
    surface: NumpyArray | None = None
    point_labels: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Bars:
    """One bar per name; the bar called `first` is highlighted."""

    values: Mapping[str, float]
    first: str


@dataclass(frozen=True)
class Lattice:
    """A grid of lines with marked crossings (column, row), from the upper left.

    crossings:  those with a `black` or `white` disc, a small `square`, or a `ring`
    """

    columns: int
    rows: int
    crossings: Mapping[str, Sequence[tuple[int, int]]]


@dataclass(frozen=True)
class ColoredText:
    """Tokens of a text, each on a color.

    values:     one per token, from -1 to 1: against and for what the caption says
    separator:  what stands between two tokens: a blank between words
    """

    tokens: Sequence[str]
    values: Sequence[float]
    separator: str = " "
    caption: str = ""


@dataclass(frozen=True)
class Histogram:
    """How many values lie between each two neighbors of the edges."""

    edges: Sequence[float]
    counts: Sequence[int]
    x_label: str


@dataclass(frozen=True)
class Image:
    """An image from 0 to 1 (channel, height, width) with at most one overlay.

    mask:   (height, width) class numbers; 0 is background, 255 is not evaluated
    heat:   (height, width) from 0 to 1
    boxes:  (box, 5) a class number from 1, and x_min, y_min, x_max, y_max as fractions
            of the width and the height
    """

    pixels: Tensor
    mask: Tensor | NumpyArray | None = None
    heat: Tensor | None = None
    boxes: Sequence[Sequence[float]] | None = None


@dataclass(frozen=True)
class Gallery:
    """Groups of images, or of lattices, with one caption per group.

    files:    the file of each group
    classes:  the classes of masks or boxes, for the legend; the first is the background
    """

    groups: Sequence[Sequence[Image | Lattice]]
    captions: Sequence[str]
    files: Sequence[object] = ()
    classes: Sequence[str] = ()


@dataclass(frozen=True)
class Film:
    """Images (height, width, 3) of bytes, shown one after the other without end.

    milliseconds:  how long each of them is shown
    """

    frames: Sequence[NumpyArray]
    milliseconds: int
    caption: str = ""


@dataclass(frozen=True)
class Example:
    """An evaluated sample: what the model read, what it predicts, and what is true.

    position:  in the evaluated split, counted from 0
    kind:      why it is shown: right, wrong, best, worst
    text:      the input in words, unless it is an image
    row:       its row in the data, counted from 1
    """

    position: int
    target: str
    prediction: str
    kind: str = ""
    text: str = ""
    image: Image | None = None
    row: int | None = None


@dataclass(frozen=True)
class Examples:
    """Samples that can be looked into one by one."""

    examples: Sequence[Example]


@dataclass(frozen=True)
class Matrix:
    """Counts per target (row) and prediction (column) of the same classes.

    examples:  some samples of a cell (row, column)
    """

    counts: Sequence[Sequence[float]]
    labels: Sequence[str]
    examples: Mapping[tuple[int, int], Sequence[Example]] = field(default_factory=dict)


@dataclass(frozen=True)
class Threshold:
    """Two classes that a threshold on the probability of the positive one separates.

    probabilities:        of the positive class, for evaluated samples
    targets:              whether each sample is positive
    positive:             the name of the positive class
    threshold:            of the model
    false_negative_cost:  in false positives
    total:                the number of evaluated samples, of which these may be some
    """

    probabilities: Sequence[float]
    targets: Sequence[bool]
    positive: str
    threshold: float
    false_negative_cost: float
    total: int


@dataclass(frozen=True)
class ScatterMap:
    """Samples as points of a map; a sample is shown where its point is pointed at.

    points:      (x, y) of each sample
    names:       of each sample, such as its row
    texts:       each sample in words; empty where images show them
    groups:      the number of the group of each sample, by which it is colored; a
                 quantity where the groups have no names; empty without colors
    legend:      the names of the groups
    group_name:  what the colors stand for
    images:      (sample, channel, height, width) from 0 to 1
    noun:        what a point stands for
    is_to_scale: whether both axes have one scale, so that distances can be compared
    """

    points: Sequence[Sequence[float]]
    names: Sequence[str]
    texts: Sequence[str]
    groups: Sequence[float] = ()
    legend: Sequence[str] = ()
    group_name: str = ""
    images: Tensor | None = None
    x_label: str = ""
    y_label: str = ""
    noun: str = "sample"
    is_to_scale: bool = True


@dataclass(frozen=True)
class Weights:
    """How strongly each row weighs each column, from 0 to 1, such as an attention.

    values:  one list per row; None where the row cannot see the column
    """

    name: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    row_name: str = "row"
    column_name: str = "column"


@dataclass(frozen=True)
class TreeNode:
    """A beginning of a text that a step of a search keeps: a token after its parent.

    parent:           the number of the node before it; -1 at the start of a text
    place:            among the beginnings that the step keeps, from 0
    log_probability:  of the token
    total:            the sum along the beginning
    score:            by which the search compares beginnings
    state:            `best`: part of the best text; `kept`: of another text at the end;
                      `dropped`: of none
    ends:             whether the text ends here
    """

    parent: int
    step: int
    place: int
    token: str
    log_probability: float
    total: float
    score: float
    state: Literal["best", "kept", "dropped"]
    ends: bool = False


@dataclass(frozen=True)
class Tree:
    """The beginnings that a search kept, step by step; parents stand before children.

    joiner:  what stands between two tokens of a text
    """

    name: str
    nodes: Sequence[TreeNode]
    joiner: str = ""

    def text(self, number: int) -> str:
        """Returns the tokens from the start to a node."""
        tokens = []
        while number >= 0:
            node = self.nodes[number]
            tokens.append(node.token)
            number = node.parent
        return self.joiner.join(reversed(tokens))


@dataclass(frozen=True)
class PlaceFilm:
    """Counts of places in consecutive steps of time, as heat maps that play.

    places:  the names
    x, y:    their positions, y upwards; empty where they are not known
    times:   the time of each step, as text
    layers:  named counts (time, place), at least 0: the observed ones, the forecasts
    unit:    what is counted
    top_k:   how many of the busiest places are listed
    """

    places: Sequence[str]
    x: Sequence[float]
    y: Sequence[float]
    times: Sequence[str]
    layers: Mapping[str, NumpyArray]
    unit: str
    top_k: int


@dataclass(frozen=True)
class Mark:
    """A box that is drawn in an image.

    number:      of its class, from 1, by which it is colored
    corners:     x_min, y_min, x_max, y_max as fractions of the width and the height
    is_target:   a true box, else a detection
    is_error:    a missed box, or a false alarm
    text:        what it is, in a sentence
    """

    number: int
    corners: tuple[float, float, float, float]
    is_target: bool
    is_error: bool
    text: str


@dataclass(frozen=True)
class MarkedImage:
    """An evaluated image from 0 to 1 (channel, height, width) with its boxes.

    position:  in the evaluated split, counted from 0
    """

    pixels: Tensor
    name: str
    position: int
    boxes: Sequence[Mark]


@dataclass(frozen=True)
class ErrorCause:
    """Errors of one cause.

    counts:  per class
    advice:  what to do about it
    places:  some of the errors: the numbers of the image and of its mark
    """

    group: str
    name: str
    counts: Sequence[int]
    advice: str
    places: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True)
class CurvePoint:
    """The precision and the recall of the detections with at least this score.

    rank:    the number of these detections
    place:   the numbers of the image and of the mark of the last one; None where its
             image is not stored
    text:    which detection it is
    """

    recall: float
    precision: float
    score: float
    rank: int
    place: tuple[int, int] | None
    text: str


@dataclass(frozen=True)
class DetectionErrors:
    """Errors of detections by cause, and precision-recall curves, with their images.

    curves:  the points of each class, in descending order of scores
    notes:   a few words beside the name of each curve
    """

    images: Sequence[MarkedImage]
    classes: Sequence[str]
    causes: Sequence[ErrorCause]
    curves: Mapping[str, Sequence[CurvePoint]]
    notes: Mapping[str, str]

    def plain(self) -> list[PlainRecord]:
        """Returns the counts of all causes."""
        return [self.table()]

    def table(self) -> Table:
        """Returns the counts of all causes; the classes apart where they are few."""
        apart = len(self.classes) <= MAX_CLASS_COLUMNS
        names = [*self.classes, "all"] if apart and len(self.classes) > 1 else ["all"]
        rows = [
            [
                cause.group,
                cause.name,
                *(f"{count:,}" for count in (*cause.counts, sum(cause.counts))[-len(names) :]),
                cause.advice,
            ]
            for cause in self.causes
        ]
        return Table(["", "cause", *names, "what to do"], rows, range(2, 2 + len(names)))


@dataclass(frozen=True)
class Candidate:
    """A candidate of a detector for one object.

    score:  P(object) · P(label)
    iou:    with the object
    fate:   what became of it
    """

    number: int
    label: int
    corners: Sequence[float]
    score: float
    iou: float
    fate: str


@dataclass(frozen=True)
class DetectedObject:
    """One object of an image, with the candidate that is responsible for it.

    name:         what it is
    responsible:  which cell and which anchor box, in words
    cell, anchor: their corners as fractions of the image; None where there is no grid
    candidates:   those that overlap it, the responsible one first
    numbers:      how the box of the responsible candidate is computed
    """

    name: str
    label: int
    corners: Sequence[float]
    responsible: str
    cell: Sequence[float] | None
    anchor: Sequence[float] | None
    candidates: Sequence[Candidate]
    numbers: Table


@dataclass(frozen=True)
class SuppressionStep:
    """A step of non-maximum suppression.

    survivor: the place of a candidate among those that are compared
    removed:  the places of those that it removes, each with the IoU of both
    """

    survivor: int
    removed: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class DetectionInside:
    """What a detector does with one image: its objects, and the steps of NMS.

    pixels:    (channel, height, width) from 0 to 1
    compared:  the candidates of NMS: number, label, corners and score of each
    overlaps:  the IoU of the first ones with each other
    """

    pixels: Tensor
    classes: Sequence[str]
    objects: Sequence[DetectedObject]
    compared: Sequence[Sequence[float]]
    steps: Sequence[SuppressionStep]
    overlaps: Sequence[Sequence[float]]

    def plain(self) -> list[PlainRecord]:
        """Returns the numbers of the first object, its candidates, and the steps."""
        records: list[PlainRecord] = []
        for item in self.objects[:1]:
            rows = [
                [
                    f"{some.number:,}",
                    self.classes[some.label],
                    f"{some.score:.4f}",
                    f"{some.iou:.3f}",
                    some.fate,
                ]
                for some in item.candidates
            ]
            titles = ["candidate", "label", "score", "IoU", "what became of it"]
            records += [Line(f"{item.name}: {item.responsible}"), item.numbers]
            records.append(Table(titles, rows, numbers=(0, 2, 3)))
        sentences = self.sentences()
        rest = len(sentences) - MAX_SENTENCES
        more = [Line(f"{rest} steps more follow.")] if rest > 0 else []
        return [*records, *(Line(f"{text}.") for text in sentences[:MAX_SENTENCES]), *more]

    def sentences(self) -> list[str]:
        """Returns the steps of NMS in words."""
        return [self._sentence(number, step) for number, step in enumerate(self.steps, 1)]

    def _sentence(self, number: int, step: SuppressionStep) -> str:
        removed = [f"{self._name(place)} (IoU {iou:.2f})" for place, iou in step.removed]
        first = ", ".join(removed[:MAX_REMOVED])
        more = f" and {len(removed) - MAX_REMOVED} more" if len(removed) > MAX_REMOVED else ""
        what = f" and removes {first}{more}" if removed else " and removes nothing"
        return f"Step {number} keeps {self._name(step.survivor)}{what}"

    def _name(self, place: int) -> str:
        number, label, *_, score = self.compared[place]
        return f"candidate {int(number):,}, {self.classes[int(label)]} {score:.2f}"


@dataclass(frozen=True)
class Recording:
    """A sound that can be played, with its waveform and what is read of each frame.

    wav:          the content of a WAV file
    seconds:      its duration
    envelope:     the lowest and the highest sample of each short part, from -1 to 1
    shades:       (frame, band) of bytes, dark to bright
    frequencies:  the middle of each band in Hz
    frame_seconds, hop_seconds:  of the frames
    first_frame:  the frame that is shown first
    spans:        named parts: start and end in seconds, and what is there
    """

    name: str
    wav: bytes
    seconds: float
    envelope: Sequence[tuple[float, float]]
    shades: NumpyArray
    frequencies: Sequence[float]
    frame_seconds: float
    hop_seconds: float
    first_frame: int
    spans: Sequence[tuple[float, float, str]] = ()


@dataclass(frozen=True)
class Section:
    """A title with its records; a section without records is not shown.

    note:          a few words after the title
    side_by_side:  the sections inside stand side by side
    """

    title: str
    content: Sequence[Record]
    note: str = ""
    side_by_side: bool = False


PlainRecord = Line | Table | ColoredText | Weights | Tree | Recording
Drawn = (
    Examples
    | Threshold
    | Chart
    | Bars
    | Histogram
    | Matrix
    | Gallery
    | Film
    | PlaceFilm
    | ScatterMap
    | DetectionErrors
    | DetectionInside
)
Record = PlainRecord | Drawn | Section


@dataclass(frozen=True)
class Detail:
    """A detail of an evaluation that describes itself.

    value:           its form in JSON
    summary:         what the terminal prints
    replaces_scores: whether it is shown in place of the scores
    """

    value: object
    summary: Sequence[Line | Table] = ()
    sections: Sequence[Section] = ()
    replaces_scores: bool = False


def plain_records(record: Record) -> Sequence[PlainRecord]:
    """Returns a record as texts and numbers; nothing for one that can only be drawn."""
    if isinstance(record, DetectionErrors | DetectionInside):
        return record.plain()
    return [record] if isinstance(record, PlainRecord) else []


def plain_section_json(section: Section) -> JsonObject:
    """Returns a section as JSON, as a trace has it: what is drawn becomes texts."""
    records: list[JsonObject] = []
    for item in section.content:
        if isinstance(item, Section):
            records.append(plain_section_json(item))
        else:
            records += map(plain_json, plain_records(item))
    fields = {"title": section.title, "note": section.note, "side_by_side": section.side_by_side}
    return {"kind": "section", **fields, "records": records}


def plain_json(record: PlainRecord) -> JsonObject:
    """Returns a record of texts and numbers as JSON.

    Example:  >>> plain_json(Line("best", "better"))
              {'kind': 'line', 'text': 'best', 'style': 'better'}
    """
    match record:
        case Line():
            return {"kind": "line", "text": record.text, "style": record.style}
        case Table():
            rows = [[_cell_json(cell) for cell in row] for row in record.rows]
            titles, numbers = list(record.titles), list(record.numbers)
            return {"kind": "table", "titles": titles, "rows": rows, "numbers": numbers}
        case ColoredText():
            return {"kind": "colored_text", **vars(record)}
        case Weights():
            values = [
                [None if value is None else round(float(value), 6) for value in row]
                for row in record.values
            ]
            return {"kind": "weights", **vars(record), "values": values}
        case Tree():
            nodes = [vars(node) for node in record.nodes]
            return {"kind": "tree", "name": record.name, "joiner": record.joiner, "nodes": nodes}
        case Recording():
            return _recording_json(record)


def _recording_json(record: Recording) -> JsonObject:
    """Returns a sound with its samples and its shades as texts of base 64."""
    frames, bands = record.shades.shape
    return {
        "kind": "recording",
        "name": record.name,
        "wav": b64encode(record.wav).decode(),
        "seconds": record.seconds,
        "envelope": [[round(low, 3), round(high, 3)] for low, high in record.envelope],
        "frames": frames,
        "bands": bands,
        "shades": b64encode(record.shades.tobytes()).decode(),
        "frequencies": [round(hertz) for hertz in record.frequencies],
        "frame_seconds": record.frame_seconds,
        "hop_seconds": record.hop_seconds,
        "first_frame": record.first_frame,
        "spans": [list(span) for span in record.spans],
    }


def _cell_json(cell: str) -> object:
    return {"text": str(cell), "style": cell.style} if isinstance(cell, Cell) else cell
