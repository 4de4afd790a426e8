"""The data check of recordings: damaged, silent, clipped, too short, doubled rates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._sound import SILENCE, Sound, open_sound
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, Level, counted, first_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.text import first_of, list_some
from kissipo.input.formats.sounds.sound_folders import Place

_FULL_SCALE, _CLIPPED_SHARE = 0.9995, 0.001
_IN_MEMORY = 30_000_000  # samples that are kept after the check, in all recordings
VOICES = ("speaker", "voice", "person", "singer", "subject", "speaker_id", "client_id", "user")


@dataclass(frozen=True)
class SoundCheck:
    """What the check found in one recording.

    damage:   why it cannot be decoded; empty where it can
    peak:     the largest absolute sample, from 0 to 1
    clipped:  the share of samples at full scale
    """

    sound: Sound | None
    damage: str = ""
    peak: float = 0.0
    clipped: float = 0.0


def open_all(places: Sequence[Place | Sound]) -> list[SoundCheck]:
    """Opens and decodes every recording once.

    Small collections stay in memory; of others the samples are read when needed.
    """
    checks, total = [], 0
    for place in places:
        try:
            sound = place if isinstance(place, Sound) else _part_of(place)
            checks.append(_checked(sound, keep=total + len(sound) <= _IN_MEMORY))
            total += len(sound)
        except DataError as error:
            checks.append(SoundCheck(None, error.wrong))
    return checks


def _part_of(place: Place) -> Sound:
    whole = open_sound(place.path)
    return whole.part(place.start, whole.seconds if place.end is None else place.end)


def _checked(sound: Sound, *, keep: bool) -> SoundCheck:
    if sound.is_long:
        sample = sound.part(0, 60)
        return SoundCheck(sound, peak=1.0 if len(sample.samples()) else 0.0)
    samples = sound.samples()
    size = np.abs(samples)
    peak = float(size.max(initial=0.0))
    clipped = float((size >= _FULL_SCALE).mean()) if len(size) else 0.0
    if keep:
        sound = replace(sound, data=samples, start=0, stop=len(samples))
    return SoundCheck(sound, "", peak, clipped)


def sound_findings(
    checks: Sequence[SoundCheck], names: Sequence[str], *, min_samples: Callable[[int], int],
    frame_ms: float, skip: bool,
) -> tuple[NDArray[np.bool_], list[Finding]]:  # fmt: skip
    """Returns which recordings are usable, and what is said of the others.

    min_samples:  the samples of one frame at a rate
    skip:         whether recordings that cannot be decoded are left out
    """
    damaged = [check.damage for check in checks if check.damage]
    findings = [_damage_finding(checks, skip=skip)]
    usable = np.array([not check.damage for check in checks])
    short = np.array(
        [
            check.sound is not None and len(check.sound) < min_samples(check.sound.rate)
            for check in checks
        ]
    )

    def report(level: Level, check: str, mask: NDArray[np.bool_], text: str, action: str) -> None:
        rows = (np.flatnonzero(mask) + 1).tolist()
        if rows:
            some = list_some([names[row - 1] for row in rows], 2)
            text = text if len(rows) > 1 else re.sub("^have", "has", re.sub("^are", "is", text))
            message = f"{counted(len(rows), 'recording')} of {len(checks)} {text}: {some}"
            findings.append(Finding(level, check, message, action, first_rows(rows)))

    shorter = f"shorter than one frame of {frame_ms:g} ms"
    report("WARN", "duration", short, f"are {shorter}", "left out")
    silent = usable & ~short & np.array([check.peak < SILENCE for check in checks])
    action = "kept; a silent recording says nothing of its class"
    report("WARN", "silence", silent, "are silent", action)
    clipped = np.array([check.clipped > _CLIPPED_SHARE for check in checks])
    share = max((check.clipped for check in checks), default=0.0)
    text = f"are clipped (up to {100 * share:.1f} % of their samples are at full scale)"
    report("WARN", "clipping", clipped, text, "kept; record more quietly if you can")
    several = np.array([(check.sound.channels if check.sound else 1) > 1 for check in checks])
    report("PASS", "channels", several, "have several channels", "the mean of the channels is used")
    usable &= ~short
    if not usable.any() and not (damaged and not skip):
        reason = first_of(damaged) if damaged else f"all are {shorter}"
        raise DataError(
            f"none of the {counted(len(checks), 'recording')} can be used: {reason}",
            do="Give recordings of at least one spoken word",
        )
    if usable.any() and silent[usable].all():
        raise DataError(
            f"all {counted(int(usable.sum()), 'recording')} are silent",
            got=f"no sample above {SILENCE:g} of full scale",
            do="Check the microphone, or the program that wrote the files",
        )
    return usable, findings


def _damage_finding(checks: Sequence[SoundCheck], *, skip: bool) -> Finding:
    damaged = [number for number, check in enumerate(checks, 1) if check.damage]
    if not damaged:
        return Finding("PASS", "damaged recordings", f"all {len(checks)} recordings can be decoded")
    message = first_of([checks[number - 1].damage for number in damaged])
    rows = first_rows(damaged)
    if skip:
        action = f"{len(damaged)} left out"
        return Finding("WARN", "damaged recordings", message, action, rows)
    action = "remove it or save it again as a WAV file, or set input.skip_corrupt=true"
    return Finding("FAIL", "damaged recordings", message, action, rows)


def rate_finding(sounds: Sequence[Sound], rate: int) -> Finding:
    """Says which rates there are, and which one is used."""
    rates, counts = np.unique([sound.rate for sound in sounds], return_counts=True)
    if len(rates) == 1 and rates[0] == rate:
        return Finding("PASS", "sample rate", f"all recordings have {rate} samples per second")
    listed = ", ".join(
        f"{count} of {one} Hz" for one, count in zip(rates.tolist(), counts.tolist(), strict=True)
    )
    level: Level = "WARN" if len(rates) > 1 else "PASS"
    message = f"{len(rates)} sample rates: {listed}" if len(rates) > 1 else f"recordings: {listed}"
    changed = int(counts[rates != rate].sum())
    action = f"{counted(changed, 'recording')} resampled to {rate} Hz"
    if rates.min() < rate:
        action += "; upsampled ones hold no sound above half of their own rate"
    return Finding(level, "sample rate", message, action)


def refuse_single_class(frame: Frame, name: str) -> None:
    """Raises DataError where all recordings are of one class."""
    counts = frame[name].counts()
    if len(counts) == 1:
        (only,) = counts
        raise DataError(
            f"all {len(frame)} recordings of {frame.origin} are of one class, '{only}'",
            allowed="at least two classes, such as a folder for each",
            do="Add recordings of another class",
        )


def cut_finding(frame: Frame, column: str, seconds: float) -> list[Finding]:
    """Reports the recordings that are longer than the limit."""
    sounds = frame[column].values
    long = [row for row, sound in enumerate(sounds, 1) if sound.seconds > seconds + 1e-9]
    if not long:
        return []
    longest = max(sound.seconds for sound in sounds)
    verb = "is" if len(long) == 1 else "are"
    message = f"{counted(len(long), 'recording')} of {len(frame)} {verb} longer than {seconds:g} "
    message += f"seconds (up to {longest:,.1f})"
    action = f"cut after {seconds:g} seconds; input.max_seconds changes it"
    return [Finding("WARN", "duration", message, action, first_rows(long))]


def voice_findings(
    frame: Frame, splits: Mapping[str, NDArray[np.int64]], targets: Sequence[str]
) -> list[Finding]:
    """Warns of speakers that are in the training and in the test split."""
    train, test = splits.get("train"), splits.get("test")
    if train is None or test is None or not len(test):
        return []
    findings = []
    for column in _voices(frame, targets):
        trained = set(column.take(train).counts())
        tested = set(column.take(test).counts())
        both = trained & tested
        if both:
            message = f"{len(both)} of {len(tested)} values of '{column.name}' in the test split "
            message += "are in the training split, too: the score is for known voices"
            action = (
                f"input.split.method=random input.split.group={column.name} evaluates new ones, "
            )
            action += "which is harder"
            findings.append(Finding("WARN", "known voices", message, action))
        elif tested:
            some = list_some(sorted(tested), 3)
            message = f"no '{column.name}' of the test split is in the training split: {some}"
            findings.append(Finding("PASS", "known voices", message))
    return findings


def _voices(frame: Frame, targets: Sequence[str]) -> list[Column]:
    return [
        column
        for column in frame.columns
        if column.name.lower() in VOICES and column.name not in targets and column.kind == "string"
    ]
