"""The HTML file of a page: its data, the viewer that draws them, and plain text.

A page asks for nothing from outside: its content security policy allows only its own
script and style sheet, by their hashes. Without JavaScript the plain version remains.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape

from kissipo.core.notation import as_json_line
from kissipo.report.modules import page_script, styles

VERSION = 1  # of the content of a page, which `viewer/main.js` compares with its own


def document(
    content: Mapping[str, object], *, plain: str, numbers: bytes = b"", language: str = "en"
) -> str:
    """Returns the complete HTML file.

    content:  what the viewer shows: view, title, subtitle and the fields of the view
    plain:    the HTML that stands in the page where there is no JavaScript
    numbers:  the tensors of a trace, from `packed_tensors`
    """
    script, style = page_script(), styles()
    data = _inside_script(as_json_line({"version": VERSION, **content}))
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )
    title = escape(str(content["title"]))
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<main id="page">{plain}</main>\n'
        f'<script type="application/json" id="content">{data}</script>\n'
        f'<script type="text/plain" id="numbers">{base64.b64encode(numbers).decode()}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _inside_script(data: str) -> str:
    """Returns JSON in which no tag can begin."""
    return data.replace("<", "\\u003c")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
