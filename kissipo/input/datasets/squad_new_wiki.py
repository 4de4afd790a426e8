"""New Wikipedia: 7,938 questions about 1,581 paragraphs, in the format of SQuAD.

People wrote the questions and marked the answers as for SQuAD 1.1, in 48 articles of
Wikipedia. Most questions have several accepted answers.

Source:   Miller, Krauth, Recht and Schmidt, The Effect of Natural Distribution Shift on
          Question Answering Models, ICML 2020: the new Wikipedia test set.
License:  the repository states none; the page of its authors says CC BY 4.0.
"""

from kissipo.core.errors import DataError
from kissipo.input.datasets.download import File, get
from kissipo.input.formats.squad import read_squad
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "7,938 questions about 1,581 paragraphs of Wikipedia, answers marked in them"
HOME = "https://github.com/modestyachts/squadshifts-website"
LICENSE = "not stated"
FILE = File(
    "new_wiki_v1.0.json",
    "https://raw.githubusercontent.com/modestyachts/squadshifts-website/"
    "b7cc4d50af791c36c49417fb94dd739d6a9e7bef/datasets/new_wiki_v1.0.json",
    "1d50a0ca4cdab88d038b52ea8a2d0510af6038d7f41a0a256b9659237769d0ee",
)


def read() -> Reading:
    """Reads a row per question.

    Raises:   DataError for a damaged file.
    """
    path = get("squad-style", FILE)
    reading = read_squad(path, "utf-8")
    if reading is None:
        raise DataError(f"{path} is damaged", do="Delete it and download it again")
    return reading
