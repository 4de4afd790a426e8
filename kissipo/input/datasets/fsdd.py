"""Spoken digits (FSDD): 1,500 recordings, six speakers, ten digits, 8,000 Hz.

DIGIT_SPEAKER_N.wav is the recording N of a digit. The recordings 0 to 4 of each digit
and speaker are the official test split. So every speaker is in both splits, and the
score is for known voices; `input.split={method: random, group: speaker}` evaluates
new ones.

Source:   Jackson et al., Free Spoken Digit Dataset, 2016.
License:  CC BY-SA 4.0.
"""

from dataclasses import replace

import numpy as np

from kissipo.codec._sound import open_sound
from kissipo.core.frame import Frame, sound_column
from kissipo.input.datasets.download import folder_only
from kissipo.input.formats.sounds.sound_folders import SOUND, read_sound_folder
from kissipo.input.source_data import Reading

SOURCES = ("audio",)
ABOUT = "recordings of ten spoken digits by six speakers, with the official test split"
FOLDER = "fsdd"
HOME = "https://github.com/Jakobovski/free-spoken-digit-dataset"
LICENSE = "CC BY-SA 4.0"
_TEST = {"0", "1", "2", "3", "4"}


def read() -> Reading:
    """Reads sounds, digits, speakers and the official split."""
    folder = folder_only(FOLDER, HOME) / "recordings"
    listed = read_sound_folder(folder, name_pattern="{digit}_{speaker}_{recording}")
    columns = {column.name: column for column in listed.columns}
    is_test = np.array([number in _TEST for number in columns.pop("recording").texts()])
    columns["digit"] = replace(columns["digit"], value_type="integer")
    sounds = sound_column(SOUND, [open_sound(place.path) for place in listed.places])
    return Reading(
        Frame((sounds, *columns.values()), origin="fsdd"),
        parts={"train": np.flatnonzero(~is_test), "test": np.flatnonzero(is_test)},
        answer="digit",
    )
