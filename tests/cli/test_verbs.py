"""Tests of the verbs: standard output, progress on standard error, and exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
from pathlib import Path

import pytest

from kissipo.cli.main import main
from kissipo.core.errors import DataError

Out = pytest.CaptureFixture[str]


def test_fit_prints_all_sections_in_order(capsys: Out) -> None:
    assert main(["fit", "digits", "epochs=2"]) == 0
    out, err = capsys.readouterr()
    output = out + err
    story = [
        "Data check", "PASS", "Data flow", "pixels", "linear 64 -> 256", "probability", "decision",
        "label", "train", "1,258", "epoch 2/2", "Score (359 examples of the test split",
        "majority class", "Verdict:", "Saved to runs", "kissipo predict",
    ]  # fmt: skip
    for name in story:
        assert name in output, name
    assert "epoch 2/2" in err and "epoch" not in out
    assert "Verdict:" in out and "majority class" in out and "Verdict" not in err
    assert Path("runs/digits-1/report.html").exists()


def test_quiet_shows_only_the_result(capsys: Out) -> None:
    assert main(["fit", "digits", "epochs=1", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "Verdict:" in out and not err


def test_show_trains_nothing_and_leaves_nothing(capsys: Out) -> None:
    assert main(["show", "digits"]) == 0
    out, err = capsys.readouterr()
    assert "linear 64 -> 256" in out and "19,210 params, 18,944 MACs" in out and not err
    assert not list(Path.cwd().glob("runs*"))


def test_list_names_every_task(capsys: Out) -> None:
    from kissipo.pipeline.recipes import all_recipes

    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out and recipe.system in out for name, recipe in all_recipes())
    further = [recipe.also for _, recipe in all_recipes()]
    assert len(set().union(*further)) >= 15
    assert all(system in out for systems in further for system in systems)
    assert main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    commands = {row["system"]: row["expected"] for row in rows if "kissipo" in row["expected"]}
    assert all(commands[system] == command for row in further for system, command in row.items())


def test_predict_prints_one_prediction_per_line(capsys: Out) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number in (0, 1):
        Image.fromarray((digits.images[number] * 255 / 16).astype("uint8")).save(f"{number}.png")
    assert main(["fit", "digits", "epochs=15", "--out", "run", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["predict", "run", "0.png", "1.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    answers = [re.fullmatch(r"(\d)\t(0\.\d{4}|1\.0000)", line) for line in lines]
    assert [name and name[1] for name in answers] == ["0", "1"]


def test_evaluate_shows_the_confusion_matrix_of_the_fit(capsys: Out) -> None:
    assert main(["fit", "digits", "epochs=2", "--out", "run"]) == 0
    verdict = re.search(r"Verdict: .*", capsys.readouterr().out)
    assert main(["evaluate", "run"]) == 0
    out = capsys.readouterr().out
    assert "true \\ predicted" in out and verdict and verdict[0] in out


def test_several_seeds_give_mean_and_spread(capsys: Out) -> None:
    assert main(["fit", "backprop", "epochs=3", "--seeds", "3"]) == 0
    out = capsys.readouterr().out
    assert "3 seeds" in out and "std" in out
    rows = [line.split() for line in out.splitlines() if line.startswith("rmse")]
    mean, spread, lowest, highest = map(float, rows[0][1:])
    assert lowest < mean < highest and spread > 0


def test_compare_varies_a_word(capsys: Out) -> None:
    assert main(["compare", "digits", "epochs=1", "--vary", "process.units=[8],[16,16]"]) == 0
    out = capsys.readouterr().out
    assert "units=[8]" in out and " 610" in out  # 64 * 8 + 8 + 8 * 10 + 10 weights
    assert "units=[16, 16]" in out and "1,482" in out


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines(capfd: pytest.CaptureFixture[str]) -> None:
    words = ["fit", "digits", "epochs=3", "baselines=[majority]"]
    assert main(words) == 0
    piped = capfd.readouterr()
    assert "\x1b" not in piped.out + piped.err and "\r" not in piped.err
    assert "epoch 1/3  loss" in piped.err
    child, master = pty.fork()
    if not child:
        os.environ["TERM"] = "xterm-256color"
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        code = main(words)
        sys.stdout.flush()
        os._exit(code)
    printed = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        printed += part
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert "━".encode() in printed and b"\x1b[" in printed and b"Verdict" in printed


def test_a_bug_is_one_line_and_code_1(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    import kissipo.pipeline.recipes

    def broken() -> None:
        raise RuntimeError("the dog ate it")

    monkeypatch.setattr(kissipo.pipeline.recipes, "all_recipes", broken)
    assert main(["list"]) == 1
    err = capsys.readouterr().err
    assert (
        err.startswith("kissipo: a bug in kissipo: RuntimeError: the dog ate it.")
        and "--debug" in err
    )
    assert len(err.splitlines()) == 1
    with pytest.raises(RuntimeError, match="the dog ate it"):
        main(["list", "--debug"])


def test_what_is_wrong_goes_to_standard_error_with_code_2(capsys: Out) -> None:
    assert main(["fitt", "digits"]) == 2
    out, err = capsys.readouterr()
    assert not out and "Did you mean 'fit'?" in err
    assert main(["studio"]) == 2
    assert "not built yet" in capsys.readouterr().err


def test_help_of_every_verb(capsys: Out) -> None:
    from kissipo.cli.main import VERBS

    for verb in VERBS.names():
        with pytest.raises(SystemExit) as ended:
            main([verb, "--help"])
        assert ended.value.code == 0
        assert f"usage: kissipo {verb}" in capsys.readouterr().out


def test_the_doctor_names_kernels_and_missing_parts(capsys: Out) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert re.search(
        r"kernels +(fused, (avx512|avx2|plain|neon)|torch: the kernels were not built)", out
    )
    assert re.search(r"tables +(compiled reader|numpy: the reader was not built)", out)
    assert "gymnasium" in out and "torch" in out


def test_show_names_the_parameters_that_the_source_counts_also_without_the_data(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DataError("sms-spam is not here")

    monkeypatch.setattr("kissipo.runs.fit.encode_task", lambda *_, **__: refuse())
    assert main(["show", "spam"]) == 2
    output = " ".join(capsys.readouterr().err.split())
    assert "the lecture counts 148,136 parameters for 7,298 ids" in output
    assert 7298 * 20 + 4 * 15 * (20 + 15 + 1) + (15 + 1) == 148_136
    assert 4 * 15 * (20 + 15 + 2) == 2_220
    assert "two bias vectors per gate, so the LSTM has 2,220 parameters" in output
