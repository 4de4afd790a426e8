"""Airline passengers: thousands of international passengers per month, 1949-1960.

Source:   Box and Jenkins, Time Series Analysis: Forecasting and Control, 1976.
License:  none stated (Time Series Data Library).
"""

from kissipo.input.datasets.download import File, get
from kissipo.input.formats.delimited import Layout, read_delimited
from kissipo.input.source_data import Reading

SOURCES = ("series", "table")
ABOUT = "international airline passengers per month, 1949-1960, 144 values"
HOME = "https://github.com/jbrownlee/Datasets"
LICENSE = "not stated"
FILE = File(
    "airline-passengers.csv",
    "https://raw.githubusercontent.com/jbrownlee/Datasets/"
    "d20fcb6402ae34e653d4513b00f39257bb37ed7f/airline-passengers.csv",
    "8cb51be753a718d9be5d76d7e238cc224792754676adc21faa59e954b0201621",
)


def read() -> Reading:
    """Reads Month and Passengers."""
    folder = "time-series-classic"
    frame, _ = read_delimited(get(folder, FILE), Layout())
    return Reading(frame, answer="Passengers")
