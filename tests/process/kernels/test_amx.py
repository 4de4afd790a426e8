"""AMX on processors without it: its instructions are emulated where they are refused.

The code that was compiled for AMX runs here. A handler of the signal decodes each of
its instructions and computes it by native/emulated_tiles.h, whose product of two tiles
is compared with a loop of numpy first.
"""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kissipo.process.kernels import native
from kissipo.process.kernels.native import Kernels, available_sets, built_sets
from kissipo.process.layers import GRU, LSTM, RNN
from kissipo.process.layers import recurrent as layers

SOURCE = Path(__file__).parents[3] / "native" / "emulate_amx.cpp"
CELLS = {
    "lstm": (LSTM, nn.LSTM, {}),
    "gru": (GRU, nn.GRU, {}),
    "tanh": (RNN, nn.RNN, {}),
    "relu": (RNN, nn.RNN, {"nonlinearity": "relu"}),
}
# batch, steps, features, units: less than a tile, several blocks of rows, a whole tile
SHAPES = ((1, 5, 1, 5), (20, 3, 37, 51), (17, 2, 33, 64), (2, 70, 3, 17))


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Compiles the emulation, or skips the test."""
    if sys.platform != "linux" or platform.machine() != "x86_64" or not shutil.which("g++"):
        pytest.skip("the emulation needs Linux on x86-64, and g++")
    path = tmp_path_factory.mktemp("amx") / "emulate_amx.so"
    options = ["-std=c++17", "-O3", "-mfma", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["g++", *options, str(SOURCE), "-o", str(path)], check=True)
    library = ctypes.CDLL(str(path))
    library.emulated_instructions.restype = ctypes.c_long
    return library


@pytest.fixture
def amx(emulator: ctypes.CDLL) -> Iterator[Kernels]:
    """The kernels that were compiled for AMX, whose instructions are answered."""
    if "amx" not in built_sets() or "avx512_bf16" not in available_sets():
        pytest.skip("this machine has no compiler for AMX, or no bfloat16 beside it")
    library = ctypes.CDLL(str(native._LIBRARY))
    library.kissipo_built_kernels.restype = ctypes.POINTER(native._Table)
    emulator.emulate_amx()
    yield native._kernels_of(library.kissipo_built_kernels(b"amx").contents)
    emulator.refuse_amx()


def halves(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The bits of floats, without the lower half: bfloat16 by truncation."""
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def floats(bits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The floats that bits of bfloat16 stand for; denormal ones are zero."""
    values = (bits.astype(np.uint32) << 16).view(np.float32)
    return np.where(np.abs(values) < np.finfo(np.float32).tiny, np.float32(0), values)


def product_by_hand(
    sums: np.ndarray[Any, Any], a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """TDPBF16PS in loops: two chains of sums per number, which are added at the end.

    The product of two bfloat16 numbers is exact in float32, so that a rounded sum of it
    is a fused multiply-add.
    """
    result = sums.copy()
    for m in range(16):
        for n in range(16):
            first = second = np.float32(0)
            for k in range(16):
                first += floats(a[m, 2 * k : 2 * k + 1])[0] * floats(b[k, 2 * n : 2 * n + 1])[0]
                second += (
                    floats(a[m, 2 * k + 1 : 2 * k + 2])[0] * floats(b[k, 2 * n + 1 : 2 * n + 2])[0]
                )
            result[m, n] += first + second
    return result


def test_emulated_product_equals_loops_to_the_last_bit(emulator: ctypes.CDLL) -> None:
    rng = np.random.default_rng(0)
    sums = rng.normal(size=(16, 16)).astype(np.float32)
    a, b = halves(rng.normal(size=(16, 32))), halves(rng.normal(size=(16, 32)))
    a[3, 4], b[2, 7] = 0x0001, 0x8013  # denormal numbers count as zero
    b[1, :] = halves(np.full(32, 1e20))  # and so large ones that the order of sums matters
    a[5, 2:4] = halves(np.array([1e15, -1e15]))
    expected = product_by_hand(sums, a, b)
    ours = sums.copy()
    emulator.emulated_product(*(array.ctypes.data_as(ctypes.c_void_p) for array in (ours, a, b)))
    np.testing.assert_array_equal(ours.view(np.uint32), expected.view(np.uint32))
    in_one_chain = sums.copy()
    pairs = floats(b.reshape(-1)).reshape(16, 16, 2).transpose(0, 2, 1).reshape(32, 16)
    for column, row in zip(floats(a.reshape(-1)).reshape(16, 32).T, pairs, strict=True):
        in_one_chain += np.outer(column, row)
    assert (ours != in_one_chain).any(), "another order of sums would be accepted"
    np.testing.assert_allclose(ours[6:], in_one_chain[6:], rtol=1e-4)


def test_emulated_product_treats_denormal_results_as_zero(emulator: ctypes.CDLL) -> None:
    sums = np.full((16, 16), 1e-39, np.float32)  # a denormal number
    a, b = halves(np.full((16, 32), 1e-20)), halves(np.full((16, 32), 1e-19))
    emulator.emulated_product(*(array.ctypes.data_as(ctypes.c_void_p) for array in (sums, a, b)))
    np.testing.assert_array_equal(sums, np.zeros((16, 16), np.float32))


def results_of(
    layer: nn.RNNBase, x: Tensor, lengths: Tensor | None, weight: Tensor, *, training: bool
) -> list[Tensor]:
    """Returns y and the final states, in training also all gradients."""
    x = x.clone().requires_grad_(training)
    with torch.set_grad_enabled(training):
        y, states = layer(x, lengths=lengths)
    results = [y, *(states if isinstance(states, tuple) else [states])]
    if not training:
        return results
    total = (y * weight).sum() + sum(state.sum() for state in results[1:])
    return [*results, *torch.autograd.grad(total, [x, *layer.parameters()])]


def relative_error(value: Tensor, expected: Tensor) -> float:
    difference = (value.detach().double() - expected.detach().double()).norm()
    return float(difference / expected.detach().double().norm().clamp(min=1e-3))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_amx_and_all_other_sets_agree(
    cell: str,
    shape: tuple[int, int, int, int],
    amx: Kernels,
    emulator: ctypes.CDLL,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch, steps, features, units = shape
    ours, _, extra = CELLS[cell]
    torch.manual_seed(1)
    before = emulator.emulated_instructions()
    for number, (both, has_lengths) in enumerate(((False, True), (True, False))):
        layer = ours(features, units, bidirectional=both, kernel="fused", **extra)
        x = torch.randn(steps, batch, features)
        lengths = torch.randint(1, steps + 1, (batch,)) if has_lengths else None
        weight = torch.randn(steps, batch, units * (1 + both))

        def run(
            library: Kernels,
            training: bool,
            layer: nn.RNNBase = layer,
            x: Tensor = x,
            lengths: Tensor | None = lengths,
            weight: Tensor = weight,
        ) -> list[Tensor]:
            monkeypatch.setattr(layers, "kernels", lambda **_: library)
            return results_of(layer, x, lengths, weight, training=training)

        for training in (True, False):
            sets = [name for name in available_sets() if name not in native.BFLOAT16_SETS]
            libraries = {name: native._load(name) for name in (*sets, "avx512_bf16")}
            results = {name: run(one, training) for name, one in libraries.items() if one}
            exact = results["plain"]
            results["amx"] = run(amx, training)
            for name, values in results.items():
                tolerance = 0.05 if name in native.BFLOAT16_SETS else 1e-5
                if cell == "relu" and name in native.BFLOAT16_SETS:
                    tolerance = 0.3  # its gradient jumps at 0
                errors = [relative_error(*pair) for pair in zip(values, exact, strict=True)]
                assert max(errors) < tolerance, (name, number, training, errors)
            pairs = zip(results["amx"], results["avx512_bf16"], strict=True)
            errors = [relative_error(*pair) for pair in pairs]
            assert max(errors) < 2e-3, (number, training, errors)
    assert emulator.emulated_instructions() > before


def test_amx_reads_a_table_by_its_ids(amx: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(layers, "kernels", lambda **_: amx)
    layer = GRU(33, 20, bidirectional=True, kernel="fused")
    table, ids = torch.randn(6, 33, requires_grad=True), torch.randint(0, 6, (7, 18))
    by_ids = layer(ids, table=table)[0]
    by_rows = layer(table[ids])[0]
    weight = torch.randn(by_ids.shape)
    gradients = [
        torch.autograd.grad((y * weight).sum(), [table, *layer.parameters()])
        for y in (by_ids, by_rows)
    ]
    assert relative_error(by_ids, by_rows) < 5e-3
    for one, other in zip(*gradients, strict=True):
        assert relative_error(one, other) < 0.02
