"""The page of a trace, which `kissipo xray --out` writes; also for any torch module.

Example:  >>> import tempfile, torch
          >>> from torch import nn
          >>> from kissipo.inspect.tracing.trace_module import trace
          >>> linear = trace(nn.Linear(3, 2), torch.ones(1, 3))
          >>> file = save_page(linear, tempfile.mkdtemp() + "/linear.html")
          >>> file.read_text(encoding="utf-8")[:15]
          '<!doctype html>'
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kissipo.core.output_file import write_text
from kissipo.inspect.trace import Trace
from kissipo.report.page import Section
from kissipo.report.trace_page import trace_page

SUBTITLE = "one example from the inside: Input → Process → Output, every number from its trace"


def page_of(
    trace: Trace,
    *,
    title: str = "",
    subtitle: str = SUBTITLE,
    more: Sequence[Section] = (),
    unit: int | None = None,
    why: str = "",
    neurons: Sequence[tuple[int, str]] = (),
) -> str:
    """Returns the page as HTML.

    more:     additional sections
    unit:     the selected unit of the last recurrent layer
    why:      the reason for the selection
    neurons:  other interpretable neurons
    """
    content, tensors = trace.content()
    return trace_page(
        content,
        tensors,
        title=title or trace.name or "one example",
        subtitle=subtitle,
        more=more,
        unit=unit,
        why=why,
        interpretable=neurons,
    )


def save_page(trace: Trace, path: Path | str, *, title: str = "") -> Path:
    """Writes the page of a trace.

    Raises:   MachineError when the file cannot be written.
    """
    return write_text(path, page_of(trace, title=title))
