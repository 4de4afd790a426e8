"""Tiny Shakespeare: 40,000 lines of his plays, 1,115,394 characters, 65 different.

Source:   Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks, 2015.
License:  public domain.
"""

from kissipo.core.frame import Frame, strings
from kissipo.input.datasets.download import File, get
from kissipo.input.source_data import Reading

SOURCES = ("text",)
ABOUT = "40,000 lines of Shakespeare, 1,115,394 characters"
HOME = "https://github.com/karpathy/char-rnn"
LICENSE = "public domain"
FILE = File(
    "input.txt",
    "https://raw.githubusercontent.com/karpathy/char-rnn/"
    "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)


def read() -> Reading:
    """Reads the whole text as one value of 'text'."""
    text = get("tiny-shakespeare", FILE).read_text(encoding="utf-8")
    return Reading(Frame((strings("text", [text]),), origin="tiny-shakespeare"), answer="text")
