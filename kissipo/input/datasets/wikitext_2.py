"""WikiText-2: 120 good articles of Wikipedia, 0.45 million words.

They are those of its validation and its test file; the training file is too large for
a small corpus. A blank line separates articles, and a line is a heading or a paragraph.

Source:   Merity, Xiong, Bradbury and Socher, Pointer Sentinel Mixture Models, 2016.
License:  CC BY-SA (Wikipedia).
"""

from kissipo.core.frame import Frame, strings
from kissipo.input.datasets import _wikitext
from kissipo.input.datasets.download import get
from kissipo.input.source_data import Reading

SOURCES = ("text",)
FILES, HOME, LICENSE = _wikitext.FILES, _wikitext.HOME, _wikitext.LICENSE
ABOUT = "120 articles of Wikipedia, 0.45 million words"


def read() -> Reading:
    """Reads all articles as one value of 'text'."""
    paths = [get("wikitext-2", file) for file in FILES]
    lines = [line for path in paths for line in _wikitext.articles(_wikitext.read_lines(path))]
    return Reading(
        Frame((strings("text", ["\n".join(lines)]),), origin="wikitext-2"), answer="text"
    )
