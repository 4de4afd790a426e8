"""When torch's own recurrent kernel is faster: measured once, and checked in.

rules.json has an entry per instruction set and type, for one thread and for several,
with the machine and the date of its measurement. For each cell, in training and in
inference, it has the maximum number of weights up to which the fused kernel is used,
per region: how many steps and sequences a call has. `null` means that every size is
faster, 0 that none is.
`benchmarks/recurrent.py --rules` measures and writes an entry. Nothing is measured
when a net computes, so that a machine gives the same numbers again.

Weights are those of one direction of the first layer, without biases.

Inference of whole float32 tensors from states of 0 does not ask these rules: with the
kept packed weights of `inference.py` the fused kernel is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

from kissipo.core.devices import has_instructions
from kissipo.core.json_object import JsonObject
from kissipo.process.kernels.native import SETS, available_sets, forced_kernels

FILE = Path(__file__).parent / "rules.json"
TYPES = ("float32", "bfloat16")
CELLS = ("LSTM", "GRU", "RNN")
PHASES = ("training", "inference")
THREADS = ("one thread", "several threads")
REGIONS = (
    *("one step", "few units", "up to 8 rows in 2 or 3 steps", "up to 8 rows", "up to 40 rows"),
    *("up to 3 sequences", "4 sequences or more"),
)


class Call(NamedTuple):
    """The sizes of one call of a layer."""

    batch: int
    steps: int
    features: int
    units: int

    @property
    def region(self) -> str:
        """The first region of the rules that has this call.

        A row is one step of a sequence.
        """
        rows = self.batch * self.steps
        if self.steps == 1:
            return "one step"
        if self.units <= 4 and self.features >= 128 and rows >= 64:
            return "few units"
        if rows <= 8:
            return "up to 8 rows in 2 or 3 steps" if self.steps <= 3 else "up to 8 rows"
        if rows <= 40:
            return "up to 40 rows"
        return "up to 3 sequences" if self.batch < 4 else "4 sequences or more"

    def weights(self, cell: str) -> int:
        """The number of weights of one direction of a layer."""
        return {"LSTM": 4, "GRU": 3}.get(cell, 1) * self.units * (self.features + self.units)


@dataclass(frozen=True)
class Rules:
    """The entry of one instruction set and type.

    name:         the instruction set and the type
    kernels:      the instruction set of the fused kernel; empty where there is none
    provenance:   what was measured where and when, or what the entry follows
    max_weights:  for "LSTM training" and so on, the maximum per region
    """

    name: str
    kernels: str
    provenance: str
    max_weights: Mapping[str, Mapping[str, int | None]]

    def why_torch(self, cell: str, training: bool, call: Call) -> str:
        """Why torch's kernel is used for this call; empty where it is not used."""
        phase = "training" if training else "inference"
        region = call.region
        maximum = self.max_weights[f"{cell} {phase}"][region]
        if maximum is None or call.weights(cell) <= maximum:
            return ""
        above = f" with more than {maximum:,} weights" if maximum else ""
        return f"torch's kernel is faster in {phase}: {region}{above} ({self.name})"


def instruction_set() -> str:
    """The instruction set whose rules hold: the forced one, else the widest one here.

    torch uses AMX where the processor has it, whether or not we have kernels for it.
    """
    return _set_of(forced_kernels())


@cache
def _set_of(forced: str) -> str:
    if forced in SETS:
        return forced
    if has_instructions("amx_bf16"):
        return "amx"
    return available_sets()[-1] if available_sets() else SETS[0]


def rules_here(*, bfloat16: bool = False) -> Rules:
    """The rules for this machine and this number of threads."""
    return rules_of(instruction_set(), TYPES[bfloat16], THREADS[torch.get_num_threads() > 1])


def why_torch(cell: str, training: bool, call: Call, *, bfloat16: bool) -> str:
    """Why torch's kernel is used for this call; empty where it is not used."""
    return rules_here(bfloat16=bfloat16).why_torch(cell, training, call)


@cache
def rules_of(instructions: str, dtype: str, threads: str = "one thread") -> Rules:
    """The rules of an instruction set and a type, or of the set that it follows."""
    entry = entries()[instructions][dtype]
    entry = entry.get(threads, entry)  # one that names no threads holds for both
    name = f"{instructions} {dtype}"
    if "follows" in entry:
        source = rules_of(entry["follows"], dtype, threads)
        provenance = f"{entry['why']}; follows {source.name}, {source.provenance}"
        return Rules(name, entry["kernels"], provenance, source.max_weights)
    if "torch" in entry:
        return Rules(name, "", entry["torch"], _always_torch())
    measured = entry["measured"]
    provenance = (
        f"measured on {measured['processor']} on {measured['date']}, torch {measured['torch']}, "
        f"threads: {measured['threads']}, rounds: {measured['rounds']}"
    )
    return Rules(name, entry["kernels"], provenance, entry["max_weights"])


@cache
def entries() -> dict[str, dict[str, JsonObject]]:
    """The table: instruction set -> type -> entry."""
    table: dict[str, dict[str, JsonObject]] = json.loads(FILE.read_text(encoding="utf-8"))
    return table


def _always_torch() -> dict[str, dict[str, int | None]]:
    return {f"{cell} {phase}": dict.fromkeys(REGIONS, 0) for cell in CELLS for phase in PHASES}
