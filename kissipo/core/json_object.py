"""JSON in Python, as it is read and as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JsonObject = dict[str, Any]
"""An object of JSON. Its values are texts, numbers, lists and objects of JSON, and a
reader knows from the keys which."""

JsonMapping = Mapping[str, Any]
"""An object of JSON that is only read."""
