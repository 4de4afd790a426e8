"""Python reference: the reference manual by topic, as in help(); part of every Python.

Source:   The Python Language Reference, in the module pydoc_data.topics; about 470,000
          characters, depending on the version of Python.
License:  PSF License.
"""

from pydoc_data.topics import topics

from kissipo.core.frame import Frame, strings
from kissipo.input.source_data import Reading

SOURCES = ("text",)
ABOUT = "the reference manual of this Python, about 470,000 characters"
HOME = "https://docs.python.org/3/reference/"
LICENSE = "PSF License"


def read() -> Reading:
    """Reads the whole text as one value of 'text', topics in alphabetical order."""
    text = "\n\n".join(topics[name].strip() for name in sorted(topics))
    return Reading(Frame((strings("text", [text]),), origin="python-reference"), answer="text")
