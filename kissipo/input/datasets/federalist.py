"""The Federalist: 85 essays of 1787 and 1788 with their authors, 12 of them disputed.

51 essays are by Hamilton, 14 by Madison, 5 by Jay, 3 by Hamilton and Madison together.
Row 10 is essay No. 10. The marks of the file stand for punctuation and become it.

Source:   Hamilton, Madison and Jay, The Federalist, 1788; prepared for a study of
          Mosteller and Wallace, Inference and Disputed Authorship, 1964.
License:  CC0; the essays are in the public domain.
Example:  >>> clean("<l> AFTER all <c> it is so <S> indeed <p>")
          'AFTER all, it is so; indeed.'
"""

import re

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.input.datasets.download import File, get
from kissipo.input.formats.delimited import Layout, read_delimited
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "85 essays with their authors, 12 of them disputed"
HOME = "https://github.com/ariddell/corpora-mosteller-wallace-federalist"
LICENSE = "CC0"
FILE = File(
    "federalist.csv",
    "https://raw.githubusercontent.com/ariddell/corpora-mosteller-wallace-federalist/"
    "e5fa0fb371afcf8f30b26f3230e5a2950e0aca33/originals/federalist.csv",
    "b4dfe1bb452c374602ab32dd01befac8f826a81739b4309448fb28f2ab23eaaa",
)
_PUNCTUATION = {"<c>": ",", "<p>": ".", "<S>": ";", "<d>": "-", "<Q>": '"', "<l>": " "}
_MARK = re.compile("|".join(_PUNCTUATION))
_BEFORE_MARK = re.compile(r"\s+(?=[,.;])")


def read() -> Reading:
    """Reads text and author; the names of the authors stay as they are in the file.

    Raises:   DataError for a file without these columns.
    """
    table, _ = read_delimited(get("federalist", FILE), Layout(","))
    missing = [name for name in ("author", "text") if name not in table]
    if missing:
        raise DataError(
            f"{FILE.name} has no column '{missing[0]}'",
            got="the columns " + ", ".join(table.names),
            do="Delete the file and download it again",
        )
    texts = [clean(text or "") for text in table["text"].texts()]
    frame = Frame((strings("text", texts), table["author"]), origin="federalist")
    return Reading(frame, answer="author")


def clean(text: str) -> str:
    """Returns a text with punctuation in place of the marks of the file."""
    with_punctuation = _MARK.sub(lambda mark: _PUNCTUATION[mark[0]], text)
    return " ".join(_BEFORE_MARK.sub("", with_punctuation).split())
