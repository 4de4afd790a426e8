"""Expanding: a layer that torch runs as one piece, taken apart in double precision, or an opaque box that says why; one kind a file."""

from kissipo.inspect.unroll.attention import ExpandedAttention, attention_weights, expand_attention, expand_sdpa
from kissipo.inspect.unroll.opaque import FAR_OFF, Opaque
from kissipo.inspect.unroll.recurrent import Expanded, Walk, expand, laid_out, walk

__all__ = [
    "FAR_OFF",
    "Expanded",
    "ExpandedAttention",
    "Opaque",
    "Walk",
    "attention_weights",
    "expand",
    "expand_attention",
    "expand_sdpa",
    "laid_out",
    "walk",
]
