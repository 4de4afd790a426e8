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
from kissipo.report.page import paragraphs
from kissipo.report.plain_answer import trace_answer
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
    fields = {"title": title, "subtitle": subtitle, "run": run, **more}
    content, numbers = xray_content(trace, fields, exact_bytes=exact_bytes)
    plain = f"<h1>{escape(title)}</h1>{paragraphs([subtitle])}{trace_answer(trace).to_html()}"
    return document(content, plain=plain, numbers=numbers)


def save_page(trace: Trace, path: Path | str, *, title: str = "") -> Path:
    """Writes the page of a trace.

    Raises:   MachineError when the file cannot be written.
    """
    return write_text(path, page_of(trace, title=title))
