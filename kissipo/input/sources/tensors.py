"""Tensors: samples that are already numbers, from arrays, tensors or a torch Dataset.

    (x, y)               two arrays or tensors, the samples along the first axis
    FILE.npz, .npy, .json  arrays of samples and targets by their names
    Dataset, DataLoader  each sample is a pair (x, y); a loader is read once, in the
                         order of its dataset

Whole numbers in y are classes, other numbers are quantities. Nothing is scaled. Whole
numbers in x become floats; with `ids` they are the ids of tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, IterableDataset

from kissipo.codec.array import Array
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame, array_column, class_column, numbers, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.input.formats.arrays import ArrayFile, is_array_file, read_array_file
from kissipo.input.formats.files import existing
from kissipo.input.source import Source
from kissipo.input.source_data import Reading

if TYPE_CHECKING:
    from kissipo.input.question import Question

_X, _Y = "x", "y"


@dataclass(frozen=True)
class Options:
    """Options of tensors."""

    classes: tuple[str, ...] | None = option(
        None, "name of each class, for the numbers 0, 1, 2 ... of y"
    )
    target: str | None = option(None, "name of the array of targets in a file of arrays")
    ids: bool = option(False, "whether whole numbers in x are ids of tokens, not quantities")


class Tensors(Source[Options]):
    """Samples in memory, with one target each."""

    order = 5
    formats = "an .npz or .json of arrays"

    def read(self, value: object, options: Options) -> Reading:
        """Returns the samples as the column x and the targets as the column y."""
        x, y, origin, parts = _pair(value, options.target)
        if len(x) != len(y):
            raise DataError(
                f"{origin} have different numbers of samples and targets",
                got=f"{len(x)} samples, {len(y)} targets",
            )
        if not len(x):
            raise DataError(f"{origin} are empty", do="Give at least a few samples")
        return Reading(
            Frame(
                (array_column(_X, _samples(x, options, origin)), _target(y, options, origin)),
                origin,
            ),
            answer=_Y,
            parts=parts or None,
        )

    def infer(self, question: Question) -> Task | None:
        """Takes a pair of arrays, a Dataset, a DataLoader, and arrays in a file that do
        not look like images."""
        if question.path is not None and is_array_file(question.path):
            return _infer_file(question, question.path)
        data = question.data
        is_pair = isinstance(data, tuple) and len(data) == 2
        if not (is_pair or isinstance(data, Dataset | DataLoader)):
            return None
        y = _pair(data)[1]
        kind = question.answer or ("number" if y.dtype.kind == "f" else "category")
        return question.task({"tensors": data}, {kind: _Y})

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
        """Returns the one codec that passes the samples on."""
        return (Array(_X),)

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns samples, each given alone or several along a first axis."""
        axes = len(codecs[0].spec.shape)
        arrays = [_read_value(value) for value in values]
        parts = [array[None] if array.ndim == axes else array for array in arrays]
        for part in parts:
            if part.shape[1:] != parts[0].shape[1:]:
                raise DataError(
                    "the values have different shapes",
                    got=f"{parts[0].shape[1:]} and {part.shape[1:]}",
                    allowed=str(codecs[0].spec.shape),
                )
        x = _samples(np.concatenate(parts), options, "the values")
        return Frame((array_column(_X, x),), origin="the values")

    def value_axes(self, codecs: Sequence[Codec]) -> int | None:
        return len(codecs[0].spec.shape)

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns a sentence that says which values can be predicted."""
        shape = codecs[0].spec.shape
        return f"Give an array of the shape {shape}: run.predict(array), or a file x.npy"


SOURCE = Tensors()


def _infer_file(question: Question, path: Path) -> Task | None:
    """Returns the task for arrays in a file; None for images with classes."""
    file = read_array_file(path, question.output)
    if file.is_images and file.y is None and (question.answer or "noise" in question.words):
        return None
    y = _targets(file, path)
    is_number = y.dtype.kind == "f" and not bool(np.all(y == np.round(y)))
    if file.is_images and not is_number and question.answer != "number":
        return None
    kind = question.answer or ("number" if y.dtype.kind == "f" else "category")
    named = {} if question.output is None else {"target": question.output}
    return question.task({"tensors": question.value, **named}, {kind: _Y})


def _targets(file: ArrayFile, path: Path) -> NumpyArray:
    if file.y is None:
        raise DataError(
            f"{path} has samples and no targets",
            got=f"one array of the shape {file.x.shape}",
            do="Save both in one file: numpy.savez('data.npz', x=x, y=y)",
        )
    return file.y


def _read_value(value: object) -> NumpyArray:
    """Returns a value to predict as an array, read from its file where it is a path."""
    if not isinstance(value, str | Path):
        return _array(value)
    if not is_array_file(Path(value)):
        raise DataError(
            f"{value} is not a file of arrays",
            allowed=".npy, .npz, .json",
            do="numpy.save(file, x)",
        )
    return read_array_file(Path(value)).x


def _pair(
    value: object, target: str | None = None
) -> tuple[NumpyArray, NumpyArray, str, Mapping[str, NDArray[np.int64]]]:
    """Returns samples, targets, the name of the data in messages, and the split."""
    if isinstance(value, str | Path):
        path = existing(Path(value))
        if not is_array_file(path):
            raise DataError(f"{path} is not a file of arrays", allowed=".npy, .npz, .json")
        file = read_array_file(path, target)
        return file.x, _targets(file, path), f"the arrays of {path}", file.parts
    if isinstance(value, DataLoader):
        value = value.dataset
    if isinstance(value, tuple) and len(value) == 2:
        return _array(value[0]), _array(value[1]), "the arrays", {}
    if isinstance(value, Dataset):
        return *_stacked(value), "the samples of the Dataset", {}
    raise DataError(
        "input.tensors does not take these data",
        got=type(value).__name__,
        allowed="a pair (x, y) of arrays or tensors, a torch Dataset, a DataLoader, an .npz file",
    )


def _stacked(dataset: Any) -> tuple[NumpyArray, NumpyArray]:
    """Returns the samples and the targets of a Dataset, each in one array.

    Raises:   DataError for a sample that is not a pair or has another shape.
    """
    samples: Iterable[object] = (
        dataset
        if isinstance(dataset, IterableDataset)
        else map(dataset.__getitem__, range(len(dataset)))
    )
    xs: list[NumpyArray] = []
    ys: list[NumpyArray] = []
    for number, sample in enumerate(samples):
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            raise DataError(
                f"sample {number} of the Dataset is not a pair (x, y)", got=type(sample).__name__
            )
        x, y = _array(sample[0]), _array(sample[1])
        for part, first in ((x, xs[:1]), (y, ys[:1])):
            if first and part.shape != first[0].shape:
                raise DataError(
                    f"sample {number} of the Dataset has another shape than the first",
                    got=str(part.shape),
                    allowed=str(first[0].shape),
                    do="Bring all samples to one shape in the Dataset",
                )
        xs.append(x)
        ys.append(y)
    return (np.stack(xs), np.stack(ys)) if xs else (np.zeros((0, 1)), np.zeros(0))


def _array(value: object) -> NumpyArray:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    try:
        return np.asarray(value)
    except ValueError:
        raise DataError(
            "the samples have different shapes",
            allowed="arrays or tensors of one shape",
            do="Bring all samples to one shape",
        ) from None


def _samples(x: NumpyArray, options: Options, origin: str) -> NumpyArray:
    """Returns samples as float32, or ids as int64, with at least one axis each."""
    if options.ids:
        if x.dtype.kind not in "ui" or x.ndim != 2 or (x.size and x.min() < 0):
            raise DataError(
                f"input.ids needs whole numbers from 0 on, and {origin} hold others",
                got=f"{x.dtype} of the shape {x.shape}",
                allowed="one row of ids per sample",
            )
        return x.astype(np.int64)
    if x.dtype.kind not in "fbui":
        raise DataError(f"{origin} are not numbers", got=str(x.dtype))
    finite = np.isfinite(x.reshape(len(x), -1)).all(axis=1)
    if not finite.all():
        raise DataError(
            f"{origin} contain NaN or infinite numbers",
            got=f"{int((~finite).sum())} of {len(x)} samples, first sample "
            f"{int(np.flatnonzero(~finite)[0])}",
            do="Replace them, or leave these samples out",
        )
    return (x if x.ndim > 1 else x[:, None]).astype(np.float32)


def _target(y: NumpyArray, options: Options, origin: str) -> Column:
    """Returns the column of targets: classes as texts, or numbers."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise DataError(
            f"the targets of {origin} have more than one number per sample",
            got=f"the shape {y.shape}",
            allowed="one class or one number per sample",
        )
    if y.dtype.kind == "f":
        return numbers(_Y, y)
    names = options.classes
    if names is None or y.dtype.kind not in "bui":
        return class_column(_Y, y)
    if y.min() < 0 or y.max() >= len(names):
        raise DataError(
            "input.classes does not name every class",
            got=f"classes {y.min()} to {y.max()}, {len(names)} names",
        )
    return strings(_Y, [names[int(value)] for value in y.tolist()])
