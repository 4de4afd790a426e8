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

from html import escape
from pathlib import Path

from kissipo.core.output_file import write_text
from kissipo.inspect.trace import Trace
from kissipo.report.document import document
from kissipo.report.packed_tensors import EXACT_BYTES
from kissipo.report.page import paragraphs, table
from kissipo.report.tables import trace_table
from kissipo.report.xray_content import xray_content

SUBTITLE = "one example from the inside: Input → Process → Output, every number from its trace"


def page_of(
    trace: Trace,
    *,
    title: str = "",
    subtitle: str = SUBTITLE,
    run: str = "",
    exact_bytes: int = EXACT_BYTES,
    **more: object,
) -> str:
    """Returns the page as HTML.

    run:          the run folder, for the command that opens a value
    exact_bytes:  the size of the tensors with which the page can calculate
    more:         further fields of the content: `neurons`, `images`
    """
    title = title or trace.name or "one example"
    content, numbers = xray_content(
        trace, exact_bytes=exact_bytes, title=title, subtitle=subtitle, run=run, **more
    )
    return document(content, plain=_plain(trace, title, subtitle), numbers=numbers)


def _plain(trace: Trace, title: str, subtitle: str) -> str:
    """Returns what remains of the page without JavaScript: the data flow as a table."""
    flow = trace_table(trace, max_length=160)
    answer = f"Prediction: {trace.answer}." if trace.answer else ""
    truth = f" Target: {trace.truth}." if trace.truth else ""
    return (
        f"<h1>{escape(title)}</h1>{paragraphs([subtitle, answer + truth])}"
        f"{table(flow.titles, flow.rows, numbers=flow.numbers)}"
    )


def save_page(trace: Trace, path: Path | str, *, title: str = "") -> Path:
    """Writes the page of a trace.

    Raises:   MachineError when the file cannot be written.
    """
    return write_text(path, page_of(trace, title=title))
