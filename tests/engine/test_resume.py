"""Resume: a run that was killed, stopped or damaged ends with the same values."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import RunError, StoppedError
from kissipo.core.task import split_argument
from kissipo.engine.checkpoint import LAST, PREVIOUS, load_checkpoint
from kissipo.runs.callback import Callback

WHOLE, BROKEN = Path("whole"), Path("broken")
LONG = [
    "digits",
    "epochs=160",
    "early_stopping=0",
    "schedule=cosine",
    "l2=0.0001",
    "clip_norm=5",
    "baselines=[majority]",
]
SHORT = {"process.epochs": 6, "output.baselines": ["majority"]}
TASKS: dict[str, tuple[list[str], str, int, int]] = {
    "table": (
        [
            "cancer.csv",
            "--output",
            "kind",
            "early_stopping=40",
            "batch_size=8",
            "baselines=[majority]",
        ],
        "epochs",
        6,
        60,
    ),
    "series": (
        [
            "sunspots",
            "net=recurrent",
            "units=8",
            "dropout=0.2",
            "schedule=one_cycle",
            "early_stopping=8",
            "baselines=[naive]",
        ],
        "epochs",
        6,
        60,
    ),
    "words": (
        [
            "messages.csv",
            "--output",
            "kind",
            "net=recurrent",
            "cell=gru",
            "units=6",
            "early_stopping=0",
            "baselines=[majority]",
        ],
        "epochs",
        6,
        90,
    ),
    "text cnn": (
        [
            "messages.csv",
            "--output",
            "kind",
            "net=text_cnn",
            "filters=4",
            "embedding_dim=6",
            "early_stopping=0",
            "baselines=[majority]",
        ],
        "epochs",
        6,
        90,
    ),
    "characters": (
        ["novel.txt", "units=12", "dropout=0.1", "early_stopping=0", "optimizer=rmsprop"],
        "epochs",
        4,
        6,
    ),
    "racing": (["racing", "output.episodes=100"], "process.episodes", 500, 20000),
    "frozen-lake": (["frozen-lake", "output.episodes=100"], "process.episodes", 500, 8000),
    "cartpole": (
        [
            "cartpole",
            "buffer_size=600",
            "learning_starts=64",
            "update_every=40",
            "updates=4",
            "n_step=3",
            "select_start=15",
            "select_every=200",
            "select_episodes=2",
            "confirm_episodes=2",
            "solved_return=500",
            "output.episodes=5",
        ],
        "process.steps",
        1_600,
        60_000,
    ),
    "playground": (["playground"], "epochs", 20, 400),
    "images": (
        [
            "digits",
            "net=cnn",
            "filters=[4]",
            "units=[8]",
            "augment=[flip,crop,rotate,color]",
            "label_smoothing=0.1",
            "class_weights=balanced",
            "mixup=0.2",
            "ema=0.9",
            "early_stopping=0",
            "baselines=[majority]",
        ],
        "epochs",
        5,
        60,
    ),
    "photos on disk": (
        [
            "photos",
            "memory_limit=0",
            "input.size=8",
            "filters=[4]",
            "units=[8]",
            "augment=[flip,crop]",
            "batch_size=16",
            "early_stopping=0",
            "baselines=[majority]",
        ],
        "epochs",
        5,
        60,
    ),
    "two answers": (["two.yaml"], "epochs", 6, 60),
}
Start = Callable[..., "subprocess.Popen[str]"]
Stop = Callable[..., str]
SameRun = Callable[[Path, Path], None]
Refusal = Callable[..., str]


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the data that the tasks need."""
    folder = tmp_path_factory.mktemp("tasks")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_tasks()
    return folder


@pytest.fixture
def own_tasks(tasks: Path) -> None:
    """Links to these data in the folder of the test."""
    for path in tasks.iterdir():
        Path(path.name).symlink_to(path)


def write_tasks() -> None:
    """Writes a table, messages, prose and images from the data sets of scikit-learn."""
    cancer = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "kind"})
    cancer.to_csv("cancer.csv", index=False)
    lines = [line.replace('"', "") for line in load_wine().DESCR.splitlines() if line.strip()] * 3
    rows = [f'"{text}",{"short" if len(text) < 50 else "long"}' for text in lines]
    Path("messages.csv").write_text("\n".join(["message,kind", *rows]), encoding="utf-8")
    for number, (pixels, digit) in enumerate(zip(*load_digits(return_X_y=True), strict=True)):
        if digit < 2:
            Path("photos", str(digit)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.reshape(8, 8).astype("uint8") * 15).save(
                f"photos/{digit}/{number}.png"
            )
    Path("novel.txt").write_text(load_breast_cancer().DESCR, encoding="utf-8")
    Path("two.yaml").write_text(
        "input: {table: cancer.csv}\nprocess: {early_stopping: 0, dropout: 0.2}\n"
        "output: [{category: kind, baselines: [majority]}, "
        "{number: mean radius, baselines: [mean]}]",
        encoding="utf-8",
    )


def fit(*arguments: str) -> None:
    assert main(["fit", *arguments, "--quiet"]) == 0


@pytest.fixture(scope="module")
def stopped_twice(tmp_path_factory: pytest.TempPathFactory, interrupter: Any) -> Path:
    """A run of the digits, interrupted in the third and in the fifth epoch of six."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    for epoch in (2, 4):
        with pytest.raises(StoppedError):
            ki.load("digits", words=SHORT).fit(
                out=folder, resume=folder.exists(), callbacks=[interrupter(epoch)]
            )
    return folder


@pytest.fixture
def stopped(stopped_twice: Path) -> Path:
    """A copy of that run which a test may damage."""
    return Path(shutil.copytree(stopped_twice, BROKEN))


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run without an interruption."""
    return ki.load("digits", words=SHORT).fit(out=tmp_path_factory.mktemp("whole") / "run").folder


@pytest.mark.slow
def test_resume_digits_killed_twice_and_stopped_by_ctrl_c(
    start: Start, stop_while_training: Stop, generator: Random, assert_same_run: SameRun
) -> None:
    fit(*LONG, "--out", str(WHOLE))
    for by in (signal.SIGKILL, signal.SIGKILL, signal.SIGINT):
        resume = ["--resume"] if BROKEN.exists() else []
        process = start(*LONG, "--out", str(BROKEN), "--quiet", *resume)
        output = stop_while_training(process, BROKEN, later=generator.uniform(0, 0.15), by=by)
        assert process.returncode == (-signal.SIGKILL if by == signal.SIGKILL else 130)
        if by != signal.SIGKILL:
            assert output.startswith("kissipo: stopped in epoch ")
            assert output.endswith(
                f" of 40. Everything is saved: resume with --resume --out {BROKEN}.\n"
            )
    fit(*LONG, "--out", str(BROKEN), "--resume")
    assert_same_run(WHOLE, BROKEN)


@pytest.mark.parametrize("name", TASKS)
def test_resume_every_kind_of_task_interrupted_twice(
    name: str, interrupter: Any, assert_same_run: SameRun, own_tasks: None
) -> None:
    (data, *words), word, short, _ = TASKS[name]
    output = words[1] if words[:1] == ["--output"] else None
    changes = {**dict(map(split_argument, words[2 if output else 0 :])), word: short}
    task = ki.load(data, output=output, words=changes)
    task.fit(out=WHOLE)
    for epoch in (1, 3):
        with pytest.raises(StoppedError):
            task.fit(out=BROKEN, resume=BROKEN.exists(), callbacks=[interrupter(epoch)])
    task.fit(out=BROKEN, resume=True)
    assert_same_run(WHOLE, BROKEN)


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_resume_every_kind_of_task_killed(
    name: str,
    start: Start,
    stop_while_training: Stop,
    generator: Random,
    assert_same_run: SameRun,
    own_tasks: None,
) -> None:
    words, word, _, long = TASKS[name]
    words = [*words, f"{word}={long}"]
    fit(*words, "--out", str(WHOLE))
    stop_while_training(
        start(*words, "--out", str(BROKEN), "--quiet"), BROKEN, later=generator.uniform(0, 0.1)
    )
    fit(*words, "--out", str(BROKEN), "--resume")
    assert_same_run(WHOLE, BROKEN)


@pytest.mark.slow
def test_resume_mnist_killed_at_random_times_and_while_writing(
    data: Path, start: Start, stop_while_training: Stop, generator: Random, assert_same_run: SameRun
) -> None:
    fit("mnist", "--out", str(WHOLE))
    begin = ["mnist", "--out", str(BROKEN), "--quiet"]
    for _ in range(3):
        resume = ["--resume"] if BROKEN.exists() else []
        stop_while_training(start(*begin, *resume), BROKEN, later=generator.uniform(0, 1))
    process, part = start(*begin, "--resume"), BROKEN / "checkpoints" / f"{LAST}.part"
    while not part.exists():
        assert process.poll() is None
    process.kill()
    process.wait()
    whole = load_checkpoint(BROKEN / "checkpoints")
    assert whole is not None
    assert whole[1] == ""
    (BROKEN / "checkpoints" / LAST).write_bytes(
        part.read_bytes()[:100_000] if part.exists() else b""
    )
    fit("mnist", "--out", str(BROKEN), "--resume")
    assert "the last checkpoint is damaged" in (BROKEN / "log.txt").read_text(encoding="utf-8")
    assert_same_run(WHOLE, BROKEN)


class KilledAtTheStart(Callback):
    """Kills its process when the run folder exists."""

    def on_folder(self, path: Path) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_resume_without_any_checkpoint(one_thread: None, assert_same_run: SameRun) -> None:
    words = ["digits", "epochs=6", "baselines=[majority]"]
    fit(*words, "--seed", "3", "--out", str(WHOLE))
    child = os.fork()
    if not child:
        ki.load("digits", words=SHORT).fit(seed=3, out=BROKEN, callbacks=[KilledAtTheStart()])
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert BROKEN.exists() and not (BROKEN / "checkpoints" / LAST).exists()
    fit(*words, "--out", str(BROKEN), "--resume")
    assert "there is no checkpoint yet: the training starts from the beginning" in (
        BROKEN / "log.txt"
    ).read_text(encoding="utf-8")
    assert_same_run(WHOLE, BROKEN)


def test_resume_uses_the_previous_checkpoint_after_a_truncated_one(
    stopped: Path, whole_run: Path, interrupter: Any, assert_same_run: SameRun
) -> None:
    last = stopped / "checkpoints" / LAST
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    witness = interrupter()
    task = ki.load("digits", words=SHORT)
    task.fit(out=stopped, resume=True, callbacks=[witness])
    assert witness.notes[0].startswith(f"the last checkpoint is damaged ({LAST}: ")
    assert witness.notes[0].endswith("; the previous one is used")
    assert witness.notes[1] == "resuming in epoch 3, step 1"
    assert_same_run(whole_run, stopped)


def test_resume_refuses_two_damaged_checkpoints(stopped: Path, refusal: Refusal) -> None:
    for name in (LAST, PREVIOUS):
        (stopped / "checkpoints" / name).write_bytes(b"")
    message = refusal(
        "fit",
        "--quiet",
        "digits",
        "epochs=6",
        "baselines=[majority]",
        "--resume",
        "--out",
        str(stopped),
        resumed=True,
    )
    assert "no checkpoint in broken/checkpoints can be read (last.safetensors: " in message
    assert message.endswith("Start again without --resume.\n")


def test_full_disk_while_saving_loses_nothing(
    stopped: Path, whole_run: Path, refusal: Refusal, assert_same_run: SameRun
) -> None:
    saved = (stopped / "checkpoints" / LAST).read_bytes()
    (stopped / "checkpoints" / f"{LAST}.part").symlink_to("/dev/full")
    words = ["digits", "epochs=6", "baselines=[majority]", "--out"]
    message = refusal("fit", "--quiet", *words, str(stopped), "--resume", resumed=True)
    assert (
        "no space left to write broken/checkpoints/last.safetensors. "
        "Free some space, then resume with --resume" in message
    )
    assert (stopped / "checkpoints" / LAST).read_bytes() == saved
    fit(*words, str(stopped), "--resume")
    assert_same_run(whole_run, stopped)


def test_full_disk_for_the_log_is_reported(stopped: Path, refusal: Refusal) -> None:
    (stopped / "log.txt").symlink_to("/dev/full")
    message = refusal(
        "fit",
        "--quiet",
        "digits",
        "epochs=6",
        "baselines=[majority]",
        "--out",
        str(stopped),
        "--resume",
    )
    assert "there is no space left on the disk; free some space, then use --resume" in message


@pytest.mark.parametrize("name", ["digits", "racing"])
def test_resume_of_a_finished_run_changes_nothing(name: str, assert_same_run: SameRun) -> None:
    words = ["epochs=2", "baselines=[majority]"] if name == "digits" else ["process.episodes=500"]
    fit(name, *words, "--out", str(BROKEN))
    shutil.copytree(BROKEN, WHOLE)
    fit(name, *words, "--out", str(BROKEN), "--resume")
    assert "resuming to the end: the training was already done" in (BROKEN / "log.txt").read_text(
        encoding="utf-8"
    )
    assert_same_run(WHOLE, BROKEN)


@pytest.mark.parametrize(
    ("out", "folder"), [(None, "runs/equations-1"), ("new", "new"), ("empty", "empty")]
)
def test_resume_without_a_run_starts_one(
    out: str | None, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    where = [] if out is None else ["--out", out]
    assert main(["fit", "equations", "process.epochs=2", "--resume", *where]) == 0
    assert f"there is no run to resume: a new run starts in {folder}" in capsys.readouterr().err
    ki.load("equations", words={"process.epochs": 2}).fit(out="plain")
    assert (Path(folder) / "model.safetensors").read_bytes() == Path(
        "plain/model.safetensors"
    ).read_bytes()


def test_resume_refuses_a_folder_that_is_not_a_run(refusal: Refusal) -> None:
    Path("other").mkdir()
    Path("other/letter.txt").write_text("Dear reader", encoding="utf-8")
    assert "other is not a complete run: data.json is missing." in refusal(
        "fit", "--quiet", "digits", "--resume", "--out", "other"
    )


def test_resume_by_name_takes_the_latest_run(interrupter: Any) -> None:
    task = ki.load("digits", words=SHORT)
    first = task.fit()
    with pytest.raises(StoppedError, match=r"resume with --resume --out runs/digits-2$"):
        task.fit(seed=1, callbacks=[interrupter(3)])
    before = (first.folder / "metrics.json").stat().st_mtime_ns
    again = task.fit(resume=True)
    assert (again.folder, again.seed) == (Path("runs/digits-2"), 1)
    assert (first.folder / "metrics.json").stat().st_mtime_ns == before


def test_fit_does_not_overwrite_a_run(stopped: Path, refusal: Refusal) -> None:
    message = refusal("fit", "--quiet", "digits", "--out", str(stopped))
    assert (
        "broken exists already. Choose another --out, remove it, or resume that run with --resume."
        in message
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ["epochs=7"],
            "another process.epochs; got 7, before 6. To resume it, use process.epochs=6; "
            "or start a new run without --resume.",
        ),
        (["net=cnn"], "another process.net; got cnn, before ffn."),
        (["early_stopping=3"], "another process.early_stopping; got 3, before {patience: 20}."),
        (
            ["split.test=0.3"],
            "another input.split; got {test: 0.3}, before {test: 0.2, validation: 0.1}.",
        ),
        (
            ["baselines=[random_forest]"],
            "another output.baselines; got [random_forest], before [majority].",
        ),
        (["--seed", "1"], "another seed; got 1, before 0. To resume it, use --seed 0; or start"),
    ],
)
def test_resume_refuses_other_options(
    words: list[str], reason: str, stopped: Path, refusal: Refusal
) -> None:
    message = refusal(
        "fit",
        "--quiet",
        "digits",
        "epochs=6",
        "baselines=[majority]",
        *words,
        "--resume",
        "--out",
        str(stopped),
    )
    assert f"the run in broken was started with {reason}" in message


def test_resume_accepts_equivalent_options(
    stopped: Path, whole_run: Path, assert_same_run: SameRun
) -> None:
    words = [
        "epochs=6",
        "baselines=[majority]",
        "early_stopping={patience: 20}",
        "units=256",
        "split={test: 0.2}",
        "loss=null",
    ]
    fit("digits", *words, "--seed", "0", "--resume", "--out", str(stopped))
    assert_same_run(whole_run, stopped)


def test_resume_refuses_other_data_but_accepts_another_path(
    interrupter: Any, refusal: Refusal
) -> None:
    write_tasks()
    task = ki.load("cancer.csv", output="kind", words=SHORT)
    with pytest.raises(StoppedError):
        task.fit(out=BROKEN, callbacks=[interrupter(2)])
    Path("deeper").mkdir()
    words = [
        "--output",
        "kind",
        "epochs=6",
        "baselines=[majority]",
        "--resume",
        "--out",
        str(BROKEN),
    ]
    fit("deeper/../cancer.csv", *words)
    frame = pd.read_csv("cancer.csv")
    frame.loc[17, "mean area"] += 1
    frame.to_csv("cancer.csv", index=False)
    message = refusal("fit", "--quiet", "cancer.csv", *words)
    assert "have changed since the run in broken started. " in message
    assert "Start a new run without --resume." in message


def test_resume_of_data_from_python_needs_the_data_again(
    interrupter: Any, assert_same_run: SameRun
) -> None:
    def task(frame: pd.DataFrame) -> ki.Task:
        return ki.Task(input={"table": frame}, process={"epochs": 4}, output={"category": "target"})

    frame = load_wine(as_frame=True).frame
    task(frame).fit(out=WHOLE)
    with pytest.raises(StoppedError):
        task(frame).fit(out=BROKEN, callbacks=[interrupter(2)])
    with pytest.raises(RunError, match="have changed since the run in broken started"):
        task(frame.iloc[:-1]).fit(out=BROKEN, resume=True)
    task(frame).fit(out=BROKEN, resume=True)
    assert_same_run(WHOLE, BROKEN)


@pytest.mark.slow
def test_resume_one_of_several_seeds(start: Start, stop_while_training: Stop) -> None:
    seed = Path("several", "seed-0")
    process = start(*LONG, "--seeds", "2", "--out", "several")
    message = stop_while_training(process, seed, later=0, by=signal.SIGINT)
    assert process.returncode == 130
    assert "resume with --resume --out several/seed-0." in message
    fit(*LONG, "--resume", "--out", str(seed))
    assert json.loads((seed / "data.json").read_text(encoding="utf-8"))["seed"] == 0


def test_a_run_folder_in_the_place_of_the_task_is_resumed() -> None:
    assert main(["fit", "equations", "process.epochs=2", "--out", "run"]) == 0
    assert main(["fit", "run", "--resume"]) == 0
    assert "resuming to the end" in Path("run/log.txt").read_text(encoding="utf-8")
    assert not Path("runs").exists()
