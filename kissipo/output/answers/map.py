"""Map: a place per sample, where near samples are similar; there is no target column.

`map: 2` is the number of dimensions. The net places the samples, and says in MEASURES
what else it measures. The metrics compare the map with the encoded samples:

trustworthiness     are the neighbors on the map neighbors in the data?
continuity          are the neighbors in the data neighbors on the map?
explained_variance  of PCA: 1 - squared distances to the plane / squared distances to
                    the mean
quantization_error  of a self-organizing map and of k-means: the mean distance to the
                    unit or to the center
topographic_error   of a self-organizing map: the share of samples whose two nearest
                    units are not next to each other
silhouette          of k-means: (b - a) / max(a, b), the mean distances to the own and
                    to the next cluster

Scores are (sample, dimension + measure), the truth the encoded samples (sample,
feature). At most 2,000 samples are compared, drawn at random.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.codec.concat import Concat
from kissipo.core.codec import Codec
from kissipo.core.description import Line, Record, ScatterMap, Section, Table
from kissipo.core.errors import NotBuiltError
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import describe, shorten
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.metrics.neighborhoods import neighborhoods, neighbors_for

_AXES = ("x", "y", "z")
_MAX_TEXT, _MAX_COLUMNS, _MAX_GROUPS = 160, 12, 12
_SPREAD = 0.42  # of a unit, over which its samples are drawn
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


class MapNet(Protocol):
    """A net that places samples on a map, and measures them there."""

    MEASURES: tuple[str, ...]
    NEW_SAMPLES: str

    def measure(self, *inputs: Tensor) -> Tensor:
        """Returns the numbers that MEASURES names (batch, measure)."""
        ...


@dataclass(frozen=True)
class Options:
    """The options of a map."""

    color_by: str | None = option(
        None, "column that colors the map, which the net does not see; none: no colors"
    )


class Map(Answer):
    """A place for every sample.

    dimensions:  of the map
    color:       the column that colors it; "" without one
    measures:    what the net measures of a sample, by name
    """

    WORD = "map"
    EVAL_METRIC = "trustworthiness"
    HIGHER_IS_BETTER = True
    BASELINES = ("principal_components", "random_projection")
    CHECKS_LEAKAGE = False
    NAMES_COLUMN = False
    SOURCES = ("table", "images", "text", "tensors")
    GALLERY_TITLE = "Places on the map"
    SECTIONS_FIRST = True
    BUILDER = "maps"

    def __init__(
        self, dimensions: int = 2, *, color: str = "", measures: Sequence[str] = ()
    ) -> None:
        self.codec: Codec = Concat(())
        self.dimensions, self.color, self.measures = dimensions, color, tuple(measures)

    @property
    def name(self) -> str:
        return "map"

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the coordinates."""
        if self.dimensions <= len(_AXES):
            return _AXES[: self.dimensions]
        return tuple(f"dimension_{number + 1}" for number in range(self.dimensions))

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec("map", ("dimension",), (self.dimensions,), labels=self.axes)

    def suggested_net(self) -> InferredOption:
        reason = "the exact map of the largest variance; process.net=tsne shows groups better"
        return InferredOption("process.net", "pca", reason)

    def fit(self, frame: Frame) -> Self:
        """There is nothing to fit: a map has no target column."""
        return self

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the places, then what the net measures; takes over its names."""
        placing = cast(MapNet, net)
        self.measures = placing.MEASURES
        return torch.cat([outputs, placing.measure(*inputs).to(outputs.dtype)], dim=1)

    def prediction_remarks(self, net: nn.Module) -> list[str]:
        """Returns how the net places new samples, where that is not its formula."""
        placed = cast(MapNet, net).NEW_SAMPLES
        return [f"a new sample is {placed}"] if placed else []

    def scores(self, outputs: Tensor) -> Scores:
        return outputs.detach().numpy().astype(np.float64)

    def for_baselines(self) -> Answer:
        """Returns a map whose net measures nothing."""
        return Map(self.dimensions, color=self.color)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        places, rows = scores[:, : self.dimensions], truth.astype(np.float64)
        count = neighbors_for(len(rows))
        trust, continuity = neighborhoods(rows, places, num_neighbors=count)
        metrics = {
            "trustworthiness": float(trust.mean()),
            "continuity": float(continuity.mean()),
            **_measured(
                dict(zip(self.measures, scores[:, self.dimensions :].T, strict=True)), rows
            ),
        }
        return Evaluation(metrics, {"samples": len(rows), "neighbors": count}, per_sample=trust)

    def decode(self, scores: Scores) -> list[Prediction]:
        names = (*self.axes, *self.measures)
        return [
            Prediction(
                row[: self.dimensions].tolist(),
                place=dict(zip(names, map(_plain, row.tolist()), strict=True)),
            )
            for row in scores
        ]

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        values = outputs[0].detach().numpy()
        places, measured = values[: self.dimensions], values[self.dimensions :]
        steps = [DecodingStep("place", places.shape, places, "coordinates on the map", self.axes)]
        if self.measures:
            text = ", ".join(name.replace("_", " ") for name in self.measures)
            steps.append(DecodingStep("measures", measured.shape, measured, text, self.measures))
        return steps

    def describe_target(self, target: object) -> str:
        return ""

    def examples(self, scores: Scores, truth: Scores, quality: Scores) -> Sequence[tuple[int, str]]:
        """Returns none: nothing is right or wrong."""
        return ()

    def prediction_columns(
        self, predictions: Sequence[Prediction], outputs: Tensor
    ) -> Mapping[str, Sequence[object]]:
        names = list((predictions[0].place or {}) if predictions else self.axes)
        return {name: [(item.place or {})[name] for item in predictions] for name in names}

    def plain_value(self, prediction: Prediction) -> object:
        """Returns the coordinates."""
        return prediction.value

    def to_json(self, prediction: Prediction) -> JsonObject:
        return prediction.to_json()

    def caption(self, prediction: Prediction) -> str:
        return ", ".join(f"{value:.3g}" for value in prediction.value)

    def table_columns(self) -> list[str]:
        return [*self.axes, *self.measures]

    def table_row(self, prediction: Prediction) -> list[str]:
        return [describe(value) for value in (prediction.place or {}).values()]

    def evaluated_samples(self, evaluation: Evaluation, part: str) -> str:
        details = evaluation.details
        return (
            f"{details['samples']:,} samples, each with its {details['neighbors']} nearest ones; "
            "a map has no target, so these are the samples of the training"
        )

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        if data.scores is None:
            return []
        return [
            Section("Map", self._drawn(data)),
            self._clusters(data),
            self._unfaithful(data),
        ]

    def _drawn(self, data: EvaluationData) -> list[Record]:
        """Returns the interactive map of two coordinates."""
        every = np.arange(len(data.scores))
        frame = data.rows_of(every)
        places = data.scores[:, :2]
        if self.dimensions == 1:
            places = np.stack([places[:, 0], np.zeros(len(places))], axis=1)
        spread = spread_out(places)
        names = names_of(frame)
        group = _measured_group(self.measures) or (self.color if self.color in frame else "")
        groups, legend = self._groups(data, frame, group)
        if self.color in frame and group != self.color:
            column = frame[self.color]
            names = [
                f"{name}, {self.color} {describe(column.show(row))}"
                for row, name in enumerate(names)
            ]
        images = data.inputs(every)[0] if data.has_images else None
        labels = ("second dimension" if self.dimensions > 1 else "", "first dimension")
        record = ScatterMap(
            spread.tolist(),
            names,
            [] if images is not None else self._texts(data, frame),
            groups=groups,
            legend=legend,
            group_name=group,
            images=images,
            x_label=labels[1],
            y_label=labels[0],
        )
        lines: list[Record] = [record]
        if not np.array_equal(spread, places):
            lines.append(Line("Samples of one place are drawn around it, side by side.", "dim"))
        if self.dimensions > 2:
            text = f"The first two of {self.dimensions} dimensions are drawn."
            lines.append(Line(text, "dim"))
        return lines

    def _groups(
        self, data: EvaluationData, frame: Frame, group: str
    ) -> tuple[list[float], list[str]]:
        """Returns the number of the group of each sample, or a quantity, and the names
        of the groups; none without colors."""
        if group not in self.measures:
            return colors_of(frame[group]) if group else ([], [])
        column = data.scores[:, self.dimensions + self.measures.index(group)]
        numbers = sorted({int(value) for value in column})
        order = {number: place for place, number in enumerate(numbers)}
        return [order[int(value)] for value in column], [f"{group} {item}" for item in numbers]

    def _clusters(self, data: EvaluationData) -> Section:
        """Returns how many samples of each color are in each cluster."""
        group = _measured_group(self.measures)
        frame = data.rows_of(np.arange(len(data.scores)))
        if not group or self.color not in frame:
            return Section("", [])
        numbers, names = colors_of(frame[self.color])
        if not names:
            return Section("", [])
        groups, clusters = self._groups(data, frame, group)
        counts = np.zeros((len(clusters), len(names)), dtype=np.int64)
        np.add.at(counts, (np.asarray(groups, dtype=int), np.asarray(numbers, dtype=int)), 1)
        rows = [[name, *map(str, row)] for name, row in zip(clusters, counts.tolist(), strict=True)]
        title = f"{group.capitalize()}s and {self.color}"
        text = f"{self.color} was no input: the table says whether the clusters find it again."
        table = Table(["", *names], rows, numbers=range(1, 1 + len(names)))
        return Section(title, [table, Line(text, "dim")])

    def _texts(self, data: EvaluationData, frame: Frame) -> list[str]:
        names = data.input_columns[:_MAX_COLUMNS]
        return [in_words(frame, names, row) for row in range(len(frame))]

    def _unfaithful(self, data: EvaluationData) -> Section:
        """Returns the samples whose neighbors on the map are none in the data."""
        title, quality = "Samples that the map shows worst", data.evaluation.per_sample
        assert quality is not None
        order = np.argsort(quality, kind="stable")[:_MAX_COLUMNS]
        order = order[quality[order] < 1]
        if not len(order):
            return Section(title, [Line("None: all neighbors are neighbors in the data, too.")])
        if data.has_images:
            captions = [f"trustworthiness {quality[sample]:.3f}" for sample in order.tolist()]
            return Section(title, [data.gallery(order, captions)])
        frame, names = data.rows_of(order), data.input_columns[:_MAX_COLUMNS]
        rows = [
            [
                f"{frame.rows[place]}",
                f"{quality[sample]:.4f}",
                *(describe(value) for value in data.scores[sample, : self.dimensions].tolist()),
                in_words(frame, names, place),
            ]
            for place, sample in enumerate(order.tolist())
        ]
        titles = ["row", "trustworthiness", *self.axes, "sample"]
        numbers = range(2 + self.dimensions)
        return Section(title, [Table(titles, rows, numbers=numbers)])

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        raise NotBuiltError(
            "kissipo eject does not write nets that are solved, not trained",
            do="run.net.state_dict() has the mean, the vectors and the places",
        )

    def state(self) -> JsonObject:
        return {
            "dimensions": self.dimensions,
            "color": self.color,
            "measures": list(self.measures),
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        return cls(state["dimensions"], color=state["color"], measures=state["measures"])


def colors_of(column: Column) -> tuple[list[float], list[str]]:
    """Returns the number of the group of each row, and the names of the groups.

    The largest groups have names of their own, the others share one. Many different
    numbers are quantities: they are returned as they are, without names.

    Example:  >>> from kissipo.core.frame import strings
              >>> colors_of(strings("kind", ["b", "a", "b"]))
              ([0, 1, 0], ['b', 'a'])
    """
    if column.kind == "number" and len(np.unique(column.values[~column.missing])) > _MAX_GROUPS:
        return column.values.tolist(), []
    texts = [describe(column.show(row)) or "missing" for row in range(len(column))]
    counts = Counter(texts)
    names = sorted(counts, key=lambda text: -counts[text])
    if column.kind == "number" or all(name.isdigit() for name in names):
        names = sorted(names, key=lambda text: (not text.isdigit(), text.zfill(20)))
    if len(names) > _MAX_GROUPS:
        names = [*names[: _MAX_GROUPS - 1], f"{len(names) - _MAX_GROUPS + 1} others"]
    order = {name: number for number, name in enumerate(names)}
    return [order.get(text, len(names) - 1) for text in texts], names


def names_of(frame: Frame) -> list[str]:
    """Returns the name of each sample: that of its document or file, or its row."""
    if "image" in frame and all(isinstance(value, str) for value in frame["image"].values):
        return [Path(value).name for value in frame["image"].values]
    if "document" in frame and frame["document"].kind == "string":
        return [str(name) for name in frame["document"].texts()]
    return [f"row {row}" for row in frame.rows.tolist()]


def spread_out(places: Scores) -> Scores:
    """Returns places of which equal ones lie side by side, on a spiral around them.

    Where all places differ, they stay as they are.

    Example:  >>> spread_out(np.array([[0.0, 1.0], [2.0, 1.0]])).tolist()
              [[0.0, 1.0], [2.0, 1.0]]
    """
    units, number, counts = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    number = number.reshape(-1)
    if len(units) > len(places) / 2:
        return places
    gaps = np.concatenate([np.diff(np.unique(axis)) for axis in units.T])
    reach = _SPREAD * (gaps.min() if len(gaps) else 1.0)
    spread = places.astype(np.float64).copy()
    for unit in range(len(units)):
        rows = np.flatnonzero(number == unit)
        turns = np.arange(len(rows))
        radius = reach * np.sqrt(turns / max(counts.max(), 1))
        angle = _GOLDEN_ANGLE * turns
        spread[rows] += np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return spread


def in_words(frame: Frame, names: Sequence[str], row: int) -> str:
    """Returns the values of a row in one line; the name of a single column is left
    out."""
    values = [describe(frame[name].show(row)) for name in names]
    if len(names) > 1:
        values = [f"{name} {value}" for name, value in zip(names, values, strict=True)]
    return shorten(", ".join(values), _MAX_TEXT)


def _measured(measures: Mapping[str, Scores], rows: Scores) -> dict[str, float]:
    """Returns the metrics of what the net measured."""
    metrics: dict[str, float] = {}
    if "distance_to_plane" in measures:
        total = ((rows - rows.mean(axis=0)) ** 2).sum()
        rest = (measures["distance_to_plane"] ** 2).sum()
        metrics["explained_variance"] = float(1 - rest / total) if total > 0 else float("nan")
    for name in ("distance_to_unit", "distance_to_center"):
        if name in measures:
            metrics["quantization_error"] = float(measures[name].mean())
    if "is_torn" in measures:
        metrics["topographic_error"] = float(measures["is_torn"].mean())
    if "cluster" in measures:
        metrics["silhouette"] = _silhouette(rows, measures["cluster"])
    return metrics


def _silhouette(rows: Scores, clusters: Scores) -> float:
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(clusters)) < len(rows):
        return float("nan")
    return float(silhouette_score(rows, clusters))


def _measured_group(measures: Sequence[str]) -> str:
    """Returns the measure that is the number of a group, such as a cluster."""
    return "cluster" if "cluster" in measures else ""


def _plain(value: float) -> float | int:
    """Returns whole numbers as integers."""
    return int(value) if float(value).is_integer() else value


ANSWER = Map
