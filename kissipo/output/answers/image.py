"""Image: an image as the answer: logits of pixels -> sigmoid -> brightness -> bytes.

Generated images have no targets of their own. The images of the test split and the
generated ones are compared as two sets:

frechet_distance   between the features of both sets, see `metrics/frechet.py`
nearest_real       mean distance of a generated image to the nearest real one: fidelity
nearest_generated  mean distance of a real image to the nearest generated one: coverage

The features are the pixels, averaged over a grid of at most 8x8 cells. The distance of
two images is the root of the mean squared difference of their features. The features
are simple, so that nothing has to be trained or downloaded; published Fréchet distances
take the features of an Inception net and cannot be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from kissipo.codec.pixels import Pixels
from kissipo.core.codec import restore, save
from kissipo.core.description import Gallery, Image, Line, Section, Table
from kissipo.core.errors import TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import format_score
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.metrics.frechet import frechet_distance

_MAX_SIDE, _GRID = 64, 8
_GALLERY, _NEIGHBORS, _MAX_REAL = 64, 12, 5_000  # images in the report
_CHUNK = 256


@dataclass(frozen=True)
class Options:
    """The options of an image."""

    image_size: tuple[int, ...] | None = option(
        None, "height and width of the image; one number for a square", minimum=1
    )
    image_color: Literal["grayscale", "rgb"] | None = option(
        None, "color mode: one channel or three; inferred from the images"
    )


class GeneratedImage(Answer):
    """Images, generated from one input per sample."""

    WORD = "image"
    EVAL_METRIC = "frechet_distance"
    HIGHER_IS_BETTER = False
    DEFAULT_LOSS = "binary_cross_entropy"
    BASELINES = ("mean_image", "gaussian_pixels")
    LOSSES = ("binary_cross_entropy",)
    NAMES_COLUMN = False
    SOURCES = ("images",)

    def __init__(
        self, column: str, options: Options = Options(), *, loss: str | None = None
    ) -> None:
        sides = options.image_size
        size = (sides[0], sides[-1]) if sides else None
        self.codec: Pixels = Pixels(
            column, size=size, color=options.image_color, max_side=_MAX_SIDE
        )
        self._loss = loss

    @classmethod
    def for_rows(cls, value: Any, options: Any, *, loss: str | None, frame: Frame) -> Self:
        """Returns the answer for the images of the frame.

        value:  new: the images are generated; None means the same
        """
        if value not in (None, "new"):
            raise TaskError("output.image generates images", got=str(value), allowed="new")
        return cls("image", options, loss=loss)

    def fit_inputs(self, specs: Sequence[TensorSpec]) -> Self:
        """Takes over the size of the images, where the inputs are images."""
        if self.codec.size is None and specs[0].axes == self.spec.axes:
            self.codec.size = (specs[0].shape[1], specs[0].shape[2])
        return self

    def fitted_findings(self, frame: Frame) -> list[Finding]:
        return [Finding("PASS", "images", remark) for remark in self.codec.remarks(frame)]

    @property
    def spec(self) -> TensorSpec:
        return self.codec.spec

    def scores(self, outputs: Tensor) -> Scores:
        return outputs.detach().sigmoid().numpy()

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        fake, real = features(scores), features(truth)
        metrics = {
            "frechet_distance": frechet_distance(fake, real)
            if min(len(fake), len(real)) > 1
            else float("nan"),
            "nearest_real": float(nearest(fake, real)[0].mean()),
            "nearest_generated": float(nearest(real, fake)[0].mean()),
        }
        return Evaluation(metrics, {"generated": len(scores)})

    def decode(self, scores: Scores) -> list[Prediction]:
        images = self.codec.decode(torch.from_numpy(np.asarray(scores)))[self.name].values
        return [Prediction(_in_words(image), pixels=image) for image in images]

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        (prediction,) = self.decode(scores)
        shape = tuple(outputs.shape[1:])
        return [
            DecodingStep("logits", shape, outputs[0].detach().numpy(), "model output"),
            DecodingStep("brightness", shape, scores[0], "sigmoid, from 0 to 1"),
            DecodingStep(
                "pixels", prediction.pixels.shape, prediction.pixels, "times 255, rounded"
            ),
            DecodingStep("image", (), prediction.value, "the answer"),
        ]

    def evaluated_samples(self, evaluation: Evaluation, part: str) -> str:
        count = evaluation.details["generated"]
        return f"{count:,} generated images compared with the {count:,} of the {part} split"

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        """Returns generated images, and the real image that is nearest to each."""
        rows = data.frame.rows[data.rows]
        images = [[_drawn(image)] for image in data.scores[:_GALLERY]]
        command = (
            "The caption is the number of the sample. `kissipo predict` and `kissipo xray` "
            "take it and make the same image."
        )
        return [
            Section(
                "Generated images",
                [
                    Gallery(images, [str(row) for row in rows[:_GALLERY].tolist()]),
                    Line(command, "dim"),
                ],
            ),
            self._neighbors(data),
        ]

    def _neighbors(self, data: EvaluationData) -> Section:
        """Returns how near the generated images are to the images that are not in the
        evaluated split: a copy has the distance 0."""
        others = np.setdiff1d(np.arange(len(data.frame)), data.rows)[:_MAX_REAL]
        if not len(others):
            return Section("Nearest real images", [])
        encoded = self.codec.finish(self.codec.encode(data.frame.take(others))).numpy()
        references = features(encoded)
        distances, positions = nearest(features(data.scores), references)
        unseen, _ = nearest(features(data.truth), references)
        pairs, captions = [], []
        for sample in range(min(_NEIGHBORS, len(data.scores))):
            pairs.append([_drawn(data.scores[sample]), _drawn(encoded[positions[sample]])])
            captions.append(f"distance {distances[sample]:.3f}")
        rows = [
            [name, *(format_score(float(value)) for value in np.percentile(of, (0, 50)))]
            for name, of in (("generated images", distances), ("unseen real images", unseen))
        ]
        text = (
            "Left a generated image, right the nearest image that is not in the evaluated "
            "split. Copies would be nearer to it than unseen real images are."
        )
        return Section(
            "Nearest real images",
            [
                Table(["distance to the nearest", "minimum", "median"], rows, numbers=(1, 2)),
                Gallery(pairs, captions),
                Line(text, "dim"),
            ],
        )

    def state(self) -> JsonObject:
        return {"codec": save(self.codec), "loss": self.loss}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, Pixels)
        answer = cls(codec.column, loss=state["loss"])
        answer.codec = codec
        return answer


def features(images: Scores) -> NDArray[np.float64]:
    """Returns the brightness of at most 8x8 cells of each image, one row per image.

    Example:  >>> features(np.ones((2, 3, 32, 4))).shape
              (2, 96)
    """
    tensor = torch.from_numpy(np.ascontiguousarray(images)).double()
    height, width = (min(_GRID, side) for side in tensor.shape[2:])
    return adaptive_avg_pool2d(tensor, (height, width)).flatten(1).numpy()


def nearest(
    some: NDArray[np.float64], others: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns for each row the distance to the nearest other row, and its position."""
    parts = [
        torch.cdist(part, torch.from_numpy(others)).min(dim=1)
        for part in torch.from_numpy(some).split(_CHUNK)
    ]
    distances = torch.cat([part.values for part in parts]) / some.shape[1] ** 0.5
    return distances.numpy(), torch.cat([part.indices for part in parts]).numpy()


def _drawn(image: Scores) -> Image:
    return Image(torch.from_numpy(image))


def _in_words(image: NDArray[np.uint8]) -> str:
    height, width = image.shape[:2]
    return f"image of {height}x{width}, mean brightness {image.mean() / 255:.3f}"


ANSWER = GeneratedImage
