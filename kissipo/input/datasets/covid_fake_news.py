"""COVID-19 posts: 10,700 short texts of the web, each real news or false.

The web addresses in the posts reveal the class of many of them, and the net reads them.

Source:   Patwa et al., Fighting an Infodemic: COVID-19 Fake News Dataset, 2021; the
          official splits of Constraint@AAAI 2021, as in the repository
          diptamath/covid_fake_news.
License:  MIT (the repository); the posts are for research.
"""

from kissipo.core.frame import Frame
from kissipo.input.datasets.download import File, get
from kissipo.input.formats.aligned_lines import joined
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "10,700 posts about COVID-19, real or fake, with the official splits"
HOME = "https://github.com/diptamath/covid_fake_news"
LICENSE = "MIT"
_RAW = (
    "https://raw.githubusercontent.com/diptamath/covid_fake_news/"
    "030deba36d118c124709fd72d7d5f14c7bc69053/data"
)
FILES = (
    File(
        "train.csv",
        f"{_RAW}/Constraint_Train.csv",
        "441f3985bb76eb69d1e488cf292f80add96c4dddfa43ba7c060889607837ddce",
    ),
    File(
        "val.csv",
        f"{_RAW}/Constraint_Val.csv",
        "c610931d0641fe1d9b9495c453f99ae7aa45bf294c7db6333ec84ecebb0b6c3c",
    ),
    File(
        "test.csv",
        f"{_RAW}/english_test_with_labels.csv",
        "7152fc681884a22013218c5dd9a73c6fd99d4b084705723e1e49d18c97ca8281",
    ),
)


def read() -> Reading:
    """Reads tweet and label, with the official splits."""
    frames = [_table(file) for file in FILES]
    kinds = ("train", "validation", "test")
    return joined(frames, kinds, ("tweet", "label"), origin="covid-fake-news", answer="label")


def _table(file: File) -> Frame:
    return read_table(str(get("covid-fake-news", file)), FileWords())[0]
