"""Choose: compares the candidates of a task by successive halving.

The results are written to the run folder after each training of a candidate, so that a
comparison that was killed goes on where it was. As nothing depends on the time, it ends
with the same winner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from kissipo.core.config import to_frozen, to_plain
from kissipo.core.errors import DataError, StoppedError
from kissipo.core.finding import counted
from kissipo.core.inferred_option import Candidate
from kissipo.core.notation import write_value
from kissipo.core.task import Task
from kissipo.core.text import format_score
from kissipo.pipeline.candidates import candidates_of, with_candidate, with_winner
from kissipo.pipeline.experiment import EncodedTask, Experiment, assemble, encode_task
from kissipo.pipeline.pipeline import Pipeline
from kissipo.runs.choose_net.budget import Budget
from kissipo.runs.choose_net.origins import max_blocks, origins
from kissipo.runs.choose_net.plan import (
    Cost,
    cost_of,
    fold_count,
    is_too_slow,
    shares,
)
from kissipo.runs.choose_net.results import Results, Trial, first_results, shorten_error
from kissipo.runs.choose_net.samples import can_be_divided, folds, limited, without_test
from kissipo.runs.choose_net.time_blocks import MIN_BLOCKS
from kissipo.runs.choose_net.trial import Contender, try_out

Notify = Callable[[str], None]
Save = Callable[[Results], None]
_VALIDATION = "the validation split"
_TOO_SLOW = "too slow for this budget"
_TOO_SHORT = (
    "net: auto takes the default net. The series is too short to show that another net "
    f"is better: that needs {2 * MIN_BLOCKS} forecasts that share no step"
)


class Choice:
    """The candidates of a task and their comparison.

    encoded:  the task with its data
    stored:    the results of a comparison that was stopped; None starts a new one
    """

    def __init__(
        self,
        encoded: EncodedTask,
        budget: Budget,
        *,
        seed: int,
        device: str,
        stored: Results | None = None,
    ) -> None:
        self.encoded, self.budget, self.seed, self.device = encoded, budget, seed, device
        self._others: dict[str, EncodedTask] = {}
        self.candidates: Sequence[Candidate] = ()
        self.remark = ""
        if budget.seconds and len(encoded.pipeline.datasets["validation"]):
            declared = candidates_of(encoded.task, encoded.pipeline, without=budget.without)
            self.candidates = declared if len(declared) > 1 else ()
        if self.candidates and self._first_stays and not _separates_nets(encoded.pipeline):
            self.candidates, self.remark = (), _TOO_SHORT
        self._first_error: Exception | None = None
        self._stored = stored
        self.results = self._begin()

    @property
    def is_needed(self) -> bool:
        """Whether there is more than one candidate; `remark` says why nets that differ
        are not compared."""
        return bool(self.candidates)

    @property
    def _first_stays(self) -> bool:
        """Whether another candidate must be better beyond chance: forecasts share the
        steps of their targets, and their loss is as uncertain as their score."""
        pipeline = self.encoded.pipeline
        return pipeline.overlap > 1 and pipeline.answers[0].forecasts

    def _begin(self) -> Results:
        answer = self.encoded.pipeline.answers[0]
        return first_results(
            self.candidates,
            budget=self.budget.name,
            seed=self.seed,
            metric=answer.monitor,
            higher_is_better=answer.HIGHER_IS_BETTER,
            samples=_VALIDATION,
            first_stays=self._first_stays,
        )

    def run(self, save: Save, notify: Notify) -> EncodedTask:
        """Compares the candidates; returns the task with the best one, and its data.

        save:     is called with the results after each training
        notify:   is called with sentences for the user
        Raises:   StoppedError after Ctrl-C; the error of the first candidate where none
                  can be trained.
        """
        contenders = self._contenders()
        rounds = shares([item.cost for item in contenders], self.budget.multiplications)
        notify(
            f"net: auto compares {counted(len(contenders), 'candidate')} on "
            f"{self.results.samples} (--budget {self.budget.name})"
        )
        for number, (_, share) in enumerate(rounds, start=1):
            for contender in contenders:
                self.results = self.results.reached(contender.number, number)
                if number == 1 or not contender.cost.is_solved:
                    self._try_out(contender, share, number, notify)
                    save(self.results)
            contenders = self._remaining(contenders, rounds[number:])
        return self._winner(save)

    def _try_out(self, contender: Contender, share: float, number: int, notify: Notify) -> None:
        """Adds a trial of a candidate to the results; a stored one is not repeated."""
        share = 1.0 if contender.cost.is_solved else share
        trial = self._stored_trial(contender.number, number)
        if trial is None:
            trial = try_out(contender, share, seed=self.seed, device=self.device)
        self.results = self.results.with_trial(contender.number, trial)
        outcome = f"{self.results.metric} {format_score(trial.score)}"
        if not trial.is_valid:
            outcome = f"failed: {trial.error}"
        notify(f"{contender.title}, trained {share:.0%}: {outcome}  {trial.seconds:.1f} s")

    def _stored_trial(self, number: int, round: int) -> Trial | None:
        trials = self._stored.rows[number].trials if self._stored is not None else ()
        return trials[round - 1] if len(trials) >= round else None

    def _remaining(
        self, contenders: Sequence[Contender], rounds: Sequence[tuple[int, float]]
    ) -> list[Contender]:
        """Returns the candidates of the next round: the best ones, and the solved
        ones."""
        if not rounds:
            return []
        by_number = {contender.number: contender for contender in contenders}
        ranked = [by_number[number] for number in self.results.ranking if number in by_number]
        trained = [contender for contender in ranked if not contender.cost.is_solved]
        left = [*trained[: rounds[0][0]], *(item for item in ranked if item.cost.is_solved)]
        return sorted(left, key=lambda contender: contender.number)

    def _winner(self, save: Save) -> EncodedTask:
        ranking = self.results.ranking
        if not ranking:
            raise self._first_error or self._failure()
        self.results = replace(self.results, winner=ranking[0])
        save(self.results)
        candidate = self.candidates[ranking[0]]
        task = with_winner(self.encoded.task, candidate, self.results.reason())
        return self._data_of(task)

    def _failure(self) -> DataError:
        row = next(row for row in self.results.rows if row.last is not None)
        assert row.last is not None
        return DataError(
            f"none of the {self.results.compared} candidates for the net can be trained",
            got=f"{row.title}: {row.last.error}",
            do="Name a net, such as process.net=linear, to see its whole error",
        )

    def _contenders(self) -> list[Contender]:
        """Returns the candidates that can be built, with their samples and costs."""
        built = [item for item in map(self._built, range(len(self.candidates))) if item]
        if not built:
            return []
        default = built[0][1]
        costs = {number: cost for number, cost, _ in built}
        budget = self.budget.multiplications
        part = self._part(built[0][2])
        fast = [item for item in built if not is_too_slow(item[1], default, budget, part=part)]
        for number in set(costs) - {number for number, _, _ in fast}:
            self.results = self.results.without(number, _TOO_SLOW)
        samples = len(self.encoded.pipeline.datasets["validation"])
        count = fold_count([cost for _, cost, _ in fast], budget, samples)
        divided = [self._divided(experiment, count) for _, _, experiment in fast]
        return [
            Contender(
                number,
                self.candidates[number].title,
                experiment.task,
                pipelines,
                _with_folds(cost, len(pipelines)),
            )
            for (number, cost, experiment), pipelines in zip(fast, divided, strict=True)
        ]

    def _divided(self, experiment: Experiment, count: int) -> list[Pipeline]:
        """Returns the pipelines of several folds, or of several origins of a forecast;
        else the one with the validation split."""
        pipeline, pipelines = experiment.pipeline, []
        if count > 1 and self._first_stays:
            pipelines = origins(pipeline, count)
            samples = f"{count} parts of the training and validation steps"
        elif count > 1 and can_be_divided(experiment):
            pipelines = folds(pipeline, count, seed=self.seed)
            samples = f"{count} folds of the training and validation samples"
        if not pipelines:
            return [pipeline]
        self.results = replace(self.results, samples=samples)
        return pipelines

    def _part(self, experiment: Experiment) -> float:
        """Returns the fraction of the training samples that candidates get at most."""
        used, every = experiment.pipeline.datasets, self.encoded.pipeline.datasets
        return len(used["train"]) / max(1, len(every["train"]))

    def _built(self, number: int) -> tuple[int, Cost, Experiment] | None:
        """Returns a candidate with its cost, or None where it cannot be built."""
        try:
            task = with_candidate(self.encoded.task, self.candidates[number])
            pipeline = limited(
                without_test(self._data_of(task).pipeline), self.budget.max_samples, seed=self.seed
            )
            experiment = assemble(task, pipeline, seed=self.seed, device=self.device)
            return number, cost_of(experiment), experiment
        except StoppedError:
            raise
        except Exception as error:  # the others are compared without it
            self._first_error = self._first_error or error
            trial = Trial(0.0, error=shorten_error(error))
            self.results = self.results.with_trial(number, trial)
            return None

    def _data_of(self, task: Task) -> EncodedTask:
        """Returns the data for a candidate, encoded once for equal options."""
        before = self.encoded.task.input
        own = {
            key: value
            for key, value in task.input.items()
            if key not in before or (isinstance(value, Mapping) and value != before[key])
        }
        key = write_value(to_plain(to_frozen(own)))
        if own and key not in self._others:
            reading = self.encoded.reading
            self._others[key] = encode_task(task, seed=self.seed, reading=reading)
        encoded = self._others[key] if own else self.encoded
        return replace(encoded, task=task)


def _separates_nets(pipeline: Pipeline) -> bool:
    """Returns whether there are enough steps to find one net better than another."""
    return max_blocks(pipeline) >= MIN_BLOCKS


def _with_folds(cost: Cost, count: int) -> Cost:
    return replace(cost, training=cost.training * count)
