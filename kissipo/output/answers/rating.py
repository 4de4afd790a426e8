"""Rating: how a user rates an item, and the items that the user would rate best.

A user with an item gets the predicted rating. A user alone gets the `top_k` best items
among all that the user has not rated. The reasons of each are the liked items whose
vectors have the largest cosine with its own.

`rating: implicit` is for rows without ratings, or to ignore them: every row is an item
that the user chose. Then the scores only rank items, and the loss is bpr.

Ratings are limited to the range of the training split. RMSE and MAE measure them;
ranking metrics (`metrics/top_items.py`) measure the order of all unrated items. An item
counts as liked if its rating is at least `relevant`.

Outputs are (sample, 1 + top_k (2 + 2 R)): the rating, then for a user alone each item
with its score, and R reasons with their cosines. Elsewhere they are NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.codec.numbers import Numbers
from kissipo.core.codec import restore
from kissipo.core.description import Histogram, Line, Section, Table
from kissipo.core.devices import device_of
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import ExplainingLayer, PairNet
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.seeds import drawn
from kissipo.core.text import describe
from kissipo.output.answer import (
    DecodingStep,
    Evaluation,
    EvaluationCase,
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.answers import number
from kissipo.output.answers.number import Number
from kissipo.output.baseline_data import BaselineData, Samples
from kissipo.output.metrics.errors import mean_absolute_error, root_mean_squared_error
from kissipo.output.metrics.top_items import first_items
from kissipo.output.ranked_users import RankedUsers
from kissipo.output.rating_history import PARTS, RatingHistory, history_of, no_history
from kissipo.output.rating_sections import (
    error_by_count,
    lists_section,
    mean_by_rating,
    ranking_table,
    recommended_table,
)
from kissipo.output.recommendation import Reason, Recommendation

IMPLICIT = "implicit"
TOP_K, NUM_REASONS = 10, 3
_PAIRS = 1 << 13  # of users and items that are scored at once: they stay in the cache
_MAX_PAIRS = 5_000_000  # that are ranked in the evaluation
_LIKED = 0.75  # of the range of the ratings
_LISTS, _BINS = 4, 20
_TERMS = {
    "user_bias": "bias of the user",
    "item_bias": "bias of the item",
    "user_feature_bias": "features of the user",
    "item_feature_bias": "features of the item",
    "dot": "dot product of both vectors",
    "dense": "hidden layers over both vectors",
}


@dataclass(frozen=True)
class Decode:
    """How items are recommended."""

    SHORT: ClassVar[str] = "top_k"
    top_k: int = option(TOP_K, "number of items that a user gets", minimum=1)


@dataclass(frozen=True)
class Options(number.Options):
    """The options of a rating."""

    decode: Decode = option(Decode(), "how items are recommended")
    relevant: float | None = option(
        None, "smallest rating of an item that the user likes, for the ranking metrics"
    )


@dataclass(frozen=True)
class Catalog:
    """All items and users by id, with their encoded features if there are any.

    users:  the names, from id 1
    items:  the names, from id 1
    user_features, item_features:  (id, feature), id 0 included; None without features
    """

    users: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    user_features: Tensor | None = None
    item_features: Tensor | None = None


class Rating(Number):
    """A rating per user and item, and the best items per user."""

    WORD = "rating"
    BASELINES = ("mean", "user_item_biases", "popularity")
    SOURCES = ("ratings",)
    LOSSES = ("mean_squared_error", "mean_absolute_error", "huber")
    CHECKS_LEAKAGE = False
    BASELINE_SAMPLES = 10_000_000

    options: Options

    def __init__(
        self, column: str, options: Options = Options(), *, loss: str | None = None
    ) -> None:
        super().__init__(column, options, loss=loss)
        self.is_implicit = column == IMPLICIT or self._loss == "bpr"
        self.catalog, self.history = Catalog(), no_history()
        self.relevant = options.relevant
        if self.is_implicit:
            self.codec = Numbers((column,), scale="none", missing_indicator=False)
            self.EVAL_METRIC, self.HIGHER_IS_BETTER = f"ndcg_at_{self.top_k}", True

    @property
    def top_k(self) -> int:
        """The number of items that a user gets."""
        return self.options.decode.top_k

    @property
    def loss(self) -> str:
        return self._loss or ("bpr" if self.is_implicit else self.DEFAULT_LOSS)

    @property
    def monitor(self) -> str:
        return "mean_score" if self.is_implicit else self.EVAL_METRIC

    @property
    def compares_all(self) -> bool:
        return True

    def suggested_net(self) -> InferredOption:
        return InferredOption("process.net", "recommender", "a vector per user and per item")

    def suggested_algorithm(self) -> InferredOption | None:
        if not self.is_implicit:
            return None
        reason = "rows without ratings only say that an item was chosen"
        return InferredOption("process.algorithm", "bpr", reason)

    def in_kind(self, frame: Frame, findings: list[Finding]) -> Frame:
        column = frame[self.name]
        if column.kind != "number":
            raise DataError(
                f"the ratings '{self.name}' must be numbers",
                got=f"texts such as '{next(iter(column.categories), '')}'",
                do="Correct the cells, or use output.rating=implicit, which reads no ratings",
            )
        if column.odd:
            row, text = column.odd[0]
            raise DataError(
                f"'{text}' in row {row} of '{self.name}' is not a number, most other ratings are",
                got=f"{column.odd_count:,} such cells",
                do="Correct or empty them: rows without a rating are left out",
            )
        return super().in_kind(frame, findings)

    def check_targets(self, frame: Frame) -> list[Finding]:
        values = frame[self.name].values
        if not self.is_implicit and len(values) > 1 and np.all(values == values[0]):
            raise DataError(
                f"the ratings '{self.name}' are all equal, in all {len(values):,} rows",
                got=str(frame[self.name].show(0)),
                do="Use output.rating=implicit, which ranks items by who chose them",
            )
        return []

    def fit(self, frame: Frame) -> Self:
        """Fits the scaling, and the rating from which an item is liked."""
        super().fit(frame)
        values = np.unique(frame[self.name].values)
        if self.relevant is not None and not self.relevant <= values[-1]:
            raise TaskError(
                f"output.relevant={self.relevant:g} is larger than every rating, so no user "
                "likes an item",
                allowed=f"at most {values[-1]:g}, the largest rating of the training split",
            )
        if self.relevant is None:
            limit = values[0] + _LIKED * (values[-1] - values[0])
            self.relevant = float(values[values >= limit][0])
        return self

    def fitted_options(self) -> tuple[InferredOption, ...]:
        if self.is_implicit or self.options.relevant is not None:
            return ()
        reason = "the upper quarter of the scale counts as liked"
        return (InferredOption("relevant", self.relevant, reason),)

    def remember(
        self, catalog: Catalog, rows: Sequence[tuple[NDArray[np.int64], ...]], ratings: Scores
    ) -> None:
        """Takes over the items, the users and who rated what.

        rows:     users, items and the numbers of their splits
        """
        self.catalog = catalog
        users, items, parts = (np.concatenate(column) for column in zip(*rows, strict=True))
        self.history = history_of(users, items, ratings, parts.astype(np.int8))

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the ratings, and for users without an item the best items."""
        lists = torch.full((len(outputs), self._list_width), float("nan"))
        rows = (inputs[1] < 0).nonzero()[:, 0].tolist()
        if rows and self.catalog.items:
            lists[rows] = self._lists(net, [x[rows] for x in inputs])
        return torch.cat([outputs, lists.to(outputs)], dim=1)

    def scores(self, outputs: Tensor) -> Scores:
        """Returns ratings, then the lists as they are (sample, 1 + list)."""
        array = outputs.detach().cpu().to(torch.float64)
        lists = array[:, 1:].numpy().copy()
        blocks = lists.reshape(len(array), -1, self._block) if lists.size else None
        if blocks is not None:
            blocks[:, :, 1] = self._in_range(self._in_units(array.new_tensor(blocks[:, :, 1])))
        return np.column_stack([self._in_range(super().scores(array[:, :1])), lists])

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Scores, Scores]:
        return self._in_range(super().scores(outputs[:, :1])), self.truth(targets)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        """Computes the errors of ratings; scores without ratings have none."""
        if self.is_implicit:
            return Evaluation({"mean_score": float(scores.mean())})
        ratings = self._in_range(scores)
        metrics = {
            "rmse": root_mean_squared_error(truth, ratings),
            "mae": mean_absolute_error(truth, ratings),
        }
        quality = -np.square(ratings - truth)
        return Evaluation(metrics, {"unit": self.name}, per_sample=quality)

    def evaluate_model(self, case: EvaluationCase) -> tuple[Evaluation, Mapping[str, Evaluation]]:
        """Adds the ranking metrics, and lists of some users."""
        baselines = {} if self.is_implicit else dict(case.baselines())
        if not case.sizes["train"]:
            return case.evaluation, baselines  # ratings of other data are predicted alone
        users = self._ranked_users(case.eval_split)
        if not len(users):
            return case.evaluation, baselines
        ranked = self._ranked(case.eval_split, users)
        with eval_mode(case.net), torch.inference_mode():
            model = ranked.evaluation(self._all_scores(case.net, users))
            lists = self._shown_lists(case, ranked)
        rankings = {
            name: ranked.evaluation(scores.reshape(len(users), -1))
            for name, scores in self._baseline_rankings(case, users)
        }
        table = {"model": dict(model.metrics)} | {
            name: dict(evaluation.metrics) for name, evaluation in rankings.items()
        }
        details = {**case.evaluation.details, "ranking": table, "lists": lists}
        details["ranked_users"], details["ranked_items"] = len(users), len(self.catalog.items)
        if self.is_implicit:
            return replace(model, details=details), rankings
        for name, evaluation in baselines.items():
            if name in rankings:
                more = {**evaluation.metrics, **rankings[name].metrics}
                baselines[name] = replace(evaluation, metrics=more)
        metrics = {**case.evaluation.metrics, **model.metrics}
        return replace(case.evaluation, metrics=metrics, details=details), baselines

    def refuse_other_data(self) -> None:
        if self.is_implicit:
            raise TaskError(
                "this run learned who chose what, and ranks items of its own test split only",
                do="Leave DATA out",
            )

    def decode(self, scores: Scores) -> list[Prediction]:
        rows = scores[:, None] if scores.ndim == 1 else scores
        return [self._prediction(row) for row in rows]

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        first = outputs[:, :1]
        scores = self.scores(outputs)
        (prediction,) = self.decode(scores)
        steps = [DecodingStep("output", (1,), first[0].detach().cpu().numpy(), "model output")]
        if prediction.recommended is not None:
            values = np.array([item.score for item in prediction.recommended])
            names = tuple(item.item for item in prediction.recommended)
            text = f"the best of {len(self.catalog.items):,} items that the user has not rated"
            return [*steps, DecodingStep("items", values.shape, values, text, names)]
        if self.is_implicit:
            return [*steps, DecodingStep("score", (), float(scores[0, 0]), "ranks items")]
        low, high = self._range
        text = f"inverse scaling, limited to {low:g} ... {high:g}"
        return [*steps, DecodingStep("rating", (), float(scores[0, 0]), text)]

    def evaluated_samples(self, evaluation: Evaluation, part: str) -> str:
        """Returns how many ratings were predicted, and for whom items were ranked."""
        details = evaluation.details
        texts = [] if self.is_implicit else [super().evaluated_samples(evaluation, part)]
        if "ranked_users" in details:
            liked = "" if self.is_implicit else f", rated {self.relevant:g} or more"
            texts.append(
                f"{details['ranked_users']:,} users with a liked item in the {part} split{liked}; "
                f"all {details['ranked_items']:,} items are ranked but those rated before"
            )
        return "; ".join(texts) or "no user of the test split was ranked"

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line | Table]:
        """Returns the ranking metrics beside those of the baselines."""
        table = ranking_table(evaluation)
        return [table] if table is not None and not self.is_implicit else []

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        details = data.evaluation.details
        sections = [
            lists_section(
                details.get("lists") or [],
                relevant=self.relevant or 0,
                is_implicit=self.is_implicit,
            )
        ]
        table = ranking_table(data.evaluation)
        if table is not None:
            text = self.evaluated_samples(data.evaluation, "test")
            sections.append(Section("Ranking of all unrated items", [table, Line(text, "dim")]))
        if self.is_implicit:
            return sections
        residuals = data.scores - data.truth
        counts, edges = np.histogram(residuals, bins=_BINS)
        return [
            *sections,
            error_by_count(data, self.history),
            mean_by_rating(data, self._range),
            Section("Residuals", [Histogram(edges.tolist(), counts.tolist(), "residual")]),
            self.worst_predictions(data),
        ]

    def example_sections(
        self,
        net: nn.Module,
        inputs: Sequence[Tensor],
        outputs: Tensor,
        targets: Sequence[Tensor],
        read: Sequence[str],
    ) -> Sequence[Section]:
        (prediction,) = self.decode(self.scores(outputs))
        if prediction.recommended is not None:
            return [Section("Recommended items", [recommended_table(prediction.recommended)])]
        sections = [self._terms_section(net, inputs, outputs)]
        reasons = self._reasons(net, int(inputs[0][0]), [int(inputs[1][0])])[0]
        if reasons:
            rows = [
                [
                    item.item,
                    "chosen" if item.rating is None else describe(item.rating),
                    f"{item.cosine:.3f}",
                ]
                for item in reasons
            ]
            titles = ["item that the user liked", "rating", "cosine of the vectors"]
            sections.append(
                Section("Liked items nearest to this one", [Table(titles, rows, numbers=(1, 2))])
            )
        return sections

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        """Returns RMSE and MAE of the limited ratings; a script ranks nothing."""
        mean, unit = self._scaling
        units = f".double() * {unit!r} + {mean!r}"
        low, high = self._range
        error = (
            f"((outputs[{number}]{units}).clamp({low!r}, {high!r}) - (targets[{number}]{units}))"
        )
        return ScriptPart(
            (
                f"error = {error}",
                f'values["{prefix}rmse"] = float(error.square().mean().sqrt())',
                f'values["{prefix}mae"] = float(error.abs().mean())',
            ),
            quality=f"-{error}.square().flatten(1).mean(1)",
        )

    def state(self) -> JsonObject:
        return {
            **super().state(),
            "top_k": self.top_k,
            "relevant": self.relevant,
            "users": list(self.catalog.users),
            "items": list(self.catalog.items),
            "user_features": _texts(self.catalog.user_features),
            "item_features": _texts(self.catalog.item_features),
            "history": self.history.state(),
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = cast(Numbers, restore(state["codec"]))
        options = Options(state["scale"], Decode(state["top_k"]), state["relevant"])
        answer = cls(codec.columns[0], options, loss=state["loss"])
        answer.codec = codec
        answer.catalog = Catalog(
            tuple(state["users"]),
            tuple(state["items"]),
            _table(state["user_features"]),
            _table(state["item_features"]),
        )
        answer.history = RatingHistory.from_state(state["history"])
        return answer

    @property
    def _block(self) -> int:
        """The numbers of one item in a list: its id, its score, and the reasons."""
        return 2 + 2 * NUM_REASONS

    @property
    def _list_width(self) -> int:
        return self.top_k * self._block

    @property
    def _range(self) -> tuple[float, float]:
        """The smallest and the largest rating of the training split."""
        return self.codec.known_range().get(self.name, (-np.inf, np.inf))

    def _in_range(self, ratings: Scores) -> Scores:
        return ratings if self.is_implicit else np.clip(ratings, *self._range)

    @property
    def _scaling(self) -> tuple[float, float]:
        """The rating of an output of 0, and the change of it per unit of the output."""
        zero, one = (float(self._in_units(torch.tensor(value))) for value in (0.0, 1.0))
        return zero, one - zero

    def _in_units(self, outputs: Tensor) -> Scores:
        """Returns outputs of any shape in the unit of the ratings."""
        return super().scores(outputs.reshape(-1, 1)).reshape(outputs.shape)

    def _prediction(self, row: Scores) -> Prediction:
        """Returns a rating, or the list of a user."""
        blocks = row[1:].reshape(-1, self._block)
        if not len(blocks) or np.isnan(blocks[0, 0]):
            return Prediction(float(row[0]))
        recommended = tuple(
            Recommendation(
                self.catalog.items[int(block[0]) - 1],
                float(block[1]),
                tuple(
                    self._reason(int(place), float(cosine))
                    for place, cosine in block[2:].reshape(-1, 2)
                    if not np.isnan(place)
                ),
            )
            for block in blocks
            if not np.isnan(block[0])
        )
        return Prediction([item.item for item in recommended], recommended=recommended)

    def _lists(self, net: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
        """Returns the best items of users (user, item · block)."""
        users = inputs[0].cpu().numpy()
        features = inputs[2] if self.catalog.user_features is not None else None
        scores = self._item_scores(net, inputs[0].cpu(), features)
        rated = self.history.table(users, len(self.catalog.items))
        first = first_items(scores, rated, self.top_k)
        return self._as_blocks(net, users, first, scores)

    def _as_blocks(
        self, net: nn.Module, users: NDArray[np.int64], first: NDArray[np.int64], scores: Scores
    ) -> Tensor:
        blocks = np.full((len(users), self.top_k, self._block), np.nan)
        for row, user in enumerate(users.tolist()):
            items = first[row][first[row] >= 0]
            blocks[row, : len(items), 0] = items
            blocks[row, : len(items), 1] = scores[row, items]
            places, cosines = self._nearest(net, user, items)
            count = places.shape[1]
            blocks[row, : len(items), 2 : 2 + 2 * count : 2] = places
            blocks[row, : len(items), 3 : 3 + 2 * count : 2] = cosines
        return torch.from_numpy(blocks.reshape(len(users), -1)).float()

    def _nearest(
        self,
        net: nn.Module,
        user: int,
        items: Sequence[int] | NDArray[np.int64],
        parts: Sequence[str] = PARTS,
    ) -> tuple[Scores, Scores]:
        """Returns the rows of the liked items nearest to each item, and the cosines.

        parts:  the splits whose ratings are known
        """
        rows = self.history.rows_of_user(user, parts)
        rows = rows[self.history.items[rows] > 0]
        rows = rows[self.history.ratings[rows] >= (self.relevant or 0)]
        vectors = cast(PairNet, net).item_vectors
        if vectors is None or not len(rows):
            return np.zeros((len(items), 0)), np.zeros((len(items), 0))
        units = nn.functional.normalize(vectors.cpu().double(), dim=1).numpy()
        cosines = units[np.asarray(items)] @ units[self.history.items[rows]].T
        cosines[self.history.items[rows][None, :] == np.asarray(items)[:, None]] = -1
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :NUM_REASONS]
        return rows[order].astype(np.float64), np.take_along_axis(cosines, order, axis=1)

    def _reasons(
        self, net: nn.Module, user: int, items: Sequence[int], parts: Sequence[str] = PARTS
    ) -> list[tuple[Reason, ...]]:
        """Returns the liked items nearest to each item, which is not its own reason."""
        places, cosines = self._nearest(net, user, [max(0, item) for item in items], parts)
        return [
            tuple(
                self._reason(int(place), cosine)
                for place, cosine in zip(row.tolist(), near.tolist(), strict=True)
                if cosine > -1
            )
            for row, near in zip(places, cosines, strict=True)
        ]

    def _reason(self, place: int, cosine: float) -> Reason:
        """Returns a row of the history as a reason; implicit rows have no rating."""
        item = self.catalog.items[self.history.items[place] - 1]
        rating = None if self.is_implicit else float(self.history.ratings[place])
        return Reason(item, cosine, rating)

    def _all_scores(self, net: nn.Module, users: NDArray[np.int64]) -> Scores:
        features = self.catalog.user_features
        ids = torch.from_numpy(users)
        return self._item_scores(net, ids, None if features is None else features[ids])

    def _item_scores(self, net: nn.Module, users: Tensor, features: Tensor | None) -> Scores:
        """Returns the outputs of the net for users and all items (user, item by id)."""
        items = torch.arange(len(self.catalog.items) + 1)
        device, rows = device_of(net), []
        for some in torch.arange(len(users)).split(max(1, _PAIRS // len(items))):
            user = users[some].repeat_interleave(len(items))
            inputs = [user, items.repeat(len(some))]
            if features is not None:
                inputs.append(features.cpu()[some].repeat_interleave(len(items), dim=0))
            if self.catalog.item_features is not None:
                inputs.append(self.catalog.item_features.repeat(len(some), 1))
            outputs: Tensor = net(*(x.to(device) for x in inputs))
            rows.append(outputs.cpu().double().reshape(len(some), len(items)))
        return torch.cat(rows).numpy()

    def _ranked(self, part: str, users: NDArray[np.int64]) -> RankedUsers:
        """Returns users of a split with what they liked there."""
        return RankedUsers(
            self.history, part, users, len(self.catalog.items), self.relevant or 0, self.top_k
        )

    def _ranked_users(self, part: str) -> NDArray[np.int64]:
        """Returns users with a liked item in a split, at most as many as are ranked."""
        if part == "train" or not self.catalog.items:
            return np.zeros(0, dtype=np.int64)
        liked = self.history.liked_rows(part, self.relevant or 0)
        users = np.unique(self.history.users[liked])
        users = users[users > 0]
        limit = max(1, _MAX_PAIRS // (1 + len(self.catalog.items)))
        return users[drawn(len(users), limit, "ranked users")]

    def _baseline_rankings(
        self, case: EvaluationCase, users: NDArray[np.int64]
    ) -> list[tuple[str, Scores]]:
        """Returns the scores of the baselines for users and all items."""
        is_train = self.history.in_parts(["train"])
        train = Samples(
            (
                torch.from_numpy(self.history.users[is_train]),
                torch.from_numpy(self.history.items[is_train]),
            ),
            self.history.ratings[is_train],
        )
        items = torch.arange(len(self.catalog.items) + 1)
        pairs = (
            torch.from_numpy(users).repeat_interleave(len(items)),
            items.repeat(len(users)),
        )
        test = Samples(pairs, np.zeros(len(pairs[0])))
        ranks = type(self)(IMPLICIT, self.options)
        data = BaselineData(ranks, tuple(codec.spec for codec in case.codecs), train, test)
        return [
            (name, scores)
            for name, scores in case.baseline_scores(data)
            if np.ptp(scores) > 0  # equal scores rank nothing
        ]

    def _shown_lists(self, case: EvaluationCase, ranked: RankedUsers) -> list[JsonObject]:
        """Returns the lists of some users in the evaluation, as JSON values."""
        users = ranked.users[drawn(len(ranked.users), _LISTS, "shown users")]
        some = self._ranked(ranked.part, users)
        scores = self._all_scores(case.net, users)
        first = first_items(scores, some.excluded, self.top_k)
        ratings = self._in_range(self._in_units(torch.from_numpy(scores)))
        lists = []
        for row, user in enumerate(users.tolist()):
            items = [item for item in first[row].tolist() if item >= 0]
            tested = some.tested(user)
            reasons = self._reasons(case.net, user, items, some.known_parts)
            entries = [
                {
                    **Recommendation(
                        self.catalog.items[item - 1], ratings[row, item], why
                    ).to_json(),
                    "test_rating": tested.get(item),
                }
                for item, why in zip(items, reasons, strict=True)
            ]
            lists.append({"user": self.catalog.users[user - 1], "items": entries})
        return lists

    def _terms_section(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Section:
        """Returns the biases and the product as terms, in the unit of the ratings."""
        title = "The score as a sum" if self.is_implicit else "The rating as a sum"
        if not isinstance(net, ExplainingLayer):
            return Section(title, [])
        sources, _ = net.explain((0, 0), *inputs)
        mean, unit = self._scaling
        rows = [] if self.is_implicit else [["mean of the training split", f"{mean:.4f}"]]
        total = mean
        for source in sources:
            value = unit * float(source.value)
            total += value
            rows.append([_TERMS.get(source.of, source.of), f"{value:+.4f}"])
        limited = float(self.scores(outputs)[0, 0])
        rows.append(["sum", f"{total:.4f}"])
        if not self.is_implicit and abs(limited - total) > 1e-6:
            rows.append(["limited to the range of ratings", f"{limited:.4f}"])
        return Section(title, [Table(["term", "value"], rows, numbers=(1,))])


def _texts(table: Tensor | None) -> list[str] | None:
    """Returns a table as one text per row, which is short in JSON."""
    if table is None:
        return None
    return [" ".join(f"{value:.9g}" for value in row) for row in table.tolist()]


def _table(texts: Sequence[str] | None) -> Tensor | None:
    """Returns the table of `_texts`."""
    if texts is None:
        return None
    return torch.tensor([[float(value) for value in row.split()] for row in texts])


def implicit_column(count: int) -> Column:
    """Returns the column of rows that only say what was chosen."""
    return Column(IMPLICIT, "number", np.ones(count))


ANSWER = Rating
