"""Augmentation of recordings: random changes of log-mel frames, new in every epoch.

gain            6 dB louder or more quietly at most
noise           white noise, 10 to 30 dB below the recording, in half of the recordings
vocal_tract     the frequency axis is stretched by up to 15 %: shorter and longer vocal
                tracts
tempo           up to 20 % faster or slower
shift           up to 80 ms earlier or later; the frame at the edge repeats
frequency_mask  two ranges of up to a fifth of the bands become the mean
time_mask       two ranges of up to a fifth of the frames become the mean

The first five change energies: the scaling of the codec is undone, and done again
afterwards. Where each recording is scaled by itself, its energies are those of a
typical recording of the training split. All random numbers come from one generator,
which the loop derives from seed, epoch and step.

Shapes:   (batch, time, band), padded with zeros -> (batch, time', band)
Source:   masks as SpecAugment (Park et al. 2019); vocal tracts Jaitly and Hinton 2013.
Example:  >>> x = torch.ones(1, 3, 2)
          >>> scaling = Scaling(torch.zeros(2), torch.ones(2), "none", (500.0, 2000.0))
          >>> louder = gain(Frames(x, x[..., 0] > 0), scaling, torch.Generator())
          >>> bool((louder.energies - 1).abs().max() <= 6 * DECIBEL)
          True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Generator, Tensor

from kissipo.codec._mel import DECIBEL
from kissipo.codec.log_mel import MIN_STD, NEARLY_ZERO
from kissipo.core.batch import Batch, is_step

Name = Literal["gain", "noise", "vocal_tract", "tempo", "shift", "frequency_mask", "time_mask"]
_GAIN, _NOISE, _STRETCH, _TEMPO = 6 * DECIBEL, (10 * DECIBEL, 30 * DECIBEL), 0.15, 0.2
_SHIFT_MS, _MASKS, _MASKED = 80.0, 2, 0.2


@dataclass(frozen=True)
class Scaling:
    """How a codec scales energies: mean and standard deviation per band.

    mode:         as input.standardize says
    frequencies:  the middle of each band in Hz
    hop_ms:       the time from one frame to the next
    """

    mean: Tensor
    std: Tensor
    mode: str
    frequencies: Sequence[float]
    hop_ms: float = 10.0

    def undone(self, x: Tensor) -> Tensor:
        """Returns log energies."""
        return x if self.mode == "none" else x * self.std + self.mean

    def done(self, frames: Frames) -> Tensor:
        """Returns scaled numbers."""
        x = frames.energies
        if self.mode == "none":
            return x
        if self.mode == "training":
            return (x - self.mean) / self.std
        steps = frames.steps.unsqueeze(-1)
        count = steps.sum(dim=1, keepdim=True)
        mean = (x * steps).sum(dim=1, keepdim=True) / count
        if self.mode == "recording_mean":
            return (x - mean) / self.std
        variance = ((x - mean) ** 2 * steps).sum(dim=1, keepdim=True) / count
        return (x - mean) / variance.sqrt().clamp(min=MIN_STD)


@dataclass(frozen=True)
class Frames:
    """Log energies (batch, time, band), and which steps are not padding."""

    energies: Tensor
    steps: Tensor

    @property
    def lengths(self) -> Tensor:
        """The number of steps of each recording (batch, 1)."""
        return self.steps.sum(dim=1, keepdim=True)


@dataclass(frozen=True)
class SoundAugment:
    """Applies several augmentations to the first input, in the order of this file."""

    names: tuple[Name, ...]
    scaling: Scaling

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Returns the batch with changed recordings."""
        x, *rest = batch.inputs
        steps = is_step(x)
        changes = [change for name, change in CHANGES.items() if name in self.names]
        if changes:
            frames = Frames(self.scaling.undone(x), steps)
            for change in changes:
                frames = change(frames, self.scaling, generator)
            x, steps = self.scaling.done(frames), frames.steps
        for name, axis in MASKS.items():
            if name in self.names:
                x = mask(x, steps, axis, generator)
        return replace(batch, inputs=(padded(x, steps), *rest))

    def describe(self) -> str:
        """Returns the names of the augmentations for tables and reports."""
        return f"{', '.join(self.names)} (only during training)"


def gain(frames: Frames, scaling: Scaling, generator: Generator) -> Frames:
    """Makes each recording louder or quieter: every log energy by the same number."""
    amount = _GAIN * _uniform(len(frames.energies), generator)
    return replace(frames, energies=frames.energies + amount[:, None, None])


def noise(frames: Frames, scaling: Scaling, generator: Generator) -> Frames:
    """Adds the energies of white noise, which are random in each frame and band.

    The energy of a band is that of many frequencies where the band is wide.
    """
    x, steps = frames.energies, frames.steps.unsqueeze(-1)
    loud = (x.exp() * steps).sum(dim=(1, 2)) / steps.sum(dim=(1, 2))
    low, high = _NOISE
    below = low + (high - low) * torch.rand(len(x), generator=generator)
    is_noisy = torch.rand(len(x), generator=generator) < 0.5
    middle = torch.tensor(list(scaling.frequencies), dtype=x.dtype)
    width = torch.gradient(middle)[0] if len(middle) > 1 else torch.ones(1)
    shape = (width / width.mean()).log()
    chance = torch.rand(x.shape, generator=generator).clamp(min=1e-6)
    level = (loud.clamp(min=1e-30).log() - below)[:, None, None] + shape + (-chance.log()).log()
    return replace(
        frames, energies=torch.where(is_noisy[:, None, None], torch.logaddexp(x, level), x)
    )


def vocal_tract(frames: Frames, scaling: Scaling, generator: Generator) -> Frames:
    """Reads each band at a frequency that is a factor higher or lower; between two
    bands the energies are interpolated."""
    factor = 1 + _STRETCH * _uniform(len(frames.energies), generator)
    return replace(frames, energies=stretched(frames.energies, factor, scaling.frequencies))


def stretched(x: Tensor, factor: Tensor, frequencies: Sequence[float]) -> Tensor:
    """Returns energies (batch, time, band) read at `factor` times the frequencies.

    Example:  >>> x = torch.tensor([[[0.0, 1.0, 2.0]]])
              >>> stretched(x, torch.tensor([1.5]), (100.0, 200.0, 300.0)).tolist()
              [[[0.5, 2.0, 2.0]]]
    """
    middle = torch.tensor(list(frequencies), dtype=x.dtype)
    wanted = (factor[:, None] * middle).clamp(middle[0], middle[-1]).contiguous()
    upper = torch.searchsorted(middle, wanted).clamp(1, len(middle) - 1)
    lower = upper - 1
    share = ((wanted - middle[lower]) / (middle[upper] - middle[lower]))[:, None, :]
    below, above = (x.gather(2, index[:, None, :].expand_as(x)) for index in (lower, upper))
    return below * (1 - share) + above * share


def tempo(frames: Frames, scaling: Scaling, generator: Generator) -> Frames:
    """Makes each recording shorter or longer; frames are interpolated."""
    factor = 1 + _TEMPO * _uniform(len(frames.energies), generator)
    lengths = frames.lengths[:, 0]
    changed = (lengths * factor).round().long().clamp(min=1)
    steps = torch.arange(int(changed.max()))
    last = (lengths - 1)[:, None]
    scale = last / (changed - 1).clamp(min=1)[:, None]
    place = torch.minimum(steps * scale, last.to(scale.dtype))
    lower = place.floor().long()
    share = (place - lower)[..., None]
    below = _frames_at(frames.energies, lower)
    above = _frames_at(frames.energies, torch.minimum(lower + 1, last))
    return Frames(below * (1 - share) + above * share, steps < changed[:, None])


def shift(frames: Frames, scaling: Scaling, generator: Generator) -> Frames:
    """Moves each recording in time; the first or the last frame repeats."""
    limit = max(1, round(_SHIFT_MS / scaling.hop_ms))
    moved = torch.randint(-limit, limit + 1, (len(frames.steps), 1), generator=generator)
    place = (torch.arange(frames.steps.shape[1]) + moved).clamp(min=0)
    return replace(frames, energies=_frames_at(frames.energies, place.minimum(frames.lengths - 1)))


def mask(x: Tensor, steps: Tensor, axis: int, generator: Generator) -> Tensor:
    """Sets ranges of steps (axis 1) or bands (axis 2) to 0, which is the mean."""
    sizes = steps.sum(dim=1) if axis == 1 else torch.full((len(x),), x.shape[2])
    places = torch.arange(x.shape[axis])
    for _ in range(_MASKS):
        widths, starts = torch.rand(2, len(x), generator=generator)
        width = (widths * (_MASKED * sizes + 1)).floor()
        first = (starts * (sizes - width + 1)).floor()
        is_masked = (places >= first[:, None]) & (places < (first + width)[:, None])
        x = x.masked_fill(is_masked.unsqueeze(3 - axis), 0.0)
    return x


def padded(x: Tensor, steps: Tensor) -> Tensor:
    """Returns zeros where there is no step, and no zero at the start of a step."""
    x = torch.where(steps.unsqueeze(-1), x, torch.zeros_like(x))
    first = torch.where(steps & (x[..., 0] == 0), NEARLY_ZERO, x[..., 0])
    return torch.cat([first.unsqueeze(-1), x[..., 1:]], dim=-1)


def _frames_at(x: Tensor, steps: Tensor) -> Tensor:
    """Returns the frames at these steps (batch, step)."""
    return x.gather(1, steps[..., None].expand(-1, -1, x.shape[2]))


def _uniform(count: int, generator: Generator) -> Tensor:
    """Draws random numbers from -1 to 1."""
    return 2 * torch.rand(count, generator=generator) - 1


CHANGES: dict[Name, Callable[[Frames, Scaling, Generator], Frames]] = {
    "gain": gain,
    "noise": noise,
    "vocal_tract": vocal_tract,
    "tempo": tempo,
    "shift": shift,
}
MASKS: dict[Name, int] = {"frequency_mask": 2, "time_mask": 1}
OF_BANDS: tuple[Name, ...] = ("gain", "noise", "vocal_tract", "frequency_mask")
