"""Arrays of numpy whose dtype depends on the data."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

NumpyArray = NDArray[Any]
"""Integers, floats, texts, timestamps or objects: only the data say which."""
