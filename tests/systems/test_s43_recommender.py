"""S43: ratings are predicted, items ranked, with reasons; implicit feedback."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.batch import Batch
from kissipo.core.errors import DataError, StoppedError, TaskError
from kissipo.input.split import Split, split_rows
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answers.rating import Rating
from kissipo.process.algorithms.bpr import Bpr
from kissipo.process.algorithms.bpr import Options as BprOptions
from kissipo.process.losses.bpr import loss as bpr_loss
from kissipo.process.nets import recommender
from kissipo.recipes.movielens import RECIPE

Rows = list[tuple[object, ...]]
HEAD = ("user", "film", "stars", "time")
SHORT = {"epochs": 3, "embedding_dim": 4, "input.batch_size": 64, "output.decode.top_k": 4}


def rated(*, users: int = 40, films: int = 24) -> Rows:
    """Users with an even number like films with an even number, others the others.

    Ids have gaps, and rows stand in any order.
    """
    generator = np.random.default_rng(3)
    rows: Rows = []
    for user in range(users):
        for film in generator.choice(films, 12, replace=False).tolist():
            stars = 4 + generator.integers(0, 2) if (user + film) % 2 == 0 else 1
            rows.append((f"u{7 * user}", f"film {100 + 3 * film}", int(stars), 1000 + len(rows)))
    return [rows[place] for place in generator.permutation(len(rows))]


def write(rows: Rows, name: str = "ratings.csv", head: tuple[str, ...] = HEAD) -> str:
    with open(name, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([*([head] if head else []), *rows])
    return name


def task_on(path: str, **words: object) -> ki.Task:
    """A short task on a file; `words` are options of any part."""
    named = {"user": "user", "item": "film", "net": "recommender", **SHORT, **words}
    return ki.load(path, words={"output.rating": "stars", **named})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ki.Run:
    """A run long enough to learn who likes what."""
    folder = tmp_path_factory.mktemp("s43")
    path = write(rated(), str(folder / "ratings.csv"))
    words = {"epochs": 40, "process.embedding_l2": 0.02, "process.learning_rate": 0.02}
    return task_on(path, **words).fit(out=folder / "run", seed=1)


def test_rating_is_the_sum_of_biases_and_the_dot_product(run: ki.Run) -> None:
    net: Any = run.net
    user, film = (codec.categories for codec in run.codecs)  # type: ignore[attr-defined]
    name, title = user[3], film[5]
    inner = net.user.weight[4] @ net.item.weight[6]
    total = (inner + net.user_bias.weight[4, 0] + net.item_bias.weight[6, 0]).item()
    fitted = run.answers[0].codec.fitted  # type: ignore[attr-defined]
    expected = np.clip(fitted.center[0] + fitted.spread[0] * total, 1, 5)
    assert run.predict({"user": name, "film": title}) == pytest.approx(expected, abs=1e-5)


def test_model_is_better_than_biases_and_ranks_the_films_of_the_right_kind(run: ki.Run) -> None:
    score = run.metrics["answers"][0]
    biases = score["baselines"]["user and item biases"]
    assert score["metrics"]["rmse"] < 0.7 * biases["rmse"]
    assert score["metrics"]["ndcg_at_4"] > biases["ndcg_at_4"]
    assert score["details"]["ranking"]["most popular"]["recall_at_4"] <= 1


def test_recommended_films_are_unrated_and_their_reasons_are_the_nearest_liked(
    run: ki.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for row in rated() if row[0] == "u14"]
    films = {str(row[1]): float(str(row[2])) for row in rows}
    assert main(["predict", str(run.folder), "u14", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)["predictions"][0]["stars"]
    assert len(entry["answer"]) == 4 and not set(entry["answer"]) & set(films)
    scores = [item["score"] for item in entry["recommended"]]
    assert scores == sorted(scores, reverse=True)
    every = run.codecs[1].categories  # type: ignore[attr-defined]
    expected = {title: run.predict({"user": "u14", "film": title}) for title in every}
    unrated = sorted(set(every) - set(films), key=lambda title: -float(str(expected[title])))
    best = unrated[:4]
    assert sorted(entry["answer"]) == sorted(best)
    net: Any = run.net
    vectors = dict(zip(every, net.item.weight[1:].detach(), strict=True))
    for item in entry["recommended"]:
        cosines = {
            title: float(torch.cosine_similarity(vectors[item["item"]], vectors[title], dim=0))
            for title, stars in films.items()
            if stars >= 4 and title in vectors
        }
        nearest = sorted(cosines, key=lambda title: -cosines[title])[:3]
        assert [reason["item"] for reason in item["reasons"]] == nearest
        for reason in item["reasons"]:
            assert reason["cosine"] == pytest.approx(cosines[reason["item"]], abs=1e-5)
            assert reason["rating"] == films[reason["item"]]


def test_new_user_and_new_film_are_answered_by_biases(
    run: ki.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    net: Any = run.net
    fitted = run.answers[0].codec.fitted  # type: ignore[attr-defined]
    film = run.codecs[1].categories[0]  # type: ignore[attr-defined]
    expected = fitted.center[0] + fitted.spread[0] * float(net.item_bias.weight[1, 0])
    assert main(["predict", str(run.folder), "user=nobody", f"film={film}"]) == 0
    printed = capsys.readouterr()
    assert float(printed.out) == pytest.approx(expected, abs=1e-4)
    remark = " ".join(printed.err.split())
    assert "1 value of 'user' never seen in training ('nobody')" in remark
    assert "neither an embedding nor a bias of its own" in remark
    assert main(["predict", str(run.folder), "user=nobody", "film=no film"]) == 0
    assert float(capsys.readouterr().out) == pytest.approx(fitted.center[0], abs=1e-4)
    assert main(["predict", str(run.folder), "nobody"]) == 0
    lines = capsys.readouterr().out.splitlines()
    order = np.argsort(-net.item_bias.weight[1:, 0].detach().numpy(), kind="stable")[:4]
    names = run.codecs[1].categories  # type: ignore[attr-defined]
    assert [line.split("\t")[1] for line in lines] == [names[place] for place in order]


def test_new_users_are_answered_by_biases_beside_hidden_layers() -> None:
    ids = [recommender.TensorSpec(name, (), (), vocab_size=6) for name in ("user", "film")]
    stars = recommender.TensorSpec("stars", ("answer",), (1,))
    options = recommender.Options(embedding_dim=3, units=(5,))
    net: Any = recommender.build(tuple(ids), (stars,), options).eval()
    with torch.no_grad():
        net.item_bias.weight[1:].normal_()
    user, film = torch.tensor([0, 2, 2]), torch.tensor([4, 0, 4])
    outputs = net(user, film)[:, 0]
    assert outputs[0] == net.item_bias.weight[4, 0] and outputs[1] == net.user_bias.weight[2, 0]
    hidden = net.dense(torch.cat([net.user.weight[2], net.item.weight[4]]))
    assert torch.allclose(outputs[2], hidden[0] + net.item_bias.weight[4, 0])


def test_penalty_is_the_mean_of_the_squares_that_a_sample_looks_up() -> None:
    ids = [recommender.TensorSpec(name, (), (), vocab_size=4) for name in ("user", "film")]
    stars = recommender.TensorSpec("stars", ("answer",), (1,))
    options = recommender.Options(embedding_dim=2, embedding_l2=0.5, bias_l2=0.25)
    net: Any = recommender.build(tuple(ids), (stars,), options)
    with torch.no_grad():
        net.user.weight[1], net.user.weight[2] = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
        net.item.weight[3] = torch.tensor([2.0, 0.0])
        net.user_bias.weight[1], net.item_bias.weight[3] = 4.0, -2.0
    by_hand = (0.5 * (5 + 4) + 0.25 * (16 + 4) + 0.5 * (9 + 4) + 0.25 * 4) / 2
    penalty = net.penalty(torch.tensor([1, 2]), torch.tensor([3, 3]))
    assert penalty.item() == pytest.approx(by_hand)


def test_bpr_gradient_by_hand() -> None:
    """Two pairs of items with the differences 0 and log 3: sigmoid is 1/2 and 3/4."""
    first = torch.tensor([[0.5], [1.0]], requires_grad=True)
    other = torch.tensor([[0.5], [1.0 - float(np.log(3))]], requires_grad=True)
    value = bpr_loss(first - other, torch.ones(2, 1))
    assert value.item() == pytest.approx((np.log(2) + np.log(4 / 3)) / 2, rel=1e-6)
    value.backward()
    assert first.grad is not None and other.grad is not None
    assert first.grad[:, 0].tolist() == pytest.approx([-1 / 4, -1 / 8])
    assert other.grad[:, 0].tolist() == pytest.approx([1 / 4, 1 / 8])


def test_bpr_draws_items_that_the_user_has_not_chosen_and_depends_on_the_step_alone() -> None:
    generator = np.random.default_rng(0)
    users = torch.from_numpy(generator.integers(1, 9, 200))
    films = torch.from_numpy(generator.integers(1, 60, 200))
    films[0] = 60
    ids = [
        recommender.TensorSpec("user", (), (), vocab_size=9),
        recommender.TensorSpec("film", (), (), vocab_size=61),
    ]
    stars = recommender.TensorSpec("stars", ("answer",), (1,))
    net = recommender.build(tuple(ids), (stars,), recommender.Options(embedding_dim=2))
    algorithm = Bpr(net, (bpr_loss,), BprOptions(num_candidates=3), total_steps=9)
    algorithm.begin(TensorDataset((users[:60], films[:60]), (torch.ones(60, 1),)))
    training = set(zip(users[:60].tolist(), films[:60].tolist(), strict=True))
    others = algorithm.candidates(users, 5)
    assert others.shape == (200, 3) and others.min() >= 1 and others.max() <= 60
    for user, row in zip(users.tolist(), others.tolist(), strict=True):
        assert not {(user, film) for film in row} & training
    assert torch.equal(others, algorithm.candidates(users, 5))
    assert not torch.equal(others, algorithm.candidates(users, 6))
    batch = Batch((users[:4], films[:4]), (torch.ones(4, 1),))
    hardest = algorithm._with_others(batch, 5).inputs[1]
    for row, film in enumerate(hardest.tolist()):
        drawn = algorithm.candidates(users[:4], 5)[row]
        scores = net(users[row].repeat(3), drawn)[:, 0]
        assert film == drawn[scores.argmax()]
    assert algorithm.step(batch)["loss"].item() == pytest.approx(np.log(2), abs=0.01)


def test_implicit_feedback_ranks_better_than_popularity(tmp_path: Path) -> None:
    rows = [row[:2] for row in rated() if int(str(row[2])) > 1]
    path = write(rows, head=HEAD[:2])
    words = {"epochs": 30, "learning_rate": 0.02, "embedding_dim": 8}
    run = ki.load(path, words={"output.rating": "implicit", "item": "film", **words}).fit(out="r")
    score = run.metrics["answers"][0]
    assert score["main"] == "ndcg_at_10" and set(score["baselines"]) == {"most popular"}
    assert score["metrics"]["ndcg_at_10"] > score["baselines"]["most popular"]["ndcg_at_10"]
    own = {film for user, film in rows if user == "u14"}
    films = run.predict("u14")
    assert isinstance(films, list) and not set(films) & own
    assert "algorithm: bpr" in (run.folder / "task.yaml").read_text()


@pytest.mark.parametrize("words", [{}, {"output.rating": "implicit"}], ids=["ratings", "bpr"])
def test_resume_ends_with_the_same_bits(
    words: dict[str, object], interrupter: Any, assert_same_run: Callable[[Path, Path], None]
) -> None:
    task = task_on(write(rated()), **words)
    task.fit(out="whole", seed=4)
    with pytest.raises(StoppedError):
        task.fit(out="broken", seed=4, callbacks=[interrupter(2)])
    task.fit(out="broken", resume=True)
    assert_same_run(Path("whole"), Path("broken"))


def test_report_and_xray_show_terms_lists_and_reasons(
    run: ki.Run, content_of: Any, records_of: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    report = content_of(run.folder / "report.html")
    lists = records_of(report, "table", "Recommended items of some users")
    assert lists and lists[0]["titles"][-1] == "nearest liked items"
    assert all("cosine" in row[-1] for row in lists[0]["rows"])
    history: Any = run.answers[0].history  # type: ignore[attr-defined]
    users, films = (codec.categories for codec in run.codecs)  # type: ignore[attr-defined]
    details = json.loads((run.folder / "metrics.json").read_text())["answers"][0]["details"]
    for entry in details["lists"]:
        rows = history.of_user(users.index(entry["user"]) + 1)
        tested = {films[item - 1] for item in history.items[rows][history.parts[rows] == 2] if item}
        reasons = {reason["item"] for item in entry["items"] for reason in item["reasons"]}
        assert reasons and not reasons & tested
    assert records_of(report, "table", "Error by the number of ratings")
    assert main(["xray", str(run.folder), "--out", "page.html"]) == 0
    printed = capsys.readouterr().out
    for text in ("bias of the user", "bias of the item", "dot product of both vectors"):
        assert text in printed
    trace = run.trace()
    terms = {line[0]: line[1] for line in _rows_of(trace, "The rating as a sum")}
    values = [float(value) for name, value in terms.items() if name not in ("sum",)]
    total = sum(values[:4])
    assert total == pytest.approx(float(terms["sum"]), abs=3e-4)
    assert "state" not in trace.labels  # two inputs of ids would share these names
    assert [list(raw.columns) for raw in trace.raw_inputs] == [["user"], ["film"]]
    assert "Liked items nearest to this one" in Path("page.html").read_text(encoding="utf-8")


def test_a_user_who_liked_nothing_gets_films_without_reasons(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows: Rows = [(*row[:2], 1 if row[0] == "u0" else row[2], row[3]) for row in rated()]
    task_on(write(rows)).fit(out="run")
    capsys.readouterr()
    reasons = {}
    for user in ("u0", "u7"):
        assert main(["predict", "run", user, "--json"]) == 0
        entry = json.loads(capsys.readouterr().out)["predictions"][0]["stars"]
        reasons[user] = [len(item["reasons"]) for item in entry["recommended"]]
    assert reasons == {"u0": [0] * 4, "u7": [3] * 4}


def _rows_of(trace: Any, title: str) -> list[list[str]]:
    (section,) = [item for item in trace.sections if item.title == title]
    return [list(row) for row in section.content[0].rows]


def test_run_from_its_folder_evaluates_and_predicts_the_same(run: ki.Run) -> None:
    again = ki.open(run.folder)
    assert again.predict("u14") == run.predict("u14")
    assert again.evaluate()[0].net.metrics == run.metrics["answers"][0]["metrics"]
    assert again.answers[0].state() == run.answers[0].state()


def test_run_is_evaluated_on_other_ratings(run: ki.Run) -> None:
    rows = [("u14", "film 103", 1, 0), ("u14", "film 100", 5, 0), ("new", "film 100", 3, 0)]
    path = write([row[:3] for row in rows], "other.csv", HEAD[:3])
    (score,) = run.evaluate(path)
    predictions = [run.predict({"user": row[0], "film": row[1]}) for row in rows]
    errors = [float(str(y)) - float(str(row[2])) for y, row in zip(predictions, rows, strict=True)]
    assert score["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-6)
    assert set(score.net.metrics) == {"rmse", "mae"}


def test_implicit_run_is_not_evaluated_on_other_data() -> None:
    run = task_on(write(rated()), **{"output.rating": "implicit", "epochs": 1}).fit(out="run")
    other = write([row[:2] for row in rated()], "other.csv", HEAD[:2])
    with pytest.raises(TaskError, match="ranks items of its own test split only"):
        ki.open(run.folder).evaluate(other)


def test_side_features_are_read_and_given_for_new_users() -> None:
    rows = rated()
    kinds = [(f"film {100 + 3 * film}", "even" if film % 2 == 0 else "odd") for film in range(24)]
    people = [(f"u{7 * user}", user % 2, 20 + user) for user in range(40)]
    write(kinds, "films.csv", ("film", "kind"))
    write(people, "people.csv", ("user", "group", "age"))
    words = {
        "input.items": "films.csv",
        "input.users": "people.csv",
        "input.features": ["kind", "group", "age"],
        "epochs": 30,
        "learning_rate": 0.02,
        "process.embedding_l2": 0.001,
    }
    run = task_on(write(rows), **words).fit(out="run", seed=1)
    films = {"even": "film 100", "odd": "film 103"}
    row = {"user": "new", "group": 0, "age": 30}
    even, odd = (run.predict({**row, "film": films[kind]}) for kind in ("even", "odd"))
    assert isinstance(even, float) and isinstance(odd, float) and even > odd + 1
    short = run.predict({"user": "u0", "film": "film 100"})
    same = run.predict({"user": "u0", "film": "film 100", "group": 0, "age": 20, "kind": "even"})
    assert short == same
    assert ki.open("run").predict("u0") == run.predict("u0")


def test_split_leaves_the_last_rating_of_each_user_out() -> None:
    owners = np.array([0, 1, 0, 2, 1, 0, 1, 0, 3, 3])  # in order of time
    parts = split_rows(10, Split(method="leave_last_out"), seed=0, owners=owners)
    assert parts["test"].tolist() == [6, 7, 9] and parts["validation"].tolist() == [4, 5]
    assert parts["train"].tolist() == [0, 1, 2, 3, 8]
    with pytest.raises(TaskError, match="leave_last_out needs the users of ratings"):
        split_rows(10, Split(method="leave_last_out"), seed=0)


@pytest.mark.parametrize("method", ["time", "leave_last_out"])
def test_splits_follow_the_times_and_not_the_file(method: str) -> None:
    run = task_on(write(rated()), **{"input.split.method": method, "epochs": 1}).fit(out="run")
    pipeline = run.pipeline()
    time = pipeline.frame["time"].values
    train, test = (pipeline.splits[name] for name in ("train", "test"))
    if method == "time":
        assert time[train].max() < time[test].min()
        return
    user = np.array(pipeline.frame["user"].texts())
    assert len(test) == 40 and len(np.unique(user[test])) == 40
    for row in test:
        assert time[row] == time[user == user[row]].max()


def test_a_named_column_of_users_says_that_the_rows_are_ratings() -> None:
    rated_rows = ki.load(write(rated()), output="stars", words={"user": "user"})
    assert rated_rows.output.plain() == {"rating": "stars"}
    pairs = write([row[:2] for row in rated()], "pairs.csv", HEAD[:2])
    task = ki.load(pairs, words={"input.user": "user", "item": "film", **SHORT})
    assert task.input.plain()["ratings"] == pairs
    task.fit(out="run")
    assert "rating: implicit" in Path("run/task.yaml").read_text()


def test_file_without_a_header_has_the_columns_of_movielens() -> None:
    rows = [(int(str(row[0])[1:]), int(str(row[1])[5:]), *row[2:]) for row in rated()]
    path = write(rows, "u.data", ())
    Path(path).write_text(Path(path).read_text().replace(",", "\t"))
    run = task_on(path, epochs=1).fit(out="run")
    header = json.loads((run.folder / "data.json").read_text())
    assert (
        "input.header" in json.dumps(header) or "header:" in (run.folder / "task.yaml").read_text()
    )
    assert run.pipeline().frame.names == ["user", "film", "stars", "time"]
    assert isinstance(run.predict({"user": 14, "film": 103}), float)


def changed(place: int, value: object, *, every: int = 1) -> Rows:
    rows = [list(row) for row in rated()]
    for row in rows[::every]:
        row[place] = value
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("rows", "words", "message"),
    [
        (changed(2, 4), {}, "the ratings 'stars' are all equal, in all 480 rows; got 4. Use "),
        (changed(2, "good", every=50), {}, "'good' in row 1 of 'stars' is not a number"),
        (changed(2, "good"), {}, "the ratings 'stars' must be numbers; got texts such as 'good'"),
        (changed(2, ""), {}, "the target column 'stars' of "),
        (changed(0, "u1"), {}, "ratings need several values of 'user'; got 1 in "),
        (changed(3, "never"), {"split.method": "time"}, "'time' is not a column of times; got "),
        (rated(), {"user": "reader"}, "has no column 'reader'"),
        (rated(), {"input.time": "when"}, "has no column 'when'"),
        (rated(), {"user": "film"}, "input.user and input.item name one column; got film"),
        (rated(), {"features": ["stars"]}, "input.features names 'stars', which is not a feature"),
        (rated(), {"features": ["time"]}, "'time' is a feature of neither users nor items"),
        (rated(), {"input.items": "films.csv"}, "films.csv"),
        (
            rated(),
            {"output.relevant": 6},
            "output.relevant=6 is larger than every rating, so no user likes an item. Allowed: ",
        ),
        (rated(), {"net": "ffn"}, "output.rating needs a net that scores items for users"),
        (rated(), {"units": [4], "embedding_dim": 0}, "process.units are hidden layers over "),
        (
            rated(),
            {"process.biases": False, "embedding_dim": 0},
            "process.biases=false and process.embedding_dim=0 leave nothing to train",
        ),
        (rated(), {"split.folds": 3, "split.method": "leave_last_out"}, "folds need samples that "),
        (
            rated(),
            {"output.decode.top_k": 0},
            "output.decode.top_k must be an integer of at least 1",
        ),
    ],
)
def test_ratings_that_cannot_be_used_are_refused(
    rows: Rows, words: dict[str, object], message: str
) -> None:
    path = write(rows)
    with pytest.raises((TaskError, DataError)) as refused:
        task_on(path, **words).fit(out="run")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("film=film 100",), "the values name no user; got film=film 100"),
        (("",), "'user' is missing in row 1. Name a user per row."),
        (("--file", "users.csv"), "'user' is missing in row 2. Name a user per row."),
    ],
)
def test_predict_without_a_user_is_refused(
    run: ki.Run, refusal: Callable[..., str], values: tuple[str, ...], message: str
) -> None:
    Path("users.csv").write_text("user,film\nu14,film 100\n,film 100\n")
    assert message in refusal("predict", str(run.folder), *values)


def findings_of(rows: Rows, **words: object) -> dict[str, tuple[str, str]]:
    task = task_on(write(rows), **{"epochs": 1, **words})
    run = task.fit(out="run")
    findings = run.pipeline().findings
    return {finding.check: (finding.level, finding.message) for finding in findings}


def test_data_check_reports_repeats_single_ratings_new_users_and_missing_cells() -> None:
    rows = rated()
    first = rows[0]
    rows += [(*first[:2], 5, 9_999), ("lonely", "film 100", 5, 9_998), ("", "film 100", 3, 9_997)]
    rows += [("u0", "film 999", "", 9_996)]
    findings = findings_of(rows, **{"input.split.method": "time"})
    assert findings["repeated ratings"] == (
        "WARN",
        "1 row with a pair of 'user' and 'film' that a later row repeats (row 1)",
    )
    assert findings["missing targets"][0] == findings["missing ids"][0] == "WARN"
    assert "1 of 41 values of 'user' have a single rating" in findings["single ratings"][1]
    assert findings["cold start"][0] == "WARN" and "'user'" in findings["cold start"][1]
    frame = ki.open("run").pipeline().frame
    same = [
        frame["stars"].values[row]
        for row in range(len(frame))
        if (frame["user"].show(row), frame["film"].show(row)) == first[:2]
    ]
    assert same == [5.0]


def test_ratings_of_the_answer_are_limited_and_liked_from_the_upper_quarter() -> None:
    from kissipo.core.frame import Frame, numbers

    answer = Rating("stars").fit(Frame((numbers("stars", [1, 2, 3, 4, 5, 5]),)))
    assert answer.relevant == 4.0
    scores = answer.scores(torch.tensor([[9.0], [-9.0]]))
    assert scores[:, 0].tolist() == [5.0, 1.0]


@pytest.mark.slow
def test_movielens_keeps_its_promise_on_the_random_split(data: Path) -> None:
    run = ki.load("movielens").fit(out="run", seed=0)
    score = run.metrics["answers"][0]
    assert score["metrics"]["rmse"] <= 0.922
    assert score["baselines"]["user and item biases"]["rmse"] == pytest.approx(0.9414, abs=2e-4)
    assert RECIPE.band[0] <= score["metrics"]["rmse"] <= RECIPE.band[1]


@pytest.mark.slow
def test_movielens_with_hidden_layers_keeps_its_promise(data: Path) -> None:
    run = ki.load("movielens", words={"units": [512]}).fit(out="run", seed=0)
    assert run.metrics["answers"][0]["metrics"]["rmse"] <= 0.93


@pytest.mark.slow
def test_movielens_implicit_ranks_better_than_popularity(data: Path) -> None:
    run = ki.load("movielens", words={"output.rating": "implicit"}).fit(out="run", seed=0)
    score = run.metrics["answers"][0]
    popular = score["baselines"]["most popular"]["ndcg_at_10"]
    assert score["metrics"]["ndcg_at_10"] > 1.4 * popular
