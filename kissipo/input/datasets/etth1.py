"""ETTh1: an electricity transformer per hour, 2016-2018: six loads, oil temperature.

Source:   Zhou et al., Informer: Beyond Efficient Transformer for Long Sequence
          Time-Series Forecasting, AAAI 2021.
License:  CC BY-ND 4.0.
"""

from kissipo.input.datasets.download import File, get
from kissipo.input.formats.delimited import Layout, read_delimited
from kissipo.input.source_data import Reading

SOURCES = ("series", "table")
ABOUT = "an electricity transformer, 17,420 hours of six loads and its oil temperature (OT)"
HOME = "https://github.com/zhouhaoyi/ETDataset"
LICENSE = "CC BY-ND 4.0"
FILE = File(
    "ETTh1.csv",
    "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/"
    "1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small/ETTh1.csv",
    "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
)


def read() -> Reading:
    """Reads date, HUFL, HULL, MUFL, MULL, LUFL, LULL and OT."""
    frame, _ = read_delimited(get("ett-small", FILE), Layout())
    return Reading(frame, answer="OT")
