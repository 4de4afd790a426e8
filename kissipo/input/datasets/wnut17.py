"""WNUT 2017: 5,690 English posts of social media, with the names in them.

The names are of six kinds: person, location, corporation, group, creative-work and
product. Few names of the test split stand in the training split: that was the purpose
of the shared task, Novel and Emerging Entity Recognition.

Source:   Derczynski, Nichols, van Erp and Limsopatham, Results of the WNUT2017 Shared
          Task, W-NUT 2017; its best system has an entity F1 of 41.86.
License:  CC BY 4.0.
"""

from dataclasses import replace

from kissipo.input.datasets.download import File, get
from kissipo.input.formats.aligned_lines import joined
from kissipo.input.formats.tagged_words import TAGS, TEXT, read_tagged
from kissipo.input.source_data import Reading

SOURCES = ("table",)
ABOUT = "5,690 posts with the names in them, six kinds of names, with the official split"
HOME = "https://github.com/leondz/emerging_entities_17"
LICENSE = "CC BY 4.0"
_RAW = (
    "https://raw.githubusercontent.com/leondz/emerging_entities_17/"
    "e52a2d2a71ac1a051ca2d532eef28653c5c02603/"
)
FILES = (
    File(
        "train.conll",
        _RAW + "wnut17train.conll",
        "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
    ),
    File(
        "dev.conll",
        _RAW + "emerging.dev.conll",
        "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
    ),
    File(
        "test.conll",
        _RAW + "emerging.test.annotated",
        "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0",
    ),
)
_PARTS = ("train", "validation", "test")


def read() -> Reading:
    """Reads text and tags, with the official split."""
    readings = [read_tagged(get("wnut17-ner", file), "utf-8") for file in FILES]
    frames = [reading.frame for reading in readings]
    findings = tuple(finding for reading in readings for finding in reading.findings)
    reading = joined(frames, _PARTS, (TEXT, TAGS), origin="wnut17", answer=TAGS)
    return replace(reading, findings=findings)
