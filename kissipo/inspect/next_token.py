"""Reading along: a recurrent net reads a text unit by unit; what its last layer held after each, and what it expected next (S25).

The states are those that the layer gives to what stands above it, recorded while the net answers; the state is handed on through
the whole text, which is read in pieces only to save memory.

Shapes:   ids (time) -> states (time, neuron), likeliest ids and their probabilities (time, most)
Source:   Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kissipo.core.module_state import eval_mode

_PIECE = 512


@dataclass(frozen=True)
class Reading:
    """What a net made of each unit.

    cell:           rnn, lstm or gru
    states:         h of its last recurrent layer
    likeliest:      the ids that it held likeliest to come next, the likeliest first
    probabilities:  theirs
    """

    cell: str
    states: Tensor
    top: Tensor
    probabilities: Tensor


def read_along(net: Any, ids: Tensor, *, most: int = 5) -> Reading | None:
    """Reads the ids (time) of a text; None when the net has no recurrent layer."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.RNNBase)]
    if not layers:
        return None
    states: list[Tensor] = []
    guesses: list[Any] = []
    handle = layers[-1].register_forward_hook(
        lambda _layer, _x, gives: states.append(gives[0][0].clone())
    )
    state = None
    try:
        with eval_mode(net), torch.inference_mode():
            for piece in ids.split(_PIECE):
                outputs, state = net.go_on(state, piece.unsqueeze(0))
                guesses.append(outputs[0].softmax(dim=-1).topk(min(most, outputs.shape[-1])))
    finally:
        handle.remove()
    cell = layers[-1].mode.split("_")[0].lower()
    top, probabilities = (
        torch.cat([getattr(each, part) for each in guesses]) for part in ("indices", "values")
    )
    return Reading(cell, torch.cat(states), top, probabilities)
