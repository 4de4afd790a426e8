"""Expanding: a layer that torch runs as one piece, taken apart in double precision, or an opaque box that says why; one kind a file."""

from kissipo.inspect.unroll.attention import (
    UnrolledAttention,
    attention_weights,
    unroll_attention,
    unroll_sdpa,
)
from kissipo.inspect.unroll.opaque import FAR_OFF, Opaque
from kissipo.inspect.unroll.recurrent import Unrolled, Walk, laid_out, unroll, walk

__all__ = [
    "FAR_OFF",
    "Unrolled",
    "UnrolledAttention",
    "Opaque",
    "Walk",
    "attention_weights",
    "unroll",
    "unroll_attention",
    "unroll_sdpa",
    "laid_out",
    "walk",
]
