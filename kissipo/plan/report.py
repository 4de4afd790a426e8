"""Gathers what a report shows; a stand-in until the page is written."""

from typing import Any


def write_report(*args: Any) -> None:
    """Nothing yet."""
