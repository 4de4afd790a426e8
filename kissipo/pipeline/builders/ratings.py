"""Builds the pipeline of ratings: a row is a user and an item, with their rating.

Ids come first among the inputs, then the side features of users, then those of items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kissipo.codec.ids import Ids
from kissipo.codec.side_features import ITEM_FEATURES, USER_FEATURES, SideFeatures
from kissipo.core.codec import Codec
from kissipo.core.errors import TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.protocols import compares_items
from kissipo.input.check.ratings import (
    describe_counts,
    describe_new,
    order_of_time,
    with_ids,
    without_repeats,
)
from kissipo.input.source_data import Reading
from kissipo.input.sources.ratings import RATING, Ratings, Roles, roles_of
from kissipo.input.split import Split, split_rows
from kissipo.output.answers.rating import IMPLICIT, Catalog, Options, Rating, implicit_column
from kissipo.output.rating_history import PARTS
from kissipo.pipeline.builders.rows import encode, encode_new
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import Pipeline

__all__ = ["build", "encode_new", "wrap_net"]


def wrap_net(net: nn.Module) -> nn.Module:
    """Returns the net.

    Raises:   TaskError for a net that does not score items for users.
    """
    if not compares_items(net):
        raise TaskError(
            "output.rating needs a net that scores items for users",
            got=type(net).__name__,
            allowed="process.net=recommender, or a module with item_vectors and item_places",
        )
    return net


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline with contiguous ids, and the history of all users.

    Raises:   DataError, TaskError for ratings that cannot be used.
    """
    findings = list(reading.findings)
    reading, inferred = _with_answer(reading, resolved)
    frame, roles = reading.frame, roles_of(reading.frame, resolved.source.options)
    if resolved.source.options.time is not None:
        frame[resolved.source.options.time]  # raises a DataError for a missing column
    answer, named = _answer(reading, resolved)
    if answer.name == IMPLICIT:
        frame = frame.replaced(implicit_column(len(frame)))
    frame = answer.usable_rows(frame, findings, missing="left_out")
    frame = with_ids(frame, roles.user, roles.item, findings)
    frame = without_repeats(frame, roles.user, roles.item, roles.time, findings)
    findings += answer.check_targets(frame)
    findings += describe_counts(frame, roles.user, roles.item)
    refuse_failures(findings, strict=strict)
    splits = _splits(frame, roles, resolved.general.split, seed, findings)
    findings += describe_new(frame, roles.user, roles.item, splits)
    refuse_failures(findings, strict=strict)
    train = frame.take(splits["train"])
    source: Ratings = resolved.source.module.SOURCE
    sides = source.side_codecs(frame, roles, resolved.source.options, findings)
    for side in sides:
        side.fit(train).keep(frame)
    codecs: tuple[Codec, ...] = (
        Ids(roles.user).fit(train),
        Ids(roles.item).fit(train),
        *sides,
    )
    answer.fit(train)
    ids = [codec.encode(frame).numpy() for codec in codecs[:2]]
    rows = [
        (ids[0][rows], ids[1][rows], np.full(len(rows), PARTS.index(part)))
        for part, rows in splits.items()
    ]
    ratings = np.concatenate([frame[answer.name].values[rows] for rows in splits.values()])
    answer.remember(_catalog(codecs[:2], sides), rows, ratings)
    datasets = {name: encode(frame.take(rows), codecs, (answer,)) for name, rows in splits.items()}
    fitted = [replace(item, place=f"output.{item.place}") for item in answer.fitted_options()]
    return Pipeline(
        frame,
        splits,
        codecs,
        (answer,),
        datasets,
        tuple(findings),
        inferred_options=(*inferred, *named, *fitted),
    )


def _catalog(ids: Sequence[Codec], sides: Sequence[SideFeatures]) -> Catalog:
    """Returns all users and items by id, with their features."""
    names = {codec.columns[0]: codec.spec.labels[1:] for codec in ids}
    users, items = names.values()
    features = {}
    for side in sides:
        rows = side.by_id(names[side.key])
        features[side.name] = torch.cat([torch.zeros(1, rows.shape[1]), rows])
    return Catalog(users, items, features.get(USER_FEATURES), features.get(ITEM_FEATURES))


def _with_answer(reading: Reading, resolved: ResolvedTask) -> tuple[Reading, list[InferredOption]]:
    """Returns a file without a header whose ratings are called as the answer."""
    name = resolved.answers[0].value if resolved.answers else None
    inferred = list(reading.inferred_options)
    header = next((item for item in inferred if item.place == "input.header"), None)
    if not isinstance(name, str) or header is None or name in reading.frame:
        return reading, inferred
    if name == IMPLICIT or reading.answer != RATING:
        return reading, inferred
    columns = tuple(
        replace(column, name=name) if column.name == RATING else column
        for column in reading.frame.columns
    )
    names = [column.name for column in columns]
    inferred[inferred.index(header)] = replace(header, value=names)
    return replace(reading, frame=replace(reading.frame, columns=columns), answer=name), inferred


def _answer(reading: Reading, resolved: ResolvedTask) -> tuple[Rating, list[InferredOption]]:
    """Returns the answer: the column of ratings, or that there is none."""
    suitable = resolved.source.module.SOURCE.answers
    if len(resolved.answers) > 1 or any(part.name not in suitable for part in resolved.answers):
        names = ", ".join(part.name for part in resolved.answers)
        raise TaskError("input.ratings has one answer", got=names, allowed=", ".join(suitable))
    component = resolved.answers[0] if resolved.answers else None
    options = component.options if component is not None else Options()
    loss = Rating.loss_name(resolved.losses[0]) if resolved.losses else None
    value = None if component is None else component.value
    inferred = []
    if value is None:
        value = reading.answer or IMPLICIT
        reason = (
            "the column of ratings"
            if reading.answer
            else "there is no column of ratings, so every row is an item that was chosen"
        )
        inferred.append(InferredOption("output.rating", value, reason))
    name = str(value)
    if name != IMPLICIT:
        reading.frame[name]  # raises a DataError for a missing column
    return Rating(name, options, loss=loss), inferred


def _splits(
    frame: Frame, roles: Roles, split: Split, seed: int, findings: list[Finding]
) -> dict[str, NDArray[np.int64]]:
    """Returns the rows of each split, at random, by time or per user."""
    if split.method in (None, "random") or split.group:
        if split.method is None and roles.time is not None:
            message = f"the split is random, so that tested rows are not the last by '{roles.time}'"
            action = "input.split.method=time or leave_last_out tests the last ones"
            findings.append(Finding("PASS", "order of time", message, action))
        groups = None
        if split.group is not None:
            groups = np.unique(frame[split.group].values, return_inverse=True)[1].astype(np.int64)
        return split_rows(len(frame), split, seed=seed, together=groups)
    order = order_of_time(frame, roles.time)
    if roles.time is None:
        message = f"input.split.method={split.method} without a column of times"
        action = "the order of the file counts as the order of time"
        findings.append(Finding("WARN", "order of time", message, action))
    owners = frame[roles.user].values.astype(np.int64)[order]
    parts = split_rows(len(frame), split, seed=seed, owners=owners)
    return {name: np.sort(order[rows]) for name, rows in parts.items()}
