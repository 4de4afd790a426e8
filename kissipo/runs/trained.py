"""TrainedModel: a trained net with its task, codecs and answers, opened from its folder or fresh from training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from kissipo.core.codec import Door, restore
from kissipo.core.errors import DataError, RunError, TaskError
from kissipo.core.finding import refuse_failures
from kissipo.core.frame import Frame
from kissipo.core.seeds import torch_generator
from kissipo.core.task import Task
from kissipo.engine.checkpoint import load_checkpoint
from kissipo.engine.evaluate import answer_all
from kissipo.engine.generate import write_on
from kissipo.engine.run_folder import CODECS, DATA, METRICS, MODEL, TASK, RunFolder
from kissipo.input.check.masks import mask_findings
from kissipo.input.tensor_dataset import TensorFeed
from kissipo.output.answer import Answer, Decision
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.mask import Marks
from kissipo.output.answers.text import NextUnit
from kissipo.output.score import Score
from kissipo.pipeline.experiment import Prepared, build_learn, build_net, prepare, read_data
from kissipo.pipeline.parse import Choices, read_task
from kissipo.pipeline.pipeline import Wiring
from kissipo.pipeline.registries import ANSWERS, WIRINGS
from kissipo.pipeline.resolve import is_remark
from kissipo.runs.parse_inputs import fit_to, frame_of
from kissipo.runs.scores import score
from kissipo.runs.train import judge

_STAND_ALONE = ("rows", "games")  # samples each of which can be judged without those before it


class TrainedModel:
    """A trained net with its task, codecs and answers: what can be asked of it needs no more than this."""

    def __init__(
        self,
        folder: Path,
        task: Task,
        net: nn.Module,
        doors: Sequence[Door],
        answers: Sequence[Answer],
        *,
        prepared: Prepared | None = None,
    ) -> None:
        self.folder, self.task, self.net = Path(folder), task, net.eval()
        self.doors, self.answers = tuple(doors), tuple(answers)
        self._prepared = prepared
        self.remark = ""

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """A run from its folder.

        Raises:   RunError when the folder is missing, cut short, damaged or of another version.
        """
        folder = RunFolder(Path(path))
        task = Task.from_yaml(folder.read_text(TASK), origin=str(folder.path / TASK), name=folder.path.name)
        codecs = folder.read_of_this_version(CODECS)
        try:
            doors = tuple(restore(each) for each in codecs["inputs"])
            answers = tuple(_restore_answer(each) for each in codecs["answers"])
        except (KeyError, TypeError) as error:
            raise RunError(f"{folder.path / CODECS} is damaged: {error}", do="Train it again") from None
        choices = read_task(task)
        net = build_net(choices, Wiring(Frame(()), {}, doors, answers, {}))
        weights = folder.read_weights()
        try:
            net.load_state_dict(weights)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise RunError(
                f"the weights in {folder.path} do not fit its task.yaml: {reason}",
                do="Was task.yaml edited? Restore it",
            ) from None
        return cls(folder.path, task, net, doors, answers)

    @classmethod
    def look(cls, path: Path | str) -> Self:
        """As `open`; a run that is still learning, or was stopped, with the weights of its last checkpoint, to look into.

        Raises:   RunError as `open`, and when nothing was saved yet.
        """
        folder = RunFolder(Path(path))
        is_ended = any((folder.path / name).exists() for name in (MODEL, METRICS))
        found = None if is_ended or not folder.path.is_dir() else load_checkpoint(folder.checkpoints)
        if found is None:
            return cls.open(path)
        task = Task.from_yaml(folder.read_text(TASK), origin=str(folder.path / TASK), name=folder.path.name)
        prepared = _prepared_again(task, folder)
        wiring, (state, _) = prepared.wiring, found
        prepared.net.load_state_dict(state["net"])
        run = cls(folder.path, prepared.task, prepared.net, wiring.doors, wiring.answers, prepared=prepared)
        epoch = state["position"].get("epoch", 0) + 1
        run.remark = f"the training is not finished: these are the weights of its last checkpoint, in epoch {epoch}"
        return run

    @cached_property
    def choices(self) -> Choices:
        """The task, read."""
        return read_task(self.task)

    @property
    def seed(self) -> int:
        """The seed it was trained with."""
        return int(RunFolder(self.folder).read_json(DATA)["seed"])

    @property
    def metrics(self) -> dict[str, Any]:
        """What `metrics.json` says."""
        content: dict[str, Any] = RunFolder(self.folder).read_json(METRICS)
        return content

    @property
    def history(self) -> list[dict[str, float]]:
        """One row an epoch."""
        return RunFolder(self.folder).read_history()

    def evaluate(self, data: Any = None) -> list[Score]:
        """Judges the net beside the simple answers, on its own test part or on other data with answers.

        Raises:   DataError when a column is missing or of another kind.
        """
        if data is not None:
            return score(self.net, self._wiring_of(data), asked=self.choices.baselines, seed=self.seed)[0]
        return judge(self.prepared(), seed=self.seed).scores

    def predict_all(self, values: Sequence[Any]) -> tuple[list[tuple[Decision, ...]], list[str]]:
        """All answers for all values, and remarks on what was never seen in training, cut or filled."""
        frame, feed, remarks = self.encode(values)
        outputs = answer_all(self.net, feed)
        truths = [feed.truth(number) for number in range(len(feed.targets))]
        decided = [answer.decisions(output, truths) for answer, output in zip(self.answers, outputs, strict=True)]
        if isinstance(self.answers[0], Anomaly):
            remarks.append(
                f"the first answer is for row {len(frame) - len(decided[0]) + 1}: the rows before it fill a window"
            )
        return list(zip(*decided, strict=True)), remarks

    def generate_units(
        self, start: str, length: int, temperature: float, top_k: int | None, seed: int
    ) -> tuple[list[str], Iterator[str]]:
        """Remarks on the start, and what is written, piece by piece."""
        answer = self.answers[0]
        if not isinstance(answer, NextUnit):
            raise TaskError(
                f"this run answers {', '.join(each.name for each in self.answers)} and does not write",
                allowed="a run on a plain text: kissipo fit novel.txt",
            )
        units, frame = answer.split(start)
        index, mark = answer.codec.inner, "" if answer.unit == "characters" else " "
        ids = index.encode(frame) if units else torch.tensor([1])  # without a start after the most frequent token
        drawn = write_on(
            self.net,
            ids,
            length=length,
            temperature=temperature,
            top_k=top_k,
            dice=torch_generator(seed, "generate"),
            never=(0,),
        )
        words = index.port.words
        return index.remarks(frame) if units else [], (mark + words[each] for each in drawn)

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self.folder}')"

    def encode(self, values: Sequence[Any]) -> tuple[Frame, TensorFeed, list[str]]:
        """The values as columns, as the net takes them, and remarks on what was never seen in training, cut or filled."""
        frame = fit_to(frame_of(values, self.choices, self.doors), self.doors)
        feed = self.encode_frame(frame)
        return frame, feed, [remark for door in self.doors for remark in door.remarks(frame)]

    def encode_frame(self, frame: Frame) -> TensorFeed:
        """New samples as the net takes them."""
        module = WIRINGS.find(self.choices.source.module.SAMPLES, place="input")
        feed: TensorFeed = module.question(frame, self.doors, self.answers)
        return feed

    def wiring(self) -> Wiring:
        """The data it was trained on, encoded as in training."""
        return self.prepared().wiring

    def prepared(self) -> Prepared:
        """Its task with the data that it was trained on, and this net.

        Raises:   DataError when the data were not kept, or have changed.
        """
        if self._prepared is None:
            if is_remark(self.choices.source.value):
                raise DataError(
                    f"this run was trained on data {self.choices.source.value}, which are not kept",
                    do="Give the data to judge by: run.evaluate(data)",
                )
            prepared = _prepared_again(self.task, RunFolder(self.folder))
            learn = build_learn(prepared.choices, prepared.wiring, self.net)
            # the answers of the run know what they learned after the data were read
            wiring = replace(prepared.wiring, answers=self.answers)
            self._prepared = replace(prepared, wiring=wiring, net=self.net, learn=learn)
        return self._prepared

    def _wiring_of(self, data: Any) -> Wiring:
        """Other data, all of them as test part."""
        choices = self.choices
        way = WIRINGS.find(choices.source.module.SAMPLES, place="input")
        if choices.source.module.SAMPLES not in _STAND_ALONE:
            raise TaskError(f"a run on {choices.source.word} is judged on its own test part only", do="Leave DATA out")
        changed = {f"input.{choices.source.word}": data} | ({"input.masks": None} if "masks" in self.task.input else {})
        frame = read_data(read_task(self.task.with_words(changed))).frame
        answered = [column for answer in self.answers for column in answer.codec.columns]
        frame = fit_to(frame, self.doors, also=answered)
        for column in answered:
            frame = frame.take(np.flatnonzero(~frame[column].missing))
        if not len(frame):
            raise DataError(f"no row of {frame.origin} has an answer to judge by")
        for answer in self.answers:
            if isinstance(answer, Marks):
                refuse_failures(mask_findings(frame, answer.codec.column))
        feed = way.question(frame, self.doors, self.answers, judged=True)
        everything = np.arange(len(frame))
        nothing = everything[:0]
        parts = {"train": nothing, "validation": nothing, "test": everything}
        feeds = {"train": feed.take(slice(0, 0)), "validation": feed.take(slice(0, 0)), "test": feed}
        return Wiring(frame, parts, self.doors, self.answers, feeds)


def _prepared_again(task: Task, folder: RunFolder) -> Prepared:
    """The task with the data that it was trained on.

    Raises:   DataError when they have changed.
    """
    kept = folder.read_json(DATA)
    prepared = prepare(task, seed=int(kept["seed"]), start=False)
    if kept["fingerprint"] != prepared.wiring.frame.fingerprint():
        raise DataError(
            f"the data of {prepared.wiring.frame.origin} have changed since this run was trained",
            do="Give the data to judge by: kissipo evaluate RUN DATA",
        )
    return prepared


def _restore_answer(content: Mapping[str, Any]) -> Answer:
    state = dict(content)
    word = state.pop("answer")
    answer: Answer = ANSWERS.find(word, place="codecs.json").ANSWER.from_state(state)
    return answer
