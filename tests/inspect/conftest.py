"""The counter of floating-point operations of torch, for the tests of costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def of_attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Returns the operations of two matrix products per head, which torch omits."""
    rows, heads, queries, features = query
    return 2 * rows * heads * queries * key[-2] * (features + value[-1])


def of_recurrent(x: Any, w: Any, u: Any, *_: Any, **__: Any) -> int:
    """Returns the operations of a layer in one direction, which torch omits."""
    return 2 * x[0] * x[1] * (w[0] * w[1] + u[0] * u[1])


UNCOUNTED = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: of_attention,
    torch.ops.aten.mkldnn_rnn_layer: of_recurrent,
}


@pytest.fixture
def flops() -> Callable[..., int]:
    """Counts two operations per multiplication, with those that torch omits."""

    def counted(net: nn.Module, *inputs: Any) -> int:
        with FlopCounterMode(display=False, custom_mapping=UNCOUNTED) as counter:
            net(*inputs)
        return counter.get_total_flops()

    return counted
