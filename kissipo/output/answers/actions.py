"""Actions: the action to take in each state, the argmax of its Q-values.

A policy is evaluated by the return (the sum of rewards) of many episodes, each with its
own random seed. When the environment publishes its transition model, value iteration
also gives the fraction of states in which the policy picks an optimal action.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from torch import Tensor

from kissipo.core.codec import Codec, restore, save
from kissipo.core.description import Cell, Line, Record, Section, Table
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Scores,
)

SEEDS = "no training and no choice of a policy used their random seeds"
_ARROWS = {"left": "←", "right": "→", "up": "↑", "down": "↓"}
_MAP_NOTE = (
    "Each field shows its action and the value of that action; green: optimal. Fields that "
    "end the episode, or that no episode reaches, show their letter: H hole, G goal, C cliff."
)
_MAX_STATES, _MAX_SHOWN_STATES = 64, 200  # in the terminal, in the report
_MAX_ACTIONS, _MAX_SHOWN_ACTIONS = 4, 6  # likewise, with the values of all actions


@dataclass(frozen=True)
class Options:
    """The options of actions."""

    episodes: int = option(1000, "number of evaluation episodes", minimum=2)


class Actions(Answer):
    """The action with the highest Q-value."""

    WORD = "actions"
    EVAL_METRIC = "return"
    HIGHER_IS_BETTER = True
    BASELINES = ("random_policy", "value_iteration")
    SCORE_NOTE = (
        "The policy and the baselines play the same number of episodes. No training and no "
        "choice of a policy used their random seeds."
    )

    def __init__(self, codec: Codec, names: tuple[str, ...], options: Options = Options()) -> None:
        self.codec = codec
        self.names, self.options = tuple(names), options

    @property
    def name(self) -> str:
        return "action"

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec("action", ("action",), (len(self.names),), labels=self.names)

    def suggested_net(self) -> InferredOption | None:
        if not self.codec.spec.vocab_size:
            return None
        return InferredOption("process.net", "q_table", "the states and actions are finite")

    def scores(self, outputs: Tensor) -> Scores:
        return outputs.detach().numpy().astype(np.float64)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        """Evaluates `scores`, the returns of the episodes; `truth` is unused."""
        mean, std = float(scores.mean()), float(scores.std(ddof=1))
        return Evaluation(
            {"return": mean, "std": std, "min": float(scores.min()), "max": float(scores.max())},
            per_sample=scores,
        )

    def decode(self, scores: Scores) -> list[Prediction]:
        predictions = []
        for row in scores:
            order = [int(action) for action in np.argsort(-row, kind="stable")]
            others = tuple((f"Q({self.names[action]})", float(row[action])) for action in order)
            predictions.append(Prediction(self.names[order[0]], None, others))
        return predictions

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        values = self.scores(outputs)
        best = int(values[0].argmax())
        description = ", ".join(
            f"{name} {value:.4g}" for name, value in zip(self.names, values[0], strict=True)
        )
        return [
            DecodingStep("values", values.shape[1:], values[0], description),
            DecodingStep("decision", (), best, "argmax"),
            DecodingStep("action", (), self.names[best], f"action {best} is '{self.names[best]}'"),
        ]

    def state(self) -> JsonObject:
        return {
            "codec": save(self.codec),
            "names": list(self.names),
            "episodes": self.options.episodes,
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        return cls(restore(state["codec"]), tuple(state["names"]), Options(state["episodes"]))

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line | Table]:
        policy = evaluation.details.get("policy")
        if policy is None:
            return []
        maps = [_policy_map(policy)] if policy.get("fields") else []
        table = _policy_table(policy, max_states=_MAX_STATES, max_actions=_MAX_ACTIONS)
        return [*maps, table, *_rest(policy, _MAX_STATES)]

    def evaluated_samples(self, evaluation: Evaluation, part: str) -> str:
        assert evaluation.per_sample is not None
        return f"{len(evaluation.per_sample):,} episodes; {SEEDS}"

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        policy = data.evaluation.details.get("policy")
        if policy is None:
            return []
        text = (
            "Q: the learned values; Q*: the values of value iteration, which are optimal; "
            "best: the action with the largest Q*."
        )
        table = _policy_table(policy, max_states=_MAX_SHOWN_STATES, max_actions=_MAX_SHOWN_ACTIONS)
        rest = _rest(policy, _MAX_SHOWN_STATES)
        sections = [Section("Policy", [table, *rest, Line(text, "dim")])]
        if policy.get("fields"):
            records: list[Record] = [_policy_map(policy), Line(_MAP_NOTE, "dim")]
            sections.insert(0, Section("Policy map", records))
        return sections


def _policy_map(policy: JsonMapping) -> Table:
    """Returns the fields of a grid, each with its action and its value."""
    actions, values = policy["actions"], policy["q_values"]
    columns = len(policy["fields"][0])
    rows = []
    for row, letters in enumerate(policy["fields"]):
        cells: list[str] = []
        for column, letter in enumerate(letters):
            state = row * columns + column
            best = int(np.argmax(values[state]))
            text = f"{_ARROWS.get(actions[best], actions[best])} {max(values[state]):.3g}"
            agrees = "good" if policy["agrees"][state] else "bad"
            style = agrees if policy["matters"][state] else "dim"
            cells.append(Cell(text if policy["matters"][state] else letter, style))
        rows.append([str(row), *cells])
    return Table(["", *map(str, range(columns))], rows, numbers=range(1, 1 + columns))


def _rest(policy: JsonMapping, max_states: int) -> list[Line]:
    """Returns a sentence on the states that the table leaves out, if any."""
    count = len(policy["states"])
    if count <= max_states:
        return []
    return [Line(f"These are the first {max_states} of {count:,} states.", "dim")]


def _policy_table(policy: JsonMapping, *, max_states: int, max_actions: int) -> Table:
    """Returns the Q-values of all states with a choice, beside value iteration.

    max_actions:  above this number only the value of the best action is shown
    """
    actions, rows = policy["actions"], []
    names, is_whole = [f"({name})" for name in actions], len(actions) <= max_actions
    names = names if is_whole else [""]
    for index, state in enumerate(policy["states"][:max_states]):
        if policy["matters"][index]:
            values, optimal = policy["q_values"][index], policy["best"][index]
            columns = [row if is_whole else [max(row)] for row in (values, optimal)]
            agrees = policy["agrees"][index]
            rows.append([
                state,
                *(f"{value:.3f}" for value in columns[0]),
                actions[int(np.argmax(values))],
                *(Cell(f"{value:.3f}", "dim") for value in columns[1]),
                Cell(actions[int(np.argmax(optimal))], "dim"),
                Cell("agrees", "good") if agrees else Cell("differs", "bad"),
            ])  # fmt: skip
    count = len(names)
    return Table(
        ["state", *(f"Q{name}" for name in names), "policy", *(f"Q*{name}" for name in names),
         "best", ""],
        rows,
        numbers=(*range(1, 1 + count), *range(2 + count, 2 + 2 * count)),
    )  # fmt: skip


ANSWER = Actions
