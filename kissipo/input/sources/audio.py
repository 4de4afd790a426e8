"""Audio: recordings in a folder per class, with names that hold the class, or a table.

recordings/yes/1.wav             the folder is the class
recordings/7_theo_12.wav         input.name_pattern={digit}_{speaker}_{number}
calls.csv                        file, label, and perhaps start, end, speaker
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from kissipo.codec._mel import Mel
from kissipo.codec._sound import Sound, open_sound
from kissipo.codec.log_mel import LogMel
from kissipo.codec.mfcc import MFCC
from kissipo.core.codec import CODECS, Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame, sound_column, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import Values, option
from kissipo.core.task import Task
from kissipo.input.check.rows import contradictions
from kissipo.input.check.sounds import (
    cut_finding,
    open_all,
    rate_finding,
    refuse_single_class,
    sound_findings,
    voice_findings,
)
from kissipo.input.datasets import find_data
from kissipo.input.formats.files import existing, existing_path
from kissipo.input.formats.sounds.sound_folders import (
    FILE,
    SOUND,
    Place,
    Recordings,
    has_class_folders,
    is_sound,
    is_sound_folder,
    read_sound_folder,
    sounds_below,
)
from kissipo.input.formats.sounds.sound_table import DEFAULT_NAME, read_sound_table
from kissipo.input.formats.tables import is_table_file
from kissipo.input.question import Question
from kissipo.input.sound_augment import CHANGES, MASKS, OF_BANDS, Name, Scaling, SoundAugment
from kissipo.input.source import Source
from kissipo.input.source_data import Reading, Windows

_LONG = 2.0  # times the longest recording of the training


@dataclass(frozen=True)
class Options:
    """Options of recordings."""

    labels: str | None = option(
        None,
        "table of the recordings of a folder, with the columns file and label, perhaps start and "
        "end in seconds; labels.csv in a folder without class folders is used when omitted",
    )
    name_pattern: str | None = option(
        None,
        "what the file names hold: {digit}_{speaker}_{number} gives three columns, the first "
        "of which is the class; {_} is not kept",
    )
    split_folders: bool = option(
        True, "whether folders named train, validation and test are the split (false: joined)"
    )
    sample_rate: int | None = option(
        None,
        "samples per second, to which other recordings are resampled; the commonest when omitted",
        minimum=100,
    )
    max_seconds: float | None = option(
        None,
        "longer recordings are cut at their end; the longest of the training when omitted",
        above=0,
    )
    features: Literal["log_mel", "mfcc"] = option(
        "log_mel", "the numbers of each frame: log-mel energies, or their cosine transform"
    )
    coefficients: int = option(13, "numbers per frame of input.features=mfcc", minimum=1)
    frame_ms: float = option(32.0, "length of a frame in milliseconds", above=0)
    hop_ms: float = option(10.0, "milliseconds from one frame to the next", above=0)
    mel_bands: int = option(40, "number of mel bands", minimum=2, search=Values((24, 32, 40)))
    min_frequency: float = option(0.0, "lowest frequency of the mel bands in Hz", minimum=0)
    max_frequency: float | None = option(
        None, "highest frequency of the mel bands in Hz; half the sample rate when omitted", above=0
    )
    standardize: Literal["training", "recording", "recording_mean", "none"] = option(
        "training",
        "scale each band by mean and standard deviation: of the training split, or of each "
        "recording (or its mean alone), which removes its loudness and its microphone",
    )
    dynamic_range: float | None = option(
        None,
        "decibels below the loudest energy of a recording; what is quieter is raised to that level",
        above=0,
    )
    augment: tuple[Name, ...] = option((), "random data augmentation during training")
    bucketing: bool = option(True, "whether a training batch holds recordings of similar length")
    memory_limit: float = option(
        1.0,
        "gigabytes of encoded recordings held in memory; larger data are read from disk in every "
        "epoch",
        minimum=0,
    )
    skip_corrupt: bool = option(False, "skip and count recordings that cannot be decoded")

    def mel(self) -> Mel:
        """Returns how the log-mel energies are computed."""
        return Mel(
            self.frame_ms, self.hop_ms, self.mel_bands, self.min_frequency, self.max_frequency
        )


class Audio(Source[Options]):
    """Recordings, with their classes and what else is known of them."""

    answers = ("category", "number")
    order = 28
    has_long_samples = True
    data_options = ("labels",)
    formats = "a folder of recordings (.wav)"

    def read(self, value: object, options: Options) -> Reading:
        """Returns the column `sound`, and what names, folders or a table say."""
        return self._read(value, options, unlabeled=False)

    def unlabeled(self, value: object, options: Options) -> Reading:
        """Reads recordings that need no classes."""
        return self._read(value, options, unlabeled=True)

    def _read(self, value: object, options: Options, *, unlabeled: bool) -> Reading:
        named = find_data(value, "audio")
        if named is not None:
            sounds = list(named.frame[SOUND].values)
            others = [column for column in named.frame.columns if column.name != SOUND]
            return _with_sounds(replace(named, frame=replace(named.frame, columns=tuple(others))),
                           sounds, options)  # fmt: skip
        listed = _listed(existing_path(Path(str(value))), options, unlabeled=unlabeled)
        frame = Frame(listed.columns, origin=listed.origin)
        reading = Reading(frame, listed.findings, listed.parts, listed.answer)
        return _with_sounds(reading, listed.places, options)

    def infer(self, question: Question) -> Task | None:
        """Takes a folder of recordings, and a table that names recordings."""
        path = question.path
        is_own = path is not None and path.is_dir() and is_sound_folder(path)
        if path is not None and path.is_file() and is_table_file(path):
            is_own = not (question.time or question.horizon) and question.names_sounds
        if path is not None and path.is_file() and is_sound(path):
            raise DataError(
                f"{path} is one recording",
                allowed="a folder of recordings, or a table of its parts with the columns "
                "file, start, end and label",
            )
        if not (question.data_set or is_own):
            return None
        kind = question.answer or "category"
        column = question.output
        return question.task({"audio": question.value}, {kind: column} if column else kind)

    def input_codecs(
        self,
        frame: Frame,
        options: Options,
        *,
        reserved: Sequence[str],
        per_pixel: bool,
        findings: list[Finding],
        inferred_options: list[InferredOption],
    ) -> tuple[Codec, ...]:
        """Returns the one codec of the recordings."""
        kind: type[LogMel] = CODECS.find(options.features, place="input.features").CODEC
        codec = kind(
            SOUND,
            rate=options.sample_rate,
            mel=options.mel(),
            standardize=options.standardize,
            dynamic_range=options.dynamic_range,
            max_seconds=options.max_seconds,
        )
        if isinstance(codec, MFCC):
            codec.coefficients = min(options.coefficients, options.mel_bands)
        return (codec,)

    def fitted_findings(
        self,
        frame: Frame,
        codecs: Sequence[Codec],
        targets: Sequence[Codec],
        splits: Mapping[str, NDArray[np.int64]],
    ) -> list[Finding]:
        """Reports rates, cut recordings, and speakers in two splits."""
        codec = codecs[0]
        assert isinstance(codec, LogMel)
        answers = [column for target in targets for column in target.columns]
        return [
            rate_finding(list(frame[SOUND].values), codec.rate or 1),
            *cut_finding(frame, SOUND, codec.max_seconds or np.inf),
            *voice_findings(frame, splits, answers),
        ]

    def check_fitted(
        self, frame: Frame, codecs: Sequence[Codec], targets: Sequence[str]
    ) -> list[Finding]:
        """Reports equal recordings with different targets."""
        names = [name for name in targets if name in frame]
        return contradictions(frame, [SOUND], names) if names else []

    def check_targets(self, frame: Frame, columns: Sequence[str]) -> list[Finding]:
        """Refuses recordings of a single class."""
        for name in columns:
            if name in frame and frame[name].kind == "string":
                refuse_single_class(frame, name)
        return []

    def groups_by_length(self, options: Options) -> bool:
        """Returns whether the recordings of a training batch are of similar length."""
        return options.bucketing

    def augment(
        self,
        options: Options,
        codecs: Sequence[Codec],
        *,
        masks: tuple[int, ...] = (),
        boxes: tuple[int, ...] = (),
    ) -> SoundAugment | None:
        """Returns the random changes of the recordings in training.

        Raises:   TaskError for changes of mel bands where the features are none.
        """
        codec = codecs[0]
        assert isinstance(codec, LogMel)
        if not options.augment:
            return None
        refused = [name for name in options.augment if name in OF_BANDS]
        if options.features != "log_mel" and refused:
            raise TaskError(
                f"input.augment={refused[0]} changes mel bands, and these are {options.features}",
                allowed=", ".join(name for name in (*CHANGES, *MASKS) if name not in OF_BANDS),
                do="Leave it out, or use input.features=log_mel",
            )
        mean, std = (torch.tensor(values) for values in (codec.mean, codec.std))
        middle = codec.mel.centers(codec.rate or 1).tolist()
        scaling = Scaling(mean, std, codec.standardize, middle, codec.mel.hop_ms)
        return SoundAugment(options.augment, scaling)

    def files(self, frame: Frame) -> list[str]:
        """Returns the file of each recording."""
        return [str(text) for text in frame[FILE].texts()] if FILE in frame else []

    def memory_limit(self, options: Options) -> float:
        """Returns the gigabytes of encoded recordings that are held in memory."""
        return options.memory_limit

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns recordings by their files, or folders of them.

        Raises:   DataError for a recording that is shorter than a frame.
        """
        files = [file for value in values for file in _files_of(value)]
        sounds = [value if isinstance(value, Sound) else open_sound(value) for value in files]
        names = [value.path if isinstance(value, Sound) else str(value) for value in files]
        for sound, name in zip(sounds, names, strict=True):
            if len(sound) < options.mel().frame(sound.rate):
                raise DataError(
                    f"the recording {name} is shorter than one frame of {options.frame_ms:g} ms",
                    got=f"{1000 * sound.seconds:.4g} ms",
                    do="Give a recording of a whole word",
                )
        columns = sound_column(SOUND, sounds), strings(FILE, [Path(name).name for name in names])
        return Frame(columns, origin="the recordings")

    def long_sample(self, frame: Frame, codecs: Sequence[Codec]) -> Windows | None:
        """Returns the windows of a recording that is more than twice as long as the
        longest of the training."""
        codec, sound = codecs[0], frame[SOUND].values[0]
        assert isinstance(codec, LogMel)
        if sound.seconds <= _LONG * (codec.max_seconds or np.inf):
            return None
        parts, times, weights = codec.windows(sound)
        return Windows(Frame((sound_column(SOUND, parts),)), times, weights)

    def sample_names(self, values: Sequence[object]) -> list[str] | None:
        """Returns the files of the recordings, where a folder is among the values."""
        paths = [Path(str(value)) for value in values if not isinstance(value, Sound)]
        if not any(path.is_dir() for path in paths):
            return None
        return [str(file) for value in values for file in _files_of(value)]

    def value_axes(self, codecs: Sequence[Codec]) -> int | None:
        """Returns the axes of a recording: time."""
        return 1

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns how recordings are given."""
        return "Give files of recordings: kissipo predict RUN word.wav"


def _listed(path: Path, options: Options, *, unlabeled: bool) -> Recordings:
    """Returns the recordings of a folder or of a table."""
    if path.is_file():
        return read_sound_table(path, unlabeled=unlabeled)
    table = path / DEFAULT_NAME if options.labels is None else Path(str(options.labels))
    inside = path / table
    if options.labels is not None:
        return read_sound_table(inside if inside.is_file() else existing(table), path)
    if table.is_file() and options.name_pattern is None and not has_class_folders(path):
        return read_sound_table(table, path)
    return read_sound_folder(
        path,
        name_pattern=options.name_pattern,
        split_folders=options.split_folders,
        unlabeled=unlabeled,
    )


def _files_of(value: object) -> list[Path | Sound]:
    if isinstance(value, Sound):
        return [value]
    path = existing_path(Path(str(value)))
    if not path.is_dir():
        return [path]
    files = sounds_below(path)
    if not files:
        raise DataError(f"{path} holds no recordings", allowed="files such as word.wav")
    return list(files)


def _with_sounds(reading: Reading, places: Sequence[Place | Sound], options: Options) -> Reading:
    """Returns the recordings that can be used, as the column `sound`."""
    checks = open_all(places)
    names = [str(text) for text in reading.frame[FILE].texts()]
    usable, findings = sound_findings(
        checks,
        names,
        min_samples=options.mel().frame,
        frame_ms=options.frame_ms,
        skip=options.skip_corrupt,
    )
    index = np.flatnonzero(usable)
    sounds = [check.sound for check, is_usable in zip(checks, usable, strict=True) if is_usable]
    column: Column = sound_column(SOUND, sounds)
    frame = Frame((column, *(some.take(index) for some in reading.frame.columns)),
                  reading.frame.origin)  # fmt: skip
    parts = reading.parts
    if parts is not None and len(index) < len(usable):
        positions = np.cumsum(usable) - 1
        parts = {name: positions[rows[usable[rows]]] for name, rows in parts.items()}
    return replace(reading, frame=frame, findings=(*reading.findings, *findings), parts=parts)


SOURCE = Audio()
