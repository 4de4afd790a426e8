"""Sunspots: mean number of sunspots per year, 1700-2008; it comes with statsmodels.

Source:   World Data Center for the Sunspot Index (SILSO), Brussels, through NOAA.
License:  public domain, as statsmodels states.
"""

from importlib.util import find_spec
from pathlib import Path

from kissipo.core.extras import need
from kissipo.input.formats.delimited import Layout, read_delimited
from kissipo.input.source_data import Reading

SOURCES = ("series", "table")
ABOUT = "sunspots per year, 1700-2008, 309 values; comes with statsmodels (extra 'series')"
HOME = "https://www.sidc.be/SILSO"
LICENSE = "public domain"


def read() -> Reading:
    """Reads YEAR and SUNACTIVITY from the file of statsmodels without its code."""
    spec = find_spec("statsmodels")
    if spec is None or spec.origin is None:
        need("statsmodels", extra="series", purpose="the data set 'sunspots'")
    assert spec is not None and spec.origin is not None
    frame, _ = read_delimited(
        Path(spec.origin).parent / "datasets" / "sunspots" / "sunspots.csv", Layout()
    )
    return Reading(frame, answer="SUNACTIVITY")
