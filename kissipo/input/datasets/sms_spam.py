"""SMS spam: 5,574 English text messages, 4,827 wanted (ham) and 747 not (spam).

Source:   Almeida, Hidalgo and Yamakami, Contributions to the Study of SMS Spam
          Filtering, DocEng 2011; UCI 228.
License:  CC BY 4.0 (UCI).
"""

from kissipo.input.datasets.download import File, get
from kissipo.input.formats.delimited import Layout, read_delimited
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "5,574 text messages, ham or spam"
HOME = "https://archive.ics.uci.edu/dataset/228"
LICENSE = "CC BY 4.0"
FILE = File(
    "SMSSpamCollection.tsv",
    "https://raw.githubusercontent.com/justmarkham/DAT8/"
    "ff04af83e8ac1409cd86f3cb3524e4141644c5a1/data/sms.tsv",
    "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
)


def read() -> Reading:
    """Reads kind and message; there is no header, and quotes are part of the text."""
    frame, _ = read_delimited(
        get("sms-spam", FILE), Layout("\t", ("kind", "message"), quoting=False)
    )
    return Reading(frame, answer="kind")
