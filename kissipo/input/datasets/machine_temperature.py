"""Machine temperature: a sensor in a large industrial machine, every five minutes from December 2013 to February 2014.

The second labeled window is a planned shutdown, the third a problem that was hard to see and led to the fourth, a failure of the whole.

Source:   Numenta Anomaly Benchmark, Lavin and Ahmad 2015.
License:  MIT.
"""

from kissipo.input.datasets import _nab
from kissipo.input.source_data import Reading

SOURCES, HOME, LICENSE = _nab.SOURCES, _nab.HOME, _nab.LICENSE
ABOUT = "temperature of a machine every five minutes, 22,695 values, four labeled windows (NAB)"
FILE = _nab.series(
    "machine_temperature_system_failure",
    "92bf5b87fc7f9bba8ca0b7ec63ccaac8cb4a1371a258e8c29a10ae9c018d82a4",
)


def read() -> Reading:
    """timestamp, value, anomaly."""
    return _nab.read_labeled(FILE)
