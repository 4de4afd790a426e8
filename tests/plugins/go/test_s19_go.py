"""S19: the lecture's game of go, 19 x 19, up to 361 moves.

A CNN performs much better than a feed-forward net.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError
from kissipo.pipeline.experiment import read_data
from kissipo.pipeline.parse import read_task
from kissipo.plugins.go.environments.go import point_names
from kissipo.plugins.go.generated_games import generate_games
from kissipo.runs import scores
from kissipo.runs.run import Run

Out = pytest.CaptureFixture[str]
SMALL = {"input.num_games": 12, "process.epochs": 1}


def as_sgf(moves: list[tuple[int, int | None]]) -> str:
    """A record as a server would write it."""
    letters = "abcdefghijklmnopqrs"
    points = (
        "" if point is None else letters[point % 19] + letters[point // 19] for _, point in moves
    )
    colors = ("B" if color == 1 else "W" for color, _ in moves)
    return (
        "(;GM[1]FF[4]SZ[19]"
        + "".join(f";{c}[{p}]" for c, p in zip(colors, points, strict=True))
        + ")"
    )


def write_games(folder: str, count: int) -> None:
    Path(folder).mkdir()
    for number, game in enumerate(generate_games(count, seed=0)):
        moves = [(move.color, move.point) for move in game.moves]
        Path(folder, f"{number:02d}.sgf").write_text(as_sgf(moves), encoding="utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return ki.load("go", words=SMALL).fit(out=tmp_path_factory.mktemp("runs") / "run")


def test_a_sample_is_the_matrix_of_the_lecture_and_one_of_361_moves(run: Run) -> None:
    pipeline = run.pipeline()
    batch = pipeline.datasets["train"].batch(slice(0, 3))
    assert batch.inputs[0].shape == (3, 1, 19, 19)
    assert set(torch.unique(batch.inputs[0]).tolist()) == {-1.0, 0.0, 1.0}
    names = [point_names(19)[move] for move in batch.targets[0].tolist()]
    assert names == pipeline.frame.take(pipeline.splits["train"][:3])["move"].texts()
    assert pipeline.answers[0].spec.shape == (361,)


def test_moves_of_a_game_stay_in_one_split(run: Run) -> None:
    pipeline = run.pipeline()
    sides = [set(pipeline.frame.take(part)["game"].texts()) for part in pipeline.splits.values()]
    assert [len(side) for side in sides] == [9, 1, 2]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_predicted_move_is_a_free_point(run: Run) -> None:
    pipeline = run.pipeline()
    boards = [str(board) for board in pipeline.frame.take(pipeline.splits["test"])["board"].texts()]
    decided = run.predict(*boards)
    assert isinstance(decided, list)
    index_of = point_names(19).index
    assert all(
        board[index_of(prediction)] == "."
        for board, prediction in zip(boards, decided, strict=True)
    )
    dataset = pipeline.datasets["test"].everything()
    with torch.no_grad():
        shares = run.net(*dataset.inputs).softmax(1)
    assert float(shares[dataset.inputs[0].flatten(1) != 0].sum()) == 0.0


def test_a_record_is_answered_by_its_next_move(run: Run, capsys: Out) -> None:
    Path("game.sgf").write_text("(;SZ[19];B[pd];W[dp])", encoding="utf-8")
    assert main(["predict", str(run.folder), "game.sgf", "--json"]) == 0
    (prediction,) = json.loads(capsys.readouterr().out)["predictions"]
    board = np.zeros((19, 19), dtype=int)
    board[3, 15], board[15, 3] = 1, -1  # Q16 and D4; Black is next
    decided = run.predict_all([board])[0][0][0]
    assert run.predict(board) == decided.value
    assert (prediction["move"]["answer"], prediction["move"]["confidence"]) == (
        decided.value,
        pytest.approx(decided.confidence),
    )
    assert len(prediction["move"]["others"]) == 3
    assert main(["predict", str(run.folder), "--file", "game.sgf"]) == 0
    assert capsys.readouterr().out.split() == [decided.value, f"{decided.confidence:.4f}"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("small.sgf", "(;SZ[9];B[cc])", "small.sgf is a game on 9x9. Allowed: 19x19."),
        (
            "broken.sgf",
            "(;SZ[19];B[cc",
            "broken.sgf: line 1, column 11: the value of B that begins here is not closed.",
        ),
        (
            "othello.sgf",
            "(;GM[2]SZ[19];B[cc])",
            "othello.sgf is a record of another game. Allowed: go, which is GM[1].",
        ),
        ("absent.sgf", "", "there is no file absent.sgf."),
    ],
)
def test_invalid_game_is_refused(
    run: Run, name: str, content: str, message: str, capsys: Out
) -> None:
    if content:
        Path(name).write_text(content, encoding="utf-8")
    assert main(["predict", str(run.folder), name]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("odd", [3, -2, 0.5, "a", None])
def test_invalid_board_is_refused(run: Run, odd: object) -> None:
    board = np.zeros((19, 19), dtype=object)
    board[4, 4] = odd
    with pytest.raises(
        DataError, match=r"a board as an array holds numbers; got .* Allowed: 1 own stones, -1 the"
    ):
        run.predict(board)


def test_the_report_draws_the_boards_of_the_worst_mistakes(
    run: Run, content_of: Callable[[Path], Any], records_of: Callable[..., Any]
) -> None:
    content = content_of(run.folder / "report.html")
    (gallery,) = (item for item in records_of(content, "gallery") if item["groups"])
    assert any(
        line["text"].startswith("Black is to move on every board: the green square")
        for line in records_of(content, "line")
    )
    names = point_names(19)
    frame = run.pipeline().frame
    samples = {
        f"{frame['game'].show(row)}, move {frame['number'].show(row)}": row
        for row in run.pipeline().splits["test"].tolist()
    }
    assert len(gallery["groups"]) == len(gallery["captions"]) == 12
    for (drawn,), caption in zip(gallery["groups"], gallery["captions"], strict=True):
        board, (place, words) = drawn["lattice"], caption.split(": ", 1)
        row = samples[place]
        assert (board["columns"], board["rows"]) == (19, 19)
        letters = frame["board"].texts()[row]
        assert letters is not None
        for letter, color in (("X", "black"), ("O", "white")):
            stones = [point for point, other in enumerate(letters) if other == letter]
            assert [x + 19 * y for x, y in board["crossings"][color]] == stones
        ((column, line),) = board["crossings"]["square"]
        assert names[column + 19 * line] == frame["move"].texts()[row]
        ((column, line),) = board["crossings"]["ring"]
        assert names[column + 19 * line] in words
        assert board["crossings"]["ring"] != board["crossings"]["square"]


def test_metrics_equal_those_of_the_predictions(run: Run) -> None:
    """Accuracy and top-5 accuracy are counted from the predictions."""
    pipeline = run.pipeline()
    dataset = pipeline.datasets["test"].everything()
    with torch.no_grad():
        top = run.net(*dataset.inputs).topk(5).indices
    right = top == dataset.targets[0][:, None]
    metrics = run.metrics["answers"][0]["metrics"]
    assert metrics["accuracy"] == pytest.approx(float(right[:, 0].float().mean()))
    assert metrics["top_5"] == pytest.approx(float(right.any(1).float().mean()))
    assert list(run.metrics["answers"][0]["baselines"]) == [
        "majority class",
        "5 nearest neighbors",
        "3x3 local patterns",
    ]


def test_baselines_see_the_same_boards(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "_MAX_VALUES", 1_000)
    (again,) = run.evaluate()
    assert {name: baseline.metrics for name, baseline in again.baselines.items()} == run.metrics[
        "answers"
    ][0]["baselines"]
    assert "simple_answers" not in again.net.details


def test_a_folder_of_records_is_this_task_without_further_words(capsys: Out) -> None:
    write_games("sgf", 12)
    task = ki.load("sgf")
    named = ki.load(
        {"input": {"games": "sgf"}, "process": {"net": "cnn"}, "output": {"category": "move"}}
    )
    assert named.complete().process == task.complete().process
    assert (task.input["games"], task.output, task.name) == ("sgf", {"category": "move"}, "sgf")
    short = ["epochs=1", "process.filters=[4]", "output.baselines=[majority]"]
    assert main(["fit", "sgf", *short, "--out", "run"]) == 0
    output = " ".join("".join(capsys.readouterr()).split())
    assert "PASS 12 games, 1,440 moves" in output
    assert "process.net=cnn a board is like an image" in output
    assert "process.pool_size=1" in output and "process.flatten=False" in output
    words = [
        "input.games=sgf",
        "output.category=move",
        "process.net=cnn",
        *short,
    ]
    assert main(["fit", *words, "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == "runs/games-1"
    write_games("others", 3)
    assert main(["evaluate", "run", "others"]) == 0
    assert "model" in capsys.readouterr().out


def test_records_that_were_written_are_read_back_as_the_same_samples() -> None:
    write_games("sgf", 3)
    read, generated = (
        ki.load("go", words={"input.games": source, "input.num_games": 3})
        for source in ("sgf", "generated")
    )
    one, two = (
        read_data(read_task(task)).frame.only(["number", "board", "move"])
        for task in (read, generated)
    )
    assert one.fingerprint() == two.fingerprint()


@pytest.mark.slow
def test_a_convolutional_net_plays_much_better_than_a_feed_forward_one() -> None:
    answers = {name: ki.load(name).fit().metrics["answers"][0] for name in ("go", "go-dense")}
    convolutional, dense = (answers[name]["metrics"]["accuracy"] for name in ("go", "go-dense"))
    assert convolutional > 10 * dense
    assert convolutional > answers["go"]["baselines"]["3x3 local patterns"]["accuracy"] + 0.1
