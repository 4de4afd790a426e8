"""Attention heads that a net computes with operations of its own, as recorded.

scores (batch, head, query, key) -> softmax -> weights          mixed = weights @ values

Such a softmax is found by the operation that reads it: a product of matrices, whose
first factor is the weights. The three tensors are already recorded, so nothing is
computed here.

Example:  >>> import torch
          >>> from torch import nn
          >>> from kissipo.inspect.tracing.record import record
          >>> class Heads(nn.Module):
          ...     def forward(self, x):
          ...         return torch.softmax(x @ x.mT, dim=-1) @ x
          >>> recording = record(Heads(), (torch.ones(1, 2, 3, 4),))
          >>> [item["attention"] for item in recorded_heads(recording)]
          [{'scores': 't2', 'weights': 't3', 'mixed': 't4'}]
"""

from __future__ import annotations

from collections.abc import Iterator

from kissipo.inspect.tracing.recording import Operation, Recording

_HEAD_AXES = 4
_PRODUCTS = ("matmul", "bmm")


def recorded_heads(recording: Recording) -> Iterator[dict[str, object]]:
    """Yields the scores, weights and mixed values of each attention as keys of
    tensors."""
    readers: dict[str, list[Operation]] = {}
    for operation in recording.operations:
        for key in operation.input_keys[:1]:
            readers.setdefault(key, []).append(operation)
    for operation in recording.operations:
        (weights, *_) = operation.output_keys
        shape = recording.values[weights].tensor.shape
        if operation.name != "softmax" or len(shape) != _HEAD_AXES:
            continue
        read = readers.get(weights, [])
        after = [next_ for one in read if one.name == "dropout" for next_ in _next(readers, one)]
        products = [one for one in (*read, *after) if one.name in _PRODUCTS]
        if products:
            keys = {
                "scores": operation.input_keys[0],
                "weights": weights,
                "mixed": products[0].output_keys[0],
            }
            about = {"layer": operation.layer, "call": operation.call}
            about |= {"operation": operation.number, "heads": shape[1], "max_error": 0.0}
            yield about | {"attention": keys}


def _next(readers: dict[str, list[Operation]], operation: Operation) -> list[Operation]:
    return readers.get(operation.output_keys[0], [])
