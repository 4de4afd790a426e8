"""The rules of `auto`, and the instruction set that $KISSIPO_KERNELS forces."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from typing import Any, get_args

import pytest
import torch

from kissipo.cli.main import main
from kissipo.core.errors import MachineError
from kissipo.process.kernels import native, rules
from kissipo.process.kernels.native import SETS, available_sets, kernels
from kissipo.process.kernels.rules import (
    CELLS,
    PHASES,
    REGIONS,
    THREADS,
    TYPES,
    Call,
    Rules,
    entries,
    rules_here,
    rules_of,
)
from kissipo.process.layers import GRU, LSTM, RNN, recurrent
from kissipo.process.layers.recurrent import Kernel
from kissipo.runs import kernel_speed

LAYERS = {"LSTM": LSTM, "GRU": GRU, "RNN": RNN}
# What an Intel Xeon with AMX measured: torch's time divided by ours, per cell.
C256, C512, D96 = Call(64, 100, 64, 256), Call(64, 100, 64, 512), Call(128, 96, 7, 128)
MEASURED_WITH_AMX = {
    (C256, "training"): (0.38, 1.3, 1.1),
    (C256, "inference"): (0.33, 0.94, 1.1),
    (C512, "training"): (0.42, 0.59, 0.49),
    (C512, "inference"): (0.17, 0.50, 0.75),
    (D96, "training"): (1.1, 2.5, 2.2),
    (D96, "inference"): (1.3, 2.3, 2.4),
}


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", SETS)
def test_every_set_and_type_has_a_maximum_for_every_region(
    name: str, dtype: str, threads: str
) -> None:
    own = rules_of(name, dtype, threads)
    assert own.name == f"{name} {dtype}"
    assert own.provenance
    assert own.kernels in ("", *SETS)
    for cell, phase, region in product(CELLS, PHASES, REGIONS):
        maximum = own.max_weights[f"{cell} {phase}"][region]
        assert maximum is None or maximum >= 0
        assert own.kernels or maximum == 0, "without a kernel it is always torch"
    assert len(own.max_weights) == 6


def test_measured_entries_name_machine_and_date() -> None:
    assert set(entries()) == set(SETS)
    measured = [
        entry
        for by_type in entries().values()
        for both in by_type.values()
        for entry in ([both[name] for name in THREADS] if THREADS[0] in both else [both])
        if "measured" in entry
    ]
    assert len(measured) == 7
    for entry in measured:
        assert set(entry["measured"]) >= {"processor", "date", "torch", "threads", "rounds"}
        assert entry["kernels"] in SETS


def test_neon_is_not_measured_and_follows_avx2() -> None:
    for threads in THREADS:
        neon, avx2 = (rules_of(name, "float32", threads) for name in ("neon", "avx2"))
        assert neon.max_weights == avx2.max_weights
        assert neon.provenance.startswith("not measured; follows avx2 float32")


@pytest.mark.parametrize(("call", "phase"), list(MEASURED_WITH_AMX))
def test_with_amx_torch_computes_what_it_was_measured_to_be_faster_at(
    call: Call, phase: str
) -> None:
    amx = rules_of("amx", "bfloat16")
    for cell, ratio in zip(CELLS, MEASURED_WITH_AMX[call, phase], strict=True):
        why = amx.why_torch(cell, phase == "training", call)
        assert bool(why) == (ratio < 1), (cell, ratio, why)
    small = Call(64, 1, 8, 8)  # was not measured
    assert amx.why_torch("GRU", True, small)


@pytest.mark.parametrize(
    ("call", "region"),
    [
        (Call(1, 1, 16, 16), "one step"),
        (Call(500, 1, 128, 4), "one step"),
        (Call(250, 2, 128, 4), "few units"),
        (Call(500, 1, 127, 4), "one step"),
        (Call(63, 1, 128, 4), "one step"),
        (Call(4, 2, 16, 16), "up to 8 rows in 2 or 3 steps"),
        (Call(2, 3, 16, 16), "up to 8 rows in 2 or 3 steps"),
        (Call(8, 1, 16, 16), "one step"),
        (Call(2, 4, 16, 16), "up to 8 rows"),
        (Call(3, 3, 16, 16), "up to 40 rows"),
        (Call(20, 2, 16, 16), "up to 40 rows"),
        (Call(3, 14, 16, 16), "up to 3 sequences"),
        (Call(4, 11, 16, 16), "4 sequences or more"),
    ],
)
def test_region_of_a_call(call: Call, region: str) -> None:
    assert call.region == region
    assert region in REGIONS


def test_weights_are_those_of_the_layer() -> None:
    for cell, layer in LAYERS.items():
        own = layer(7, 5)
        matrices = sum(weight.numel() for weight in own.parameters() if weight.dim() == 2)
        assert Call(1, 1, 7, 5).weights(cell) == matrices


@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_follows_the_rules_in_training_and_in_inference(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernels() is None:
        pytest.skip("the kernels are not built here")
    layer = LAYERS[cell](3, 5)
    x = torch.zeros(4, 2, 3)
    count = Call(2, 4, 3, 5).weights(cell)
    maxima: dict[str, dict[str, int | None]] = {
        f"{name} {phase}": dict.fromkeys(REGIONS, None) for name in CELLS for phase in PHASES
    }
    by_hand = Rules("a test", "avx2", "by hand", maxima)
    monkeypatch.setattr(rules, "rules_of", lambda *_: by_hand)
    monkeypatch.setattr(recurrent, "_choice", recurrent._choice.__wrapped__)  # nothing is kept
    assert layer.choose(x)[0] == "fused"
    maxima[f"{cell} training"]["up to 8 rows"] = count - 1
    assert layer.choose(x) == (
        "torch",
        f"torch's kernel is faster in training: up to 8 rows with more than {count - 1} weights "
        "(a test)",
    )
    with torch.no_grad():
        assert layer.choose(x)[0] == "fused"
    maxima[f"{cell} training"]["up to 8 rows"] = count
    assert layer.choose(x)[0] == "fused"
    maxima[f"{cell} inference"]["up to 8 rows"] = 0
    with torch.no_grad():
        assert layer.choose(x)[1] == (
            "torch's kernel is faster in inference: up to 8 rows (a test)"
        )


@pytest.fixture
def bfloat16() -> None:
    if "avx512_bf16" not in available_sets():
        pytest.skip("this machine does not multiply bfloat16")


def test_the_forced_set_computes(bfloat16: None, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {
        "": ("avx512", "avx512_bf16"),
        "plain": ("plain", None),
        "avx2": ("avx2", None),
        "avx512": ("avx512", None),
        "avx512_bf16": ("avx512", "avx512_bf16"),
        "none": (None, None),
        "torch": (None, None),
    }
    for value, names in expected.items():
        monkeypatch.setattr(native, "_FORCED", value)
        both = kernels(), kernels(bfloat16=True)
        assert tuple(library.name if library else None for library in both) == names, value
        follows = {"": available_sets()[-1], "none": available_sets()[-1]}
        if value in ("plain", "avx2", "avx512"):
            follows[value] = value
        if value in follows:
            assert rules_here().name == f"{follows[value]} float32"


def test_the_variable_is_read_when_the_kernels_are_imported() -> None:
    script = "from kissipo.process.kernels import native; print(native.forced_kernels())"
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "KISSIPO_KERNELS": " AVX2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == "avx2\n"


@pytest.mark.parametrize(
    ("value", "why"),
    [("sse9", "an unknown name"), ("neon", "which is not built")],
)
def test_an_unknown_or_unavailable_set_is_refused(
    value: str, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not available_sets() or value in available_sets():
        pytest.skip("the kernels are not built here, or this is an ARM processor")
    monkeypatch.setattr(native, "_FORCED", value)
    allowed = ", ".join((*available_sets(), "none", "torch"))
    text = (
        "KISSIPO_KERNELS must name an instruction set of this machine, or none; got "
        f"{value}, {why}. Allowed: {allowed}. Choose one of these, or unset KISSIPO_KERNELS for "
        "the widest."
    )
    with pytest.raises(MachineError) as refused:
        kernels()
    assert str(refused.value) == text
    assert main(["doctor"]) == 2
    assert " ".join(capsys.readouterr().err.split()) == f"kissipo: {text}"


def test_a_set_of_another_processor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if not available_sets():
        pytest.skip("the kernels are not built here")
    monkeypatch.setattr(native, "available_sets", lambda: ("plain",))
    monkeypatch.setattr(native, "built_sets", lambda: ("plain", "amx"))
    monkeypatch.setattr(native, "_FORCED", "amx")
    with pytest.raises(MachineError, match="got amx, which this processor does not have"):
        kernels()
    monkeypatch.setattr(native, "BUILT", False)
    with pytest.raises(MachineError, match="but there was no C\\+\\+ compiler"):
        kernels()


@pytest.mark.parametrize(
    ("rule", "ratio", "fits"),
    [
        ("fused", 1.5, True),
        ("fused", 0.95, True),
        ("fused", 0.85, False),
        ("torch", 0.5, True),
        ("torch", 1.05, True),
        ("torch", 1.2, False),
    ],
)
def test_speed_says_whether_a_rule_is_confirmed(
    rule: str, ratio: float, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "" if rule == "fused" else "torch is faster"
    monkeypatch.setattr(Rules, "why_torch", lambda *_: why)
    monkeypatch.setattr(kernel_speed, "compare", lambda *_, **__: (3.0 * ratio, 3.0))
    lines: list[dict[str, Any]] = []
    assert kernel_speed.check_rules(lines.append) == lines
    assert len(lines) == 10
    for line in lines:
        assert line["rule"] == rule
        assert line["ratio"] == pytest.approx(ratio)
        assert line["holds"] is fits
    assert len({(line["shape"], line["type"]) for line in lines}) == 10


def test_speed_prints_a_line_per_shape_and_a_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if kernels() is None:
        pytest.skip("the kernels are not built here")
    monkeypatch.setattr(kernel_speed, "_SECONDS", 0.01)
    monkeypatch.setattr(kernel_speed, "_CALLS", [Call(2, 3, 4, units) for units in range(5, 10)])
    assert main(["doctor", "--speed"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == [
        "shape",
        "type",
        "ours",
        "ms",
        "torch",
        "ms",
        "ratio",
        "rule",
        "holds",
    ]
    for line in out[1:11]:
        *shape, dtype, ours, theirs, ratio, rule, verdict = line.split()
        assert shape[0] in CELLS
        assert dtype in TYPES
        assert float(ratio) == pytest.approx(float(theirs) / float(ours), abs=0.02, rel=0.02)
        assert rule in get_args(Kernel)
        assert verdict in ("yes", "no")
    assert out[11].startswith(("The rules hold here for all 10", "The rules do not hold here for"))
