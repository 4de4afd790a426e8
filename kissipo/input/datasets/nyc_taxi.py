"""Taxis in New York: passengers per half hour, July 2014 to January 2015.

The labels are the marathon, Thanksgiving, Christmas, New Year and a snow storm.

Source:   Numenta Anomaly Benchmark, Lavin and Ahmad 2015; NYC Taxi and Limousine
          Commission.
License:  MIT.
"""

from kissipo.input.datasets import _nab
from kissipo.input.source_data import Reading

SOURCES, HOME, LICENSE = _nab.SOURCES, _nab.HOME, _nab.LICENSE
ABOUT = "taxi passengers in New York per half hour, 10,320 values, five labeled windows (NAB)"
FILE = _nab.series("nyc_taxi", "d8fa6f7f0734bf5c8be12c52a94e20a82664c397d9dec4449156bd453d32856d")


def read() -> Reading:
    """Reads timestamp, value and anomaly."""
    return _nab.read_labeled(FILE)
