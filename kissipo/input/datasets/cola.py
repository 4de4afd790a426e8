"""CoLA: 9,594 English sentences, each acceptable to a linguist or not.

The test split is that of the two published development sets, of known and of new
sources; the hidden test set was never published.

Source:   Warstadt, Singh and Bowman 2019 (Transactions of the ACL); the
          raw public files.
License:  the copyright of the sentences stays with their authors; for research.
"""

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.input.datasets._sentences import lines_of
from kissipo.input.datasets.download import File, files_at
from kissipo.input.formats.aligned_lines import joined
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "9,594 sentences, acceptable or not, with the published development sets"
HOME = "https://github.com/nyu-mll/CoLA-baselines"
LICENSE = "for research"
_RAW = (
    "https://raw.githubusercontent.com/nyu-mll/CoLA-baselines/"
    "dd095d3646ed05a315280aaa8ed4ec84ba435b3e/acceptability_corpus/cola_public/raw"
)
FILES = files_at(
    _RAW,
    {
        "in_domain_train.tsv": "f320a10f92d3bce6b29152fde322a362eac39238e50d8de0c8815457fdf4fc12",
        "in_domain_dev.tsv": "77176f6a03faa5a1c4f23c69971fc1bff565931112fb65af47b2d6e24b7f42f7",
        "out_of_domain_dev.tsv": "201b9c57b2a20f1282242eec0ed8995729e3be19c29a46c047b3727338836c05",
    },
)
_VERDICTS = {"0": "unacceptable", "1": "acceptable"}


def read() -> Reading:
    """Reads sentence and verdict; the development sets are the test split.

    Raises:   DataError for a line without four cells.
    """
    train, *others = (_rows(file) for file in FILES)
    frames = [_frame(train), _frame([row for rows in others for row in rows])]
    names = ("sentence", "verdict")
    return joined(frames, ("train", "test"), names, origin="cola", answer="verdict")


def _rows(file: File) -> list[tuple[str, str]]:
    """Returns sentence and verdict of lines such as `gj04  1    A sentence.`"""
    rows = []
    for number, line in enumerate(lines_of(file, folder="cola", encoding="utf-8"), 1):
        cells = line.split("\t")
        if len(cells) != 4 or cells[1] not in _VERDICTS:
            raise DataError(
                f"line {number} of {file.name} is not a sentence with its verdict",
                got=f"'{line[:40]}'",
                allowed="source, 0 or 1, mark and sentence, with tabs between them",
                do="Delete the file and download it again",
            )
        rows.append((cells[3], _VERDICTS[cells[1]]))
    return rows


def _frame(rows: list[tuple[str, str]]) -> Frame:
    sentences, verdicts = zip(*rows, strict=True)
    return Frame((strings("sentence", sentences), strings("verdict", verdicts)))
