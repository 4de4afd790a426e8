"""net: auto: candidates are compared on the validation split; the winner is a task."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Callable
from math import nan
from pathlib import Path
from time import process_time
from types import ModuleType
from typing import Any

import jsonschema
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError, RunError, StoppedError, TaskError, UserError
from kissipo.core.inferred_option import Candidate, InferredOption
from kissipo.engine.run_folder import DATA, RunFolder
from kissipo.pipeline.candidates import candidates_of
from kissipo.pipeline.experiment import encode_task
from kissipo.process.nets import ffn, gradient_boosting, linear, random_forest, tabm
from kissipo.runs.choose_net.plan import Cost, shares
from kissipo.runs.choose_net.results import Results, Row, Trial

DEFAULT = {
    "units": [64, 64],
    "dropout": 0.2,
    "optimizer": "adamw",
    "schedule": "cosine",
    "wide": True,
    "init": "linear",
    "activation": "relu",
}
SHORT = {"epochs": 4, "output.baselines": []}


def candidate(net: str, title: str = "", **options: object) -> Candidate:
    words = {"net": net, **options}
    places = tuple(InferredOption(f"process.{key}", value) for key, value in words.items())
    return Candidate(title or net, places)


def offer(monkeypatch: pytest.MonkeyPatch, module: ModuleType, *candidates: Candidate) -> None:
    monkeypatch.setattr(module, "candidates", lambda facts: candidates)


@pytest.fixture(autouse=True)
def two_candidates(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """Compares the default net with one tiny net and a linear one, with any budget."""
    monkeypatch.delenv("KISSIPO_BUDGET")
    offer(monkeypatch, ffn, candidate("ffn", "tiny net", units=[2]))
    offer(monkeypatch, linear, candidate("linear"))
    for module in (gradient_boosting, random_forest, tabm):
        offer(monkeypatch, module)


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Two classes that a line divides, with noise; two columns mean nothing."""
    generator = np.random.default_rng(1)
    x = generator.normal(size=(160, 4))
    kind = np.where(x[:, 0] - x[:, 1] + 0.3 * generator.normal(size=160) > 0, "up", "down")
    path = tmp_path / "data.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "d", "kind"])
        writer.writerows(
            [[*map("{:.4f}".format, row), name] for row, name in zip(x, kind, strict=True)]
        )
    return str(path)


def compared(folder: str | Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(folder) / "candidates.json").read_text())
    return content


def load(table: str, **words: object) -> Any:
    return ki.load(table, output="kind", words={**SHORT, **words})


def test_best_candidate_is_written_to_the_task_and_named_everywhere(
    table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", table, "--output", "kind", "epochs=4", "--out", "run"]) == 0
    content, printed = compared("run"), capsys.readouterr().err
    trials = [row["trials"][-1] for row in content["candidates"]]
    winner = content["candidates"][content["winner"]]
    best = max(trials, key=lambda trial: trial["score"])
    equal = [trial for trial in trials if trial["score"] >= best["score"] - best["noise"]]
    assert winner["trials"][-1] == min(equal, key=lambda trial: trial["loss"])
    assert len(trials) == 3 and best["noise"] > 0
    task = ki.load("run/task.yaml")
    for place, value in winner["options"].items():
        assert task.process[place.removeprefix("process.")] == (
            tuple(value) if isinstance(value, list) else value
        )
    assert "net: auto compares 3 candidates on 5 folds" in printed
    assert ("the loss decides" in " ".join(printed.split())) == (len(equal) > 1)
    assert f"process.net={task.process['net']}" in printed and "best of 3 candidates" in printed
    report = Path("run/report.html").read_text(encoding="utf-8")
    assert "Choice of the net" in report and "tiny net" in report


def test_same_seed_gives_the_same_winner_and_weights_also_from_the_written_task(
    table: str, monkeypatch: pytest.MonkeyPatch, assert_same_run: Callable[[Path, Path], None]
) -> None:
    same = candidate("ffn", "the default in other words", **DEFAULT)
    offer(monkeypatch, linear, candidate("linear"), same)  # it is not compared twice
    load(table).fit(seed=3, out="one")
    load(table, net="auto").fit(seed=3, out="two")
    ki.load("one/task.yaml").fit(seed=3, out="again")
    assert_same_run(Path("one"), Path("two"))
    assert_same_run(Path("one"), Path("again"))
    assert not Path("again/candidates.json").exists()
    one, two = (
        [[trial["score"] for trial in row["trials"]] for row in compared(name)["candidates"]]
        for name in ("one", "two")
    )
    assert one == two and len(one) == 3


def test_run_that_is_killed_while_it_compares_resumes_with_the_same_winner(
    table: str, assert_same_run: Callable[[Path, Path], None]
) -> None:
    load(table).fit(seed=1, out="whole")

    class Killer(ki.Callback):
        def on_note(self, text: str) -> None:
            if text.startswith("tiny net"):
                os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        load(table).fit(seed=1, callbacks=[Killer()])
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    cut = Path("runs/data-1")
    assert [len(row["trials"]) for row in compared(cut)["candidates"]] == [1, 0, 0]
    with pytest.raises(RunError, match="exists already"):
        load(table).fit(seed=1, out=cut)
    with pytest.raises(RunError) as refused:
        load(table).fit(seed=1, out=cut, resume=True, budget="large")
    assert refused.value.got == "large, before medium"
    with pytest.raises(RunError, match="another seed"):
        load(table).fit(seed=2, out=cut, resume=True)
    with pytest.raises(RunError) as incomplete:
        ki.open(cut).evaluate()
    assert "--resume" in incomplete.value.do
    trained = compared(cut)["candidates"][0]["trials"][0]["seconds"]
    run = load(table).fit(resume=True)  # the latest run of that name
    assert run.folder == cut and run.seed == 1
    assert compared(cut)["candidates"][0]["trials"][0]["seconds"] == trained
    assert_same_run(Path("whole"), cut)
    before = (cut / "candidates.json").read_bytes()
    load(table).fit(resume=True, out=cut)
    assert (cut / "candidates.json").read_bytes() == before


def test_run_that_is_killed_as_its_best_net_is_written_down_resumes_with_that_net(
    table: str, monkeypatch: pytest.MonkeyPatch, assert_same_run: Callable[[Path, Path], None]
) -> None:
    load(table).fit(seed=1, out="whole")
    write_text = RunFolder.write_text

    def killed(folder: RunFolder, name: str, text: str) -> None:
        if name == DATA:  # the last of the first files; task.yaml has the best net already
            os.kill(os.getpid(), signal.SIGKILL)
        write_text(folder, name, text)

    child = os.fork()
    if not child:
        monkeypatch.setattr(RunFolder, "write_text", killed)
        load(table).fit(seed=1, out="cut")
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    load(table).fit(out="cut", resume=True)
    assert compared("cut")["winner"] == compared("whole")["winner"]
    assert_same_run(Path("whole"), Path("cut"))


def test_ctrl_c_keeps_the_results_so_far_and_says_how_to_resume(table: str) -> None:
    class Interrupter(ki.Callback):
        def on_note(self, text: str) -> None:
            if text.startswith("tiny net"):
                os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background
    try:
        with pytest.raises(StoppedError, match="--resume --out run"):
            load(table).fit(out="run", callbacks=[Interrupter()])
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(compared("run")["candidates"][0]["trials"]) == 1


def test_test_split_is_not_touched_while_candidates_are_compared(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row of the test split is replaced by nonsense: all scores stay the same."""
    load(table).fit(out="one")
    rows = Path(table).read_text().splitlines()
    for position in encode_task(load(table)).pipeline.splits["test"]:
        kind = rows[position + 1].split(",")[-1]
        rows[position + 1] = f"9,9,{position},-9,{kind}"
    Path("data.csv").write_text("\n".join(rows) + "\n")
    load("data.csv").fit(out="two")
    one, two = ([_scores(row) for row in compared(name)["candidates"]] for name in ("one", "two"))
    assert one == two


def _scores(row: dict[str, Any]) -> list[tuple[float, float]]:
    return [(trial["score"], trial["loss"]) for trial in row["trials"]]


def test_candidate_that_crashes_is_named_and_the_others_go_on(
    table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = candidate("linear", "wild", optimizer="sgd", learning_rate=3e38)
    offer(monkeypatch, linear, candidate("linear", weights="missing.safetensors"), wild)
    assert main(["fit", table, "--output", "kind", "epochs=4", "--out", "run"]) == 0
    rows = {row["title"]: row["trials"][-1] for row in compared("run")["candidates"]}
    assert "missing.safetensors" in rows["linear"]["error"]
    assert "NaN or infinite" in rows["wild"]["error"] and rows["wild"]["score"] is None
    assert rows["tiny net"]["score"] is not None
    assert "wild, trained 100%: failed: the loss became NaN" in capsys.readouterr().err


def test_task_of_which_all_candidates_fail_ends_with_the_error_of_the_first(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"optimizer": "sgd", "learning_rate": 3e38}
    with pytest.raises(UserError) as failed:
        load(table, **words).fit(out="run")
    assert "none of the 3 candidates" in failed.value.wrong
    assert "NaN or infinite" in failed.value.got and "process.net" in failed.value.do


def test_written_options_are_never_changed(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = encode_task(load(table, units=[3], dropout=0.25))
    titles = [item.title for item in candidates_of(written.task, written.pipeline)]
    assert titles == ["ffn (default)"]  # linear has no units, and the tiny net has others
    run = load(table, units=[3], loss="cross_entropy", learning_rate=0.02).fit(out="run")
    process = run.task.process
    assert (process["units"], process["learning_rate"], process["epochs"]) == ((3,), 0.02, 4)
    assert not Path("run/candidates.json").exists()


@pytest.mark.parametrize("words", [{"net": "linear"}, {"net": "ffn", "units": [4]}])
def test_task_with_a_net_compares_nothing(table: str, words: dict[str, object]) -> None:
    load(table, **words).fit(out="run", budget="large")
    assert not Path("run/candidates.json").exists()


def test_budget_none_trains_the_default_net(
    table: str, monkeypatch: pytest.MonkeyPatch, assert_same_run: Callable[[Path, Path], None]
) -> None:
    load(table).fit(out="flag", budget="none")
    monkeypatch.setenv("KISSIPO_BUDGET", "none")
    load(table, net="auto").fit(out="variable")
    assert_same_run(Path("flag"), Path("variable"))
    assert ki.load("flag/task.yaml").process["net"] == "ffn"
    load(table).fit(out="stronger", budget="small")  # the flag wins over the variable
    assert compared("stronger")["budget"] == "small"


def test_unknown_budget_is_refused(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TaskError) as refused:
        load(table).fit(budget="smal")
    error = refused.value
    assert (error.wrong, error.got) == ("the budget has an unknown value", "'smal'")
    assert error.allowed == "none or small or medium or large" and "small" in error.do
    monkeypatch.setenv("KISSIPO_BUDGET", "5 min")
    with pytest.raises(TaskError, match="the variable KISSIPO_BUDGET"):
        load(table).fit()


def test_class_of_two_samples_and_useless_columns_are_compared_or_refused(tmp_path: Path) -> None:
    rare = "".join(f"{row},{'ab'[row % 2]}\n" for row in range(60)) + "70,c\n71,c\n"
    Path("rare.csv").write_text("x,kind\n" + rare)
    load("rare.csv").fit(out="rare")
    assert all(row["trials"][-1]["error"] == "" for row in compared("rare")["candidates"])
    Path("same.csv").write_text("x,y,kind\n" + "1,2,a\n1,2,b\n" * 30)
    with pytest.raises(DataError) as refused:
        load("same.csv").fit(out="same")
    assert refused.value.wrong and not Path("same").exists()


def test_comparison_beyond_its_budget_halves_the_candidates(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tiny budget there are two rounds; the second trains twice as long."""
    from kissipo.runs.choose_net.budget import Budget
    from kissipo.runs.fit import fit

    offer(monkeypatch, ffn, *(candidate("ffn", units=[size]) for size in (2, 3, 4)))
    fit(load(table, epochs=40), out="run", budget=Budget("test", 0.06, 1000))
    rows = compared("run")["candidates"]
    lengths = sorted(len(row["trials"]) for row in rows)
    assert lengths[0] == 1 and lengths[-1] > 1 and len(rows) == 5
    longest = max(rows, key=lambda row: len(row["trials"]))["trials"]
    assert longest[1]["share"] == pytest.approx(min(1, 2 * longest[0]["share"]))
    assert rows[compared("run")["winner"]]["round"] == max(row["round"] for row in rows)


def test_candidates_may_differ_in_the_encoding_of_the_same_data(
    table: str, monkeypatch: pytest.MonkeyPatch, assert_same_run: Callable[[Path, Path], None]
) -> None:
    """Pieces of words are encoded for one candidate only, and win."""
    generator = np.random.default_rng(0)
    words = ["".join(generator.choice(list("abcdefgh"), 5)) for _ in range(200)]
    rows = [
        f"{word} {'xq'[place % 2]}{place},{'xq'[place % 2]}" for place, word in enumerate(words)
    ]
    Path("words.csv").write_text("text,kind\n" + "\n".join(rows) + "\n")
    options = {"process.net": "linear", "process.embedding_dim": 8, "input.tokenizer": "wordpieces"}
    places = tuple(InferredOption(place, value) for place, value in options.items())
    offer(monkeypatch, ffn)
    offer(monkeypatch, linear, Candidate("by pieces of words", places))
    words_of_task = {**SHORT, "input.text": "text", "learning_rate": 0.05}
    run = ki.load("words.csv", output="kind", words=words_of_task).fit(out="one")
    content = compared("one")
    assert content["candidates"][content["winner"]]["title"] == "by pieces of words"
    assert run.task.input["tokenizer"] == "wordpieces"
    ki.load("one/task.yaml").fit(out="again")
    assert_same_run(Path("one"), Path("again"))


def test_loss_decides_within_one_standard_error_and_the_score_beyond_it() -> None:
    def ranking(*trials: Trial) -> list[int]:
        rows = tuple(Row(str(number), {}, (trial,), 1) for number, trial in enumerate(trials))
        return Results("small", 0, "accuracy", True, "", rows).ranking

    best = Trial(1, 0.90, 0.40, noise=0.02)
    assert ranking(best, Trial(1, 0.89, 0.30), Trial(1, 0.87, 0.10)) == [1, 0, 2]
    assert ranking(best, Trial(1, 0.90, nan), Trial(1, 0.95, 0.9, noise=0.01)) == [2, 0, 1]
    assert ranking(Trial(1, 0.9, 0.4), Trial(1, 0.9, 0.4), Trial(1, error="x")) == [0, 1]


def test_solved_net_has_a_loss_where_every_prediction_is_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Equal scores of 1 are decided by the log loss, so each candidate needs one."""
    rows = "".join(f"{row + 500 * (row % 2)},{'ab'[row % 2]}\n" for row in range(80))
    Path("easy.csv").write_text("x,kind\n" + rows)
    offer(monkeypatch, linear, candidate("random_forest", "trees"))
    words = {"output.baselines": [], "input.numeric": ["x"]}
    ki.load("easy.csv", output="kind", words=words).fit(out="run")
    trials = {row["title"]: row["trials"][-1] for row in compared("run")["candidates"]}
    assert trials["trees"]["score"] == 1.0
    assert 0 <= trials["trees"]["loss"] < 0.1  # the trees are sure, and right


def test_rounds_keep_the_budget() -> None:
    generator = np.random.default_rng(0)
    for _ in range(200):
        costs = [
            Cost(int(c), 1, False) for c in generator.integers(1, 1000, generator.integers(2, 9))
        ]
        budget = int(generator.integers(1, 5000))
        rounds, spent = shares(costs, budget), 0.0
        dearest = sorted((cost.training for cost in costs), reverse=True)
        for count, share in rounds:
            spent += share * sum(dearest[:count])
        assert spent <= budget + 1e-6 and rounds[0][0] == len(costs)
        assert all(0 < share <= 1 for _, share in rounds)
    solved, trained = Cost(10, 1, is_solved=True), Cost(10, 1, is_solved=False)
    assert shares([solved, trained, trained], 30) == [(2, 1.0)]
    assert shares([solved, trained, trained], 20) == [(2, 0.5)]


def test_cross_validated_score_of_a_candidate_is_that_of_its_held_out_folds(table: str) -> None:
    """The linear candidate agrees with scikit-learn on other folds, within noise."""
    load(table, epochs=20, learning_rate=0.05).fit(out="run")
    row = next(row for row in compared("run")["candidates"] if row["title"] == "linear")
    with open(table, newline="") as file:
        rows = list(csv.reader(file))[1:]
    x, kind = np.array([row[:4] for row in rows], dtype=float), np.array([row[4] for row in rows])
    right = []
    for fold in range(5):
        out = np.arange(len(x)) % 5 == fold
        right += list(LogisticRegression().fit(x[~out], kind[~out]).predict(x[out]) == kind[out])
    assert row["trials"][0]["score"] == pytest.approx(np.mean(right), abs=0.04)


def test_results_survive_their_file(table: str) -> None:
    load(table).fit(out="run")
    results = Results.from_json(compared("run"))
    assert results.ranking[0] == results.winner
    assert json.loads(json.dumps(results.to_json())) == {
        key: value for key, value in compared("run").items() if key not in ("format", "fingerprint")
    }


def test_several_runs_divide_the_budget_and_say_so(
    table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", table, "--output", "kind", "epochs=1", "output.baselines=[]", "--out", "f"]
    assert main([*words, "--folds", "2"]) == 0
    assert "every run compares the candidates by itself" in capsys.readouterr().err
    assert compared("f/fold-1")["budget"] == compared("f/fold-2")["budget"] == "medium"


def test_show_names_the_candidates_and_trains_nothing(
    table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", table, "--output", "kind"]) == 0
    assert "compares 3 candidates for the net: ffn (default), tiny net, linear" in " ".join(
        capsys.readouterr().err.split()
    )


def test_tiny_comparison_takes_little_time(table: str) -> None:
    def seconds(budget: str) -> float:
        started = process_time()
        load(table, epochs=2).fit(out=budget, budget=budget)
        return process_time() - started

    alone = seconds("none")
    assert seconds("small") < alone + 1.5


def test_net_auto_is_a_valid_task() -> None:
    written = (Path(__file__).parents[2] / "docs" / "task.schema.json").read_text(encoding="utf-8")
    process = jsonschema.Draft202012Validator(json.loads(written)["properties"]["process"])
    assert process.is_valid({"net": "auto"}) and process.is_valid({"net": "auto", "epochs": 3})
    assert not process.is_valid({"net": "automatic"})
