"""Film reviews: 2,000 English reviews in lower case, 1,000 positive, 1,000 negative.

Source:   Pang and Lee, A Sentimental Education, ACL 2004; polarity data set v2.0,
          labeled by the stars of each reviewer; one sentence per line.
License:  none stated; free for research, the authors ask for a citation.
"""

import re
import tarfile
import zlib
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.input.datasets.download import File, get
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "2,000 film reviews, positive or negative"
HOME = "https://www.cs.cornell.edu/people/pabo/movie-review-data"
LICENSE = "not stated"
FILE = File(
    "review_polarity.tar.gz",
    "https://raw.githubusercontent.com/jbrownlee/Datasets/"
    "d20fcb6402ae34e653d4513b00f39257bb37ed7f/review_polarity.tar.gz",
    "fc0dccc2671af5db3c5d8f81f77a1ebfec953ecdd422334062df61ede36b2179",
)
_REVIEW = re.compile(r"txt_sentoken/(pos|neg)/cv\d{3}_\d+\.txt")
_FEELING = {"pos": "positive", "neg": "negative"}


def read() -> Reading:
    """Reads review and feeling, in the order of the file names."""
    texts = _reviews(get("imdb-review-polarity", FILE))
    reviews, feelings = zip(*(texts[name] for name in sorted(texts)), strict=True)
    return Reading(
        Frame((strings("review", reviews), strings("feeling", feelings)), origin="film-reviews"),
        answer="feeling",
    )


def _reviews(path: Path) -> dict[str, tuple[str, str]]:
    """Returns text and feeling by member name; the archive is read in memory.

    Raises:   DataError for a damaged archive, and for one without reviews.
    """
    texts = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = _REVIEW.fullmatch(member.name)
                if name and member.isfile():
                    file = archive.extractfile(member)
                    assert file is not None
                    texts[member.name] = (file.read().decode("utf-8"), _FEELING[name[1]])
    except (tarfile.TarError, EOFError, OSError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} is damaged: {error}", do="Delete it and download it again"
        ) from None
    if not texts:
        raise DataError(
            f"{path} contains no reviews",
            allowed="txt_sentoken/pos/cv000_29590.txt and similar files",
        )
    return texts
