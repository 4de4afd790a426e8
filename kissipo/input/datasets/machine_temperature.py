"""Machine temperature: a sensor of an industrial machine, every five minutes, 2013-14.

The second labeled window is a planned shutdown. The third is a subtle problem, which
led to the fourth, a failure of the whole machine.

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
    """Reads timestamp, value and anomaly."""
    return _nab.read_labeled(FILE)
