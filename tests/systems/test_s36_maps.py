"""S36: maps by PCA, t-SNE, a self-organizing map and k-means; rules of baskets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.batch import Batch
from kissipo.core.description import Table
from kissipo.core.errors import DataError, NotBuiltError, TaskError
from kissipo.core.frame import numbers, strings
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answers.map import colors_of, spread_out
from kissipo.output.metrics.neighborhoods import neighborhoods
from kissipo.process.nets import apriori, k_means, som, tsne
from kissipo.process.nets.apriori import frequent_sets, rules_of

pytestmark = pytest.mark.usefixtures("one_thread")
IRIS = load_iris().data
FLOWERS = StandardScaler().fit_transform(IRIS)
DIGITS = load_digits().data / 16
PLACE = TensorSpec("map", ("dimension",), (2,))
BASKETS = [
    "bread,butter,salt", "bread,butter", "milk", "bread,milk,butter", "beer,chips",
    "beer,chips,salt", "bread,butter,milk", "milk,salt", "beer,chips,bread", "butter,bread",
    "beer,chips", "milk,bread",
]  # fmt: skip
ROW = {"sepal length": 5.1, "sepal width": 3.5, "petal length": 1.4, "petal width": 0.2}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Maps of iris, one per net."""
    folder = tmp_path_factory.mktemp("maps")
    for name in ("pca", "tsne", "som", "k_means"):
        words = {"process.net": name}
        ki.load("pca").with_words(words).fit(out=folder / name)
    return folder


def solved(module: Any, rows: np.ndarray, **words: Any) -> Any:
    """A net that is solved on rows, outside of any run."""
    spec = TensorSpec("x", ("feature",), (rows.shape[1],))
    net = module.build((spec,), (PLACE,), module.Options(**words))
    net.solve([Batch((torch.from_numpy(rows).float(),), ())], 0)
    return net


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def brute_force_trust(data: np.ndarray, places: np.ndarray, count: int) -> float:
    """The formula of Venna and Kaski, neighbor by neighbor."""
    total, samples = 0, len(data)
    for i in range(samples):
        order = {
            name: [j for j in np.argsort(((x - x[i]) ** 2).sum(axis=1), kind="stable") if j != i]
            for name, x in (("data", data), ("map", places))
        }
        for j in order["map"][:count]:
            total += max(0, order["data"].index(j) + 1 - count)
    return 1 - 2 / (samples * count * (2 * samples - 3 * count - 1)) * total


def test_trustworthiness_and_continuity_equal_sklearn_and_brute_force() -> None:
    generator = np.random.default_rng(3)
    data, places = generator.normal(size=(60, 6)), generator.normal(size=(60, 2))
    trust, continuity = neighborhoods(data, places, num_neighbors=5)
    assert trust.mean() == pytest.approx(trustworthiness(data, places, n_neighbors=5), abs=1e-12)
    assert continuity.mean() == pytest.approx(trustworthiness(places, data, n_neighbors=5))
    assert trust.mean() == pytest.approx(brute_force_trust(data, places, 5), abs=1e-12)


def test_pca_equals_sklearn_with_its_signs(runs: Path) -> None:
    run = ki.open(runs / "pca")
    model = PCA(2, svd_solver="full").fit(FLOWERS)
    net: Any = run.net
    assert np.abs(net.project.vectors.detach().numpy() - model.components_).max() < 1e-6
    placed = run.predict(ki.load("pca").fit(out="again").experiment().pipeline.frame)
    assert np.abs(np.asarray(placed) - model.transform(FLOWERS)).max() < 1e-6
    metrics = run.metrics["answers"][0]["metrics"]
    assert metrics["explained_variance"] == pytest.approx(
        model.explained_variance_ratio_.sum(), abs=1e-6
    )
    assert metrics["trustworthiness"] == pytest.approx(
        trustworthiness(FLOWERS, model.transform(FLOWERS), n_neighbors=5), abs=1e-6
    )
    assert net.shares.sum() == pytest.approx(1)


def test_pca_of_more_columns_than_a_covariance_has_equals_sklearn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from kissipo.process.nets import pca

    rows = DIGITS[:40]
    by_covariance = solved(pca, rows)
    monkeypatch.setattr(pca, "_MAX_COVARIANCE", 10)
    by_singular_values = solved(pca, rows)
    expected = PCA(2, svd_solver="full").fit(rows).components_
    for net in (by_covariance, by_singular_values):
        assert np.abs(net.project.vectors.detach().numpy() - expected).max() < 1e-5


def test_show_and_xray_print_the_six_steps(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(runs / "pca")]) == 0
    printed = capsys.readouterr().out
    titles = ["1  standardize", "2  covariance", "3  eigenvalues", "4  sort", "5  choose k"]
    places = [printed.index(title) for title in [*titles, "6  project"]]
    assert places == sorted(places)
    assert re.search(r"sum of all columns\s+-2\.264703\s+0\.480027", printed)
    model = PCA(4).fit(FLOWERS)
    for value in model.explained_variance_:
        assert f"{value:.6f}" in printed
    assert f"{model.get_covariance()[0, 1]:.4f}" in printed
    trace = ki.open(runs / "pca").trace(ROW)
    assert trace.sections[0].title == "PCA in six steps"
    assert main(["show", "pca"]) == 0
    assert "5  choose k: the first ones" in capsys.readouterr().out


def test_a_new_row_is_placed_by_every_net(runs: Path) -> None:
    names = {
        "pca": {"x", "y", "distance_to_plane"},
        "tsne": {"x", "y", "distance_to_sample"},
        "som": {"x", "y", "distance_to_unit", "is_torn"},
        "k_means": {"x", "y", "cluster", "distance_to_center"},
    }
    for name, expected in names.items():
        (prediction,), remarks = ki.open(runs / name).predict_all([ROW])
        place = prediction[0].place
        assert place is not None and set(place) == expected
        assert prediction[0].to_json()["place"] == place
        beginning = "a new sample is placed between its 5 nearest training samples: t-SNE has no"
        assert [remark.startswith(beginning) for remark in remarks] == [True] * (name == "tsne")


def test_tsne_keeps_neighbors_and_its_divergence_falls() -> None:
    rows = DIGITS[:300]
    net = solved(tsne, rows, perplexity=15.0, num_steps=500)
    x = torch.from_numpy(rows).float()
    places = net(x).numpy()
    np.testing.assert_array_equal(places, net.place.places.numpy())  # each has its own place
    assert trustworthiness(rows, places, n_neighbors=5) > 0.98
    steps, curve = net.solution.divergences.numpy().T
    assert steps.tolist() == list(range(50, 501, 50))
    assert (np.diff(curve) < 0.01).all() and curve[-1] < curve[0] / 3
    assert net.measure(x).abs().max() == 0
    middle = (x[:1] + x[1:2]) / 2
    placed = net(middle)
    distances, nearest = net.place.nearest(middle.double())
    weights = (1 / distances[0]) / (1 / distances[0]).sum()
    expected = (weights[:, None] * net.place.places[nearest[0]]).sum(dim=0)
    assert torch.allclose(placed[0], expected)


def test_distributions_of_tsne_equal_their_formulas() -> None:
    squares = ((DIGITS[:80] - DIGITS[3]) ** 2).sum(axis=1)
    p = tsne.conditional(squares, 3, 12.0)
    assert p[3] == 0 and p.sum() == pytest.approx(1)
    inside = p[p > 0]
    assert np.exp(-(inside * np.log(inside)).sum()) == pytest.approx(12, abs=1e-4)
    width = tsne.sigma(squares, p)
    kernel = np.exp(-squares / (2 * width**2))
    kernel[3] = 0
    np.testing.assert_allclose(p, kernel / kernel.sum(), atol=1e-9)
    # printed with p times 12: KL is less by the factor and by log 12
    printed = "Iteration 250: error = 60.0, x\nIteration 300: error = 1.5, x"
    (_, first), (_, second) = tsne.divergences(printed, 12.0)
    assert (first, second) == (pytest.approx(5 - np.log(12)), 1.5)


def test_batch_epoch_of_the_grid_equals_a_loop() -> None:
    generator = np.random.default_rng(5)
    rows, vectors = generator.normal(size=(30, 3)), generator.normal(size=(6, 3))
    grid = np.array([(unit % 3, unit // 3) for unit in range(6)], dtype=float)
    gaps = ((grid[:, None] - grid) ** 2).sum(axis=2)
    expected = np.zeros_like(vectors)
    best = [int(((vectors - row) ** 2).sum(axis=1).argmin()) for row in rows]
    for unit in range(6):
        weights = [np.exp(-gaps[unit, winner] / (2 * 0.7**2)) for winner in best]
        expected[unit] = sum(w * row for w, row in zip(weights, rows, strict=True)) / sum(weights)
    np.testing.assert_allclose(som.batch_epoch(rows, vectors, gaps, 0.7), expected)


@pytest.mark.parametrize("training", ["batch", "online"])
def test_grid_unrolls_over_the_flowers(training: Any) -> None:
    net = solved(som, FLOWERS, grid=(5, 6), training=training, epochs=12)
    x = torch.from_numpy(FLOWERS).float()
    places, measured = net(x).numpy(), net.measure(x).numpy()
    units = net.unit.vectors.numpy()
    distances = np.sqrt(((FLOWERS[:, None] - units) ** 2).sum(axis=2))
    np.testing.assert_allclose(measured[:, 0], distances.min(axis=1), atol=1e-5)
    assert places[:, 1].max() <= 4 and places[:, 0].max() <= 5
    order = np.argsort(distances, axis=1)[:, :2]
    apart = [max(abs(a % 6 - b % 6), abs(a // 6 - b // 6)) > 1 for a, b in order]
    assert measured[:, 1].mean() == pytest.approx(np.mean(apart), abs=0.02)
    history = net.history.numpy()
    assert history[-1, 1] < history[0, 1] and history[-1, 1] < 0.6
    assert int(net.hits.sum()) == len(FLOWERS)
    assert trustworthiness(FLOWERS, places, n_neighbors=5) > 0.9


def test_k_means_equals_sklearn_and_finds_the_number_of_clusters(runs: Path) -> None:
    net = solved(k_means, FLOWERS, n_clusters=3)
    model = KMeans(3, n_init=10, random_state=0).fit(FLOWERS)
    order = np.argsort(-np.bincount(model.labels_), kind="stable")
    np.testing.assert_allclose(
        net.clusters.vectors.numpy(), model.cluster_centers_[order], atol=1e-5
    )
    clusters = net.measure(torch.from_numpy(FLOWERS).float())[:, 0].numpy()
    np.testing.assert_array_equal(order[clusters.astype(int) - 1], model.labels_)
    tried = {int(row[0]): row[1:].tolist() for row in net.clusters.tried}
    assert sorted(tried) == list(range(2, 11))
    assert tried[3][0] == pytest.approx(model.inertia_, rel=1e-5)
    assert tried[3][1] == pytest.approx(silhouette_score(FLOWERS, model.labels_), abs=1e-6)
    inertias = [tried[count][0] for count in sorted(tried)]
    assert inertias == sorted(inertias, reverse=True)
    scores = ki.open(runs / "k_means").metrics["answers"][0]
    assert scores["details"]["k_means"]["clusters"] == 2  # setosa, and the two others


def test_color_column_is_no_input_and_is_said(runs: Path, tmp_path: Path) -> None:
    lines = ["a,b,kind", *(f"{i % 9},{(7 * i) % 11},{'xyz'[i % 3]}" for i in range(30))]
    path = written(tmp_path / "own.csv", lines)
    run = ki.load(str(path), words={"output.map": 2, "process.net": "pca"}).fit(out="own")
    experiment = run.experiment()
    assert experiment.pipeline.codecs[0].columns == ("a", "b")
    assert "kind" in {str(option.value) for option in experiment.inferred_options}
    words = {"output.map": 2, "process.net": "pca", "output.color_by": "none"}
    everything = ki.load(str(path), words=words).fit(out="all").experiment()
    assert "kind" in everything.pipeline.codecs[0].columns


def test_texts_are_placed_by_the_weights_of_their_terms(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    for kind, words in (("sea", "salt water ship"), ("moon", "night light tide")):
        for number in range(4):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            extra = " ".join(words.split()[number % 3 :])
            written(folder / kind / f"{number}.txt", [f"the {words} and {extra} {kind}"])
    run = ki.load(str(folder), words={"output.map": 2}).fit(out="texts-map")
    frame = run.experiment().pipeline.frame
    assert run.experiment().pipeline.answers[0].color == "folder"  # type: ignore[attr-defined]
    assert len(frame) == 8
    one, other = run.predict(["salt water and a ship", "light in the night"])
    assert np.sign(one[0]) != np.sign(other[0])


def test_images_without_classes_are_mapped_by_their_files(
    content_of: Callable[[Path], Any], records_of: Callable[..., Any]
) -> None:
    from PIL import Image

    Path("photos").mkdir()
    for number, pixels in enumerate(load_digits().images[:20]):
        image = Image.fromarray((pixels * 15.9).astype(np.uint8))
        image.save(f"photos/{number:02}.png")
    ki.load("photos", words={"output.map": 2}).fit(out="of-photos")
    (record,) = records_of(content_of(Path("of-photos/report.html")), "scatter_map")
    assert record["names"][3] == "03.png" and record["images"]["width"] == 8
    (prediction,), _ = ki.open("of-photos").predict_all(["photos/07.png"])
    assert record["points"][7] == pytest.approx(prediction[0].value, abs=1e-4)


def test_layer_of_a_run_is_mapped_and_predicts_images(tmp_path: Path) -> None:
    ki.load("digits", words={"epochs": 2, "units": [12]}).fit(out="digits-run")
    words = {"output.map": 2, "process.net": "pca", "input.layer": "2"}
    run = ki.load("run:digits-run", words=words).fit(out="layer")
    base: Any = ki.open("digits-run")
    pixels = np.round(load_digits().images * (255 / 16)).astype(np.uint8)
    with torch.no_grad():
        hidden = base.net[:3](torch.from_numpy(pixels / 255).float()[:, None]).numpy()
    expected = PCA(2, svd_solver="full").fit(hidden.astype(np.float64))
    placed = np.asarray(ki.open("layer").predict(list(pixels[:5])))
    assert np.abs(placed - expected.transform(hidden[:5])).max() < 1e-4
    assert "front.net.1" in {step.name for step in run.trace(pixels[0]).steps}
    with pytest.raises(TaskError, match=r"has no layer 'no'; got|has no layer 'no'"):
        ki.load("run:digits-run", words={"output.map": 2, "input.layer": "no"}).fit(out="no")


def test_layer_of_a_recurrent_run_is_mapped(tmp_path: Path) -> None:
    lines = ["text,kind", *(f"{'salt sea ship' if i % 2 else 'moon night'} {i % 5},{i % 2}"
                            for i in range(40))]  # fmt: skip
    words = {"input.text": ["text"], "net": "recurrent", "units": 4, "epochs": 1}
    path = written(tmp_path / "texts.csv", lines)
    ki.load(str(path), output="kind", words=words).fit(out="texts-run")
    run = ki.load("run:texts-run", words={"output.map": 2}).fit(out="texts-layer")
    assert np.asarray(run.predict(["salt sea ship 1"])).shape == (1, 2)


def test_report_has_the_map_with_every_sample(
    runs: Path, content_of: Callable[[Path], Any], records_of: Callable[..., Any]
) -> None:
    content = content_of(runs / "som" / "report.html")
    (record,) = records_of(content, "scatter_map")
    assert len(record["points"]) == len(record["texts"]) == 150
    assert record["names"][0] == "row 1" and "petal width 0.2" in record["texts"][0]
    assert record["legend"] == ["setosa", "versicolor", "virginica"]
    assert record["groups"][:2] == [0, 0] and record["groups"][149] == 2
    assert (runs / "som" / "report.html").stat().st_size < 1_000_000
    grids = {item["name"].split(":")[0] for item in records_of(content, "weights")}
    assert grids == {"U-matrix", "hits"}


def test_equal_places_are_spread_and_colors_are_grouped() -> None:
    places = np.repeat([[0.0, 0.0], [0.0, 1.0], [2.0, 1.0]], 4, axis=0)
    spread = spread_out(places)
    assert len(np.unique(spread, axis=0)) == 12
    assert np.abs(spread - places).max() < 0.5
    groups, names = colors_of(strings("kind", [f"k{i % 15}" for i in range(31)]))
    assert names[-1] == "4 others" and len(names) == 12 and max(groups) == 11
    values, none = colors_of(numbers("size", np.arange(40.0)))
    assert none == [] and values == np.arange(40.0).tolist()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("output.map=5 net=pca", "PCA has no more components than columns"),
        ("output.map=0", "output.map is the number of dimensions of the map; got 0"),
        ("output.map=2 net=tsne perplexity=150", "process.perplexity must be smaller than"),
        ("output.map=2 net=k_means n_clusters=151", "process.n_clusters is larger than"),
        ("output.map=3 net=som", "a self-organizing map has a grid of two dimensions"),
        ("output.map=2 net=ffn", "process.net=ffn does not place samples on a map"),
        ("output.map=2 color_by=nothing", "iris has no column 'nothing'"),
        ("output.map=2 split.test=0.5", "input.split .* has no meaning for output.map=2"),
    ],
)
def test_bad_options_are_refused(refusal: Callable[..., str], words: str, message: str) -> None:
    assert re.search(message, refusal("fit", "iris", *words.split()))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a,b", "1,2", "2,3", "4,1"], "has too few samples for a map; got 3 samples"),
        (["a,b", *["1,2"] * 9], "no column of .* is left for the net to learn from"),
        (["a,b", *(f"{i % 4},{i * i % 5 or 'inf'}" for i in range(9))], "'b' is infinite"),
        ([""], "is empty"),
    ],
)
def test_bad_tables_are_refused(
    refusal: Callable[..., str], tmp_path: Path, lines: list[str], message: str
) -> None:
    path = written(tmp_path / "bad.csv", lines)
    assert re.search(message, refusal("fit", str(path), "output.map=2"))


def test_duplicates_and_missing_values_are_mapped_and_said(tmp_path: Path) -> None:
    lines = ["a,b", *(f"{i % 4 or ''},{i * i % 7}" for i in range(21)), "1,3", "1,3"]
    run = ki.load(str(written(tmp_path / "gaps.csv", lines)), words={"output.map": 2}).fit(out="g")
    remark = " ".join(
        f"{finding.message} {finding.action}" for finding in run.experiment().pipeline.findings
    )
    assert "equal samples have one place on the map" in remark
    assert "'a' has no value in 6 of 23 rows" in remark


def test_eject_refuses_a_map(refusal: Callable[..., str]) -> None:
    assert "kissipo eject only writes tasks that are trained with" in refusal(
        "eject", "pca", "--out", "script"
    )


def subsets(baskets: np.ndarray, size: int, min_count: int) -> dict[tuple[int, ...], int]:
    """Every frequent set, by brute force."""
    items = range(baskets.shape[1])
    every = chain.from_iterable(combinations(items, count) for count in range(1, size + 1))
    counts = {some: int(baskets[:, some].all(axis=1).sum()) for some in every}
    return {some: count for some, count in counts.items() if count >= min_count}


@pytest.mark.parametrize("size", [2, 3, 4])
def test_item_sets_equal_brute_force(size: int) -> None:
    baskets = np.random.default_rng(size).random((90, 9)) < np.linspace(0.2, 0.8, 9)
    result = frequent_sets(baskets, min_count=12, max_length=size)
    assert result == subsets(baskets, size, 12)
    assert max(map(len, result)) == size


def test_rules_equal_brute_force() -> None:
    baskets = np.random.default_rng(8).random((80, 7)) < 0.5
    sets = frequent_sets(baskets, min_count=8, max_length=3)
    result = {(first, then): values for first, then, values in rules_of(sets, 80, 0.55)}
    expected = {}
    for items in sets:
        for size in range(1, len(items)):
            for first in combinations(items, size):
                then = tuple(sorted(set(items) - set(first)))
                has_first, has_then = (baskets[:, some].all(axis=1) for some in (first, then))
                support = (has_first & has_then).mean()
                confidence = (has_first & has_then).sum() / has_first.sum()
                if confidence >= 0.55:
                    expected[first, then] = (support, confidence, confidence / has_then.mean())
    assert result.keys() == expected.keys() and len(result) > 20
    for key, values in expected.items():
        assert result[key] == pytest.approx(values)


def test_an_item_with_an_arrow_in_its_name_is_one_cell_of_its_rule() -> None:
    spec = TensorSpec("items", ("label",), (2,))
    net = apriori.build((spec,), (spec,), apriori.Options())
    net.solve([Batch((torch.ones(3, 2),), ())], 0)
    detail = apriori.details(net, ["a -> b", "c"])["apriori"]
    (table,) = (record for record in detail.summary if isinstance(record, Table))
    assert [row[:2] for row in table.rows] == [["a -> b", "c"], ["c", "a -> b"]]


def test_rules_suggest_items_of_baskets_in_both_layouts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = written(tmp_path / "lines.csv", BASKETS)
    rows = [f"{n},{item}" for n, line in enumerate(BASKETS) for item in line.split(",")]
    two = written(tmp_path / "rows.csv", ["order_id,product", *rows])
    results = []
    for number, path in enumerate((one, two)):
        words = {"input.basket": "order_id"} if number else {"output": "rules"}
        run = ki.load(str(path), words=words).fit(out=f"rules-{number}")
        results.append(run.net.state_dict())
    assert all(torch.equal(results[0][key], results[1][key]) for key in results[0])
    capsys.readouterr()
    assert main(["predict", "rules-0", "beer", "bread|milk", "salt"]) == 0
    printed = capsys.readouterr().out
    assert "beer -> chips (support 0.300, confidence 1.000, lift 3.33)" in printed
    assert "bread + milk -> butter" in printed
    assert "(no rule applies)" in printed
    (prediction,), _ = ki.open("rules-1").predict_all([["beer"]])
    assert prediction[0].value == "chips" and prediction[0].confidence == 1
    assert json.dumps(prediction[0].to_json()["rules"][0]["then"]) == '["chips"]'
    answer = ki.open("rules-1").metrics["answers"][0]
    assert set(answer["baselines"]) == {"popular items", "item cosine"}


def test_metrics_of_hidden_items_by_hand() -> None:
    from kissipo.output.answers.rules import Rules

    answer = Rules(tuple("abcdefg"))
    scores = np.zeros((4, 7))
    scores[0, [2, 3]] = [0.9, 0.5]  # the hidden item is first
    scores[1, [0, 1, 3]] = [0.9, 0.8, 0.8]  # second, but tied with another: third
    scores[2, :6] = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]  # sixth
    metrics = answer.evaluate(scores, np.array([2, 3, 5, 1])).metrics  # the last: no rule
    assert metrics == pytest.approx({
        "hit_rate_at_5": 0.5,
        "hit_rate_at_1": 0.25,
        "mean_reciprocal_rank": (1 + 1 / 3 + 1 / 6) / 4,
        "coverage": 0.75,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "words", "message"),
    [
        (BASKETS, "min_support=0", "process.min_support must be a number above 0"),
        (BASKETS, "min_support=1.5", "process.min_support must be .* at most 1; got 1.5"),
        (BASKETS, "basket=order", "there is no column|has no column|cells where the header"),
        (["o,p", *(f"{n},x{n % 3}" for n in range(20))], "", "no basket of .* has two items"),
        (["a,b", "a"], "", "has too few baskets for rules; got 2 baskets"),
        ([""], "", "is empty"),
    ],
)
def test_bad_baskets_are_refused(
    refusal: Callable[..., str], tmp_path: Path, lines: list[str], words: str, message: str
) -> None:
    path = written(tmp_path / "baskets.csv", lines)
    assert re.search(message, refusal("fit", str(path), "output=rules", *words.split()))


def test_too_many_item_sets_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apriori, "_MAX_SETS", 20)
    with pytest.raises(TaskError, match="too many item sets are frequent"):
        frequent_sets(np.ones((5, 12), dtype=bool), min_count=2, max_length=3)


def test_a_map_of_rules_and_rules_of_a_map_are_refused() -> None:
    with pytest.raises((TaskError, DataError, NotBuiltError)):
        ki.Task(input={"table": "iris"}, output="rules").fit(out="wrong")


@pytest.mark.slow
def test_tsne_of_digits_is_trustworthy() -> None:
    run = ki.load("tsne").fit(out="digits")
    assert run.metrics["answers"][0]["metrics"]["trustworthiness"] >= 0.98
    assert (run.folder / "report.html").stat().st_size < 1_000_000
