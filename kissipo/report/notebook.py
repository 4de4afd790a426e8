"""What an object shows of itself in a notebook: its mime bundle.

A notebook that is not trusted removes frames, SVG, styles and scripts. So the first
part, an image and plain tables, carries the answer alone; then follows the page, in a
frame without rights to the notebook. Nothing is asked for from a server.
"""

from __future__ import annotations

from html import escape

from kissipo.core.text import format_bytes
from kissipo.report.plain_answer import PlainAnswer

FRAME_HEIGHT, MAX_BYTES = 640, 1_000_000
MimeBundle = dict[str, str]


def mime_bundle(
    name: str, answer: PlainAnswer, *, page: str = "", title: str = "", place: str = ""
) -> MimeBundle:
    """Returns the forms of an object, of which a notebook shows the best that it can.

    name:   the first line of the plain text
    page:   a complete HTML file, which is shown in a frame
    title:  of the frame
    place:  where the page is, or how to save it, if it is too large for a notebook
    """
    html, frame = f"<div>{answer.to_html()}</div>", _frame(page, title)
    size = len(frame.encode())
    if len(html.encode()) + size > MAX_BYTES:
        sentence = f"The page has {format_bytes(size)}, too much for a notebook. {place}"
        frame = f"<p>{escape(sentence)}</p>"
    text = f"{name}\n{answer.to_text()}" if name else answer.to_text()
    return {"text/plain": text, "text/html": html + frame}


def _frame(page: str, title: str) -> str:
    """Returns the page in a frame; scripts run in it, apart from the notebook."""
    if not page:
        return ""
    source = page.replace("&", "&amp;").replace("'", "&#39;")
    return (
        f'<iframe title="{escape(title)}" width="100%" height="{FRAME_HEIGHT}" frameborder="0" '
        f"sandbox=\"allow-scripts\" srcdoc='{source}'></iframe>"
    )
