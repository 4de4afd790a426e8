"""Next token: the states and predictions of a recurrent net along a text (S25).

The states are the outputs of the last recurrent layer, recorded in eval mode. The text
is read in pieces to save memory, and the state is carried over from piece to piece.

Shapes:   ids (time) -> states (time, neuron), top ids and probabilities (time, top_k)
Source:   Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import StepwiseNet

_PIECE = 512


@dataclass(frozen=True)
class Reading:
    """The states and predictions of a net after each token.

    cell:           rnn, lstm or gru
    states:         h of the last recurrent layer
    top:            the most probable next ids, the most probable one first
    probabilities:  the probability of each of them
    """

    cell: str
    states: Tensor
    top: Tensor
    probabilities: Tensor


def read_along(net: nn.Module, ids: Tensor, *, top_k: int = 5) -> Reading | None:
    """Runs a net over the ids (time) of a text.

    Returns:  None when the net has no recurrent layer
    """
    layers = [layer for layer in net.modules() if isinstance(layer, nn.RNNBase)]
    if not layers:
        return None
    states: list[Tensor] = []
    guesses: list[torch.return_types.topk] = []
    handle = layers[-1].register_forward_hook(lambda _layer, _x, y: states.append(y[0][0].clone()))
    stepwise, state = cast(StepwiseNet, net), None
    try:
        with eval_mode(net), torch.inference_mode():
            for piece in ids.split(_PIECE):
                outputs, state = stepwise.forward_with_state(state, piece.unsqueeze(0))
                guesses.append(outputs[0].softmax(dim=-1).topk(min(top_k, outputs.shape[-1])))
    finally:
        handle.remove()
    cell = layers[-1].mode.split("_")[0].lower()
    top, probabilities = (
        torch.cat([getattr(guess, part) for guess in guesses]) for part in ("indices", "values")
    )
    return Reading(cell, torch.cat(states), top, probabilities)
