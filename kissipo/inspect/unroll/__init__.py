"""Unrolling: the inner values of layers that torch runs as one operation."""

from kissipo.inspect.unroll.attention import (
    UnrolledAttention,
    attention_weights,
    unroll_attention,
    unroll_sdpa,
)
from kissipo.inspect.unroll.opaque import TOLERANCE, Opaque
from kissipo.inspect.unroll.recurrent import (
    Lengths,
    State,
    Unrolled,
    UnrolledLayer,
    time_first,
    unroll,
    unroll_layers,
)

__all__ = [
    "TOLERANCE",
    "Lengths",
    "Opaque",
    "State",
    "Unrolled",
    "UnrolledAttention",
    "UnrolledLayer",
    "attention_weights",
    "time_first",
    "unroll",
    "unroll_attention",
    "unroll_layers",
    "unroll_sdpa",
]
