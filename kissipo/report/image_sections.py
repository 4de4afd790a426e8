"""Predictions on images: Grad-CAM heat maps and masks, for the report and the gallery."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.codec.mask import VOID
from kissipo.engine.evaluate import as_tuple
from kissipo.inspect.grad_cam import HeatMaps, grad_cam
from kissipo.output.answer import Answer, Prediction
from kissipo.output.answers.category import Category
from kissipo.output.answers.mask import Mask
from kissipo.output.score import Score
from kissipo.pipeline.pipeline import Pipeline
from kissipo.report.gallery import strips
from kissipo.report.overlay import color_name, heated, marked

_WORST = 6


def is_heatable(inputs: Sequence[Tensor], answer: Answer) -> bool:
    """Whether a Grad-CAM heat map can be computed for this answer."""
    return answer.HAS_HEAT_MAPS and len(inputs) == 1 and inputs[0].dim() == 4


def looked_at(
    net: nn.Module, image: Tensor, answer: Answer, classes: Sequence[int], *, number: int = 0
) -> HeatMaps:
    """Computes the Grad-CAM heat map of one class for each image.

    number:   of the answer, where the net gives several
    """

    def score(outputs: Any) -> Tensor:
        return answer.heat_score(as_tuple(outputs)[number], torch.tensor(classes))

    return grad_cam(net, image, score)


def heat_gallery(
    net: nn.Module,
    images: Tensor,
    answer: Category,
    classes: Sequence[int],
    captions: Sequence[str],
    files: Sequence[Any],
) -> str:
    """Each image beside its Grad-CAM heat map."""
    record = looked_at(net, images, answer, classes)
    rows = [(image, heated(image, heat)) for image, heat in zip(images, record.maps, strict=True)]
    text = f"Warm colors mark the regions that support the prediction: {record.describe()}."
    return strips(rows, captions, files) + f'<p class="dim">{escape(text)}</p>'


def mask_sections(pipeline: Pipeline, score: Score, answers: Any, truth: Any) -> str:
    """The images with the worst and the best masks: original, target mask, predicted mask."""
    answer, item = score.answer, score.net.per_sample
    assert isinstance(answer, Mask) and item is not None
    order = np.argsort(item, kind="stable")
    has_mask = [
        index
        for index in order
        if ((truth[index] > 0) & (truth[index] < VOID)).any() or answers[index].any()
    ]
    content = legend(answer)
    for title, some in (
        ("Worst masks", has_mask[:_WORST]),
        ("Best masks", has_mask[_WORST:][-_WORST:]),
    ):
        if some:
            content += f"<h3>{title}</h3>" + _three(
                pipeline, answer, item, answers, truth, np.array(some)
            )
    return content


def legend(answer: Answer) -> str:
    """The color of each class."""
    parts = [
        f'<span style="color:{color_name(number)}">■</span> {escape(level)}'
        for number, level in enumerate(answer.classes)
        if number
    ]
    return f"<p>{' &nbsp; '.join(parts)}</p>"


def _three(pipeline: Pipeline, answer: Mask, item: Any, answers: Any, truth: Any, some: Any) -> str:
    part = pipeline.eval_split
    images = pipeline.datasets[part].batch(torch.from_numpy(some)).inputs[0]
    frame = pipeline.frame.take(pipeline.splits[part][some])
    rows, captions = [], []
    for index, image in zip(some, images, strict=True):
        real, record = (torch.from_numpy(mask[index]) for mask in (truth, answers))
        rows.append((image, marked(image, real), marked(image, record)))
        (text,) = answer.decode(answers[index][None])
        captions.append(f"image, truth, answer: {areas(text)}; overlap {item[index]:.2f}")
    return strips(rows, captions, [frame["image"].show(index) for index in range(len(some))])


def areas(decision: Prediction) -> str:
    """Describes a predicted mask in a few words."""
    return ", ".join(f"{level} {share:.1%}" for level, share in decision.areas) or str(
        decision.value
    )
