"""Results: the scores of the candidates, as JSON in the run folder and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import inf, isnan, nan

from kissipo.core.config import to_plain
from kissipo.core.description import Cell, Line, Section, Table
from kissipo.core.inferred_option import Candidate
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.notation import write_value
from kissipo.core.text import format_score
from kissipo.engine.run_folder import CANDIDATES, RunFolder
from kissipo.runs.choose_net.time_blocks import is_better

_MAX_ERROR = 200
LOSS_DECIDES = "Where no score is better by more than its standard error, the loss decides."
FIRST_STAYS = (
    "Another net replaces the default net only where it is better by more than two standard "
    "errors. These are computed from blocks of time, as neighboring windows share steps."
)


@dataclass(frozen=True)
class Trial:
    """The training of a candidate in one round.

    share:    the fraction of its full training
    score:    the main metric
    loss:     the log loss of categories, else the validation loss
    noise:    the standard error of the score, where it is a mean over the samples
    blocks:   the mean quality in each block of time, where samples share steps
    error:    what went wrong; the other values are NaN then
    """

    share: float
    score: float = nan
    loss: float = nan
    noise: float = 0.0
    blocks: tuple[float, ...] = ()
    seconds: float = 0.0
    error: str = ""

    @property
    def is_valid(self) -> bool:
        """Whether the candidate has a score."""
        return not self.error and not isnan(self.score)


@dataclass(frozen=True)
class Row:
    """A candidate with its trials.

    round:     the last round that it reached, counted from 1; a net that is solved, not
               trained in steps, has one trial in all rounds
    left_out:  why it was not trained, if it was not
    """

    title: str
    options: JsonMapping
    trials: tuple[Trial, ...] = ()
    round: int = 0
    left_out: str = ""

    @property
    def last(self) -> Trial | None:
        """The trial of the last round of the candidate."""
        return self.trials[-1] if self.trials else None


@dataclass(frozen=True)
class Results:
    """All candidates, the default net first.

    metric:    the main metric of the answer
    samples:   where they were evaluated, such as "the validation split"
    winner:    the number of the best candidate; None until it is known
    first_stays:  whether the first candidate wins unless another one is better by more
               than chance; else the loss decides between equal ones
    """

    budget: str
    seed: int
    metric: str
    higher_is_better: bool
    samples: str
    rows: tuple[Row, ...]
    winner: int | None = None
    first_stays: bool = False

    def with_trial(self, number: int, trial: Trial) -> Results:
        """Returns the results with another trial of a candidate."""
        row = self.rows[number]
        return self._with_row(number, replace(row, trials=(*row.trials, trial)))

    def reached(self, number: int, round: int) -> Results:
        """Returns the results with a candidate that takes part in a round."""
        return self._with_row(number, replace(self.rows[number], round=round))

    def without(self, number: int, reason: str) -> Results:
        """Returns the results with a candidate that takes no part."""
        return self._with_row(number, replace(self.rows[number], left_out=reason))

    def _with_row(self, number: int, row: Row) -> Results:
        rows = (*self.rows[:number], row, *self.rows[number + 1 :])
        return replace(self, rows=rows)

    @property
    def ranking(self) -> list[int]:
        """The numbers of the candidates with a score, the best first.

        Those of a later round come before those of an earlier one. A candidate whose
        score is within one standard error of the best counts as equally good; the loss
        decides between them, as it is less a matter of chance. Source: the rule of one
        standard error of Breiman et al., Classification and Regression Trees, 1984.

        The loss of a forecast is as much a matter of chance as its score. There the
        first candidate, the simplest, comes first unless the best is better by more
        than chance.
        """
        valid = [
            number
            for number, row in enumerate(self.rows)
            if row.last is not None and row.last.is_valid
        ]
        by_score = sorted(valid, key=lambda number: self._rank(number))
        equal = self._equal_to_first(by_score)
        if self.first_stays:
            first = [min(equal)] if equal and min(equal) == min(valid) else []
            return first + [number for number in by_score if number not in first]
        equal.sort(key=lambda number: (self._loss(number), by_score.index(number)))
        return equal + [number for number in by_score if number not in equal]

    @property
    def is_decided_by_loss(self) -> bool:
        """Whether several candidates are equally good, so that their losses decided."""
        if self.first_stays:
            return False
        ranking = self.ranking
        by_score = sorted(ranking, key=lambda number: self._rank(number))
        return len(self._equal_to_first(by_score)) > 1

    def _equal_to_first(self, by_score: Sequence[int]) -> list[int]:
        """Returns the candidates that are as good as the first one, which is among
        them."""
        if not by_score:
            return []
        best = self.rows[by_score[0]]
        return [number for number in by_score if self._is_equal(self.rows[number], best)]

    def _rank(self, number: int) -> tuple[float, ...]:
        row = self.rows[number]
        assert row.last is not None
        score = -row.last.score if self.higher_is_better else row.last.score
        return -row.round, score, self._loss(number), number

    def _loss(self, number: int) -> float:
        last = self.rows[number].last
        return inf if last is None or isnan(last.loss) else last.loss

    def _is_equal(self, row: Row, best: Row) -> bool:
        """Returns whether a candidate is as good as the best one of its round."""
        assert row.last is not None and best.last is not None
        if row.round != best.round:
            return False
        if best.last.blocks:
            return not is_better(best.last.blocks, row.last.blocks)
        return abs(best.last.score - row.last.score) <= best.last.noise

    @property
    def compared(self) -> int:
        """The number of candidates that were trained."""
        return sum(not row.left_out for row in self.rows)

    def reason(self) -> str:
        """Returns why the net of the winner was chosen."""
        ranking = self.ranking
        best = min(ranking, key=self._rank) if ranking else None
        if self.first_stays and self.winner == 0 and best != 0:
            return f"no candidate of {self.compared} is clearly better on {self.samples}"
        return f"best of {self.compared} candidates on {self.samples}"

    def to_json(self) -> JsonObject:
        """Returns the results as a JSON object; NaN is null."""
        content = asdict(self)
        for row in content["rows"]:
            row["options"] = {place: to_plain(value) for place, value in row["options"].items()}
            for trial in row["trials"]:
                trial |= {key: None if isnan(trial[key]) else trial[key] for key in _NUMBERS}
        content["candidates"] = content.pop("rows")
        return content

    @classmethod
    def from_json(cls, content: JsonMapping) -> Results:
        """Returns the results of a run folder."""
        rows = [
            Row(
                row["title"],
                row["options"],
                tuple(map(_trial, row["trials"])),
                row["round"],
                row["left_out"],
            )
            for row in content["candidates"]
        ]
        names = ("budget", "seed", "metric", "higher_is_better", "samples", "winner")
        written = {name: content[name] for name in names}
        return cls(rows=tuple(rows), first_stays=content.get("first_stays", False), **written)


_NUMBERS = ("score", "loss", "noise")  # NaN is null in JSON


def _trial(content: JsonMapping) -> Trial:
    numbers = {key: nan if content[key] is None else content[key] for key in _NUMBERS}
    return Trial(**{**content, **numbers, "blocks": tuple(content.get("blocks", ()))})


def first_results(
    candidates: Sequence[Candidate],
    *,
    budget: str,
    seed: int,
    metric: str,
    higher_is_better: bool,
    samples: str,
    first_stays: bool = False,
) -> Results:
    """Returns the results before the first round."""
    rows = [
        Row(candidate.title, {option.place: option.value for option in candidate.options})
        for candidate in candidates
    ]
    return Results(
        budget, seed, metric, higher_is_better, samples, tuple(rows), first_stays=first_stays
    )


def results_table(results: Results) -> Table:
    """Returns the candidates in their order, the winner highlighted."""
    order = results.ranking
    order += [number for number in range(len(results.rows)) if number not in order]
    rows = [_table_row(results.rows[number], number == results.winner) for number in order]
    titles = ["candidate", results.metric, "loss", "trained", "seconds", ""]
    return Table(titles, rows, numbers=(1, 2, 3, 4))


def _table_row(row: Row, is_winner: bool) -> list[str]:
    title = Cell(row.title, "strong") if is_winner else row.title
    if row.last is None:
        return [title, "", "", "", "", Cell(row.left_out, "dim")]
    seconds = f"{sum(trial.seconds for trial in row.trials):.1f}"
    note = row.last.error or (Cell("chosen", "good") if is_winner else "")
    score, loss = (
        "" if isnan(value) else format_score(value) for value in (row.last.score, row.last.loss)
    )
    return [title, score, loss, f"{row.last.share:.0%}", seconds, note]


def results_section(results: Results) -> Section:
    """Returns the comparison as the report shows it."""
    sentences: list[Line | Table] = [
        Line(
            f"No net was written, so {results.compared} candidates were compared on "
            f"{results.samples}. The test split had no part in it."
        ),
        results_table(results),
        Line(
            "Trained: the fraction of the full training in the last round of a candidate. "
            + (FIRST_STAYS if results.first_stays else LOSS_DECIDES),
            "dim",
        ),
    ]
    if results.winner is not None:
        options = results.rows[results.winner].options
        written = "  ".join(f"{place}={write_value(value)}" for place, value in options.items())
        sentences.append(Line(written, "code"))
    return Section("Choice of the net", sentences)


def shorten_error(error: Exception) -> str:
    """Returns an error of a candidate in one line."""
    text = str(error) or type(error).__name__
    first = text.splitlines()[0]
    return first if len(first) <= _MAX_ERROR else first[: _MAX_ERROR - 3] + "..."


def read_results(folder: RunFolder) -> Results:
    """Returns the comparison of a run.

    Raises:   RunError when there was none.
    """
    return Results.from_json(folder.read_of_this_version(CANDIDATES))


def comparison_sections(folder: RunFolder) -> list[Section]:
    """Returns how the net of a run was chosen, where candidates were compared."""
    if not (folder.path / CANDIDATES).exists():
        return []
    return [results_section(read_results(folder))]
