"""TrainedModel: a trained net with its task, codecs and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.core.codec import Codec, restore, save
from kissipo.core.errors import DataError, RunError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonObject
from kissipo.core.python_object import is_remark
from kissipo.core.seeds import torch_generator
from kissipo.core.task import Task
from kissipo.engine.checkpoint import load_checkpoint
from kissipo.engine.evaluate import answer_all
from kissipo.engine.generate import generate_tokens
from kissipo.engine.run_folder import CODECS, DATA, FORMAT, METRICS, MODEL, TASK, RunFolder
from kissipo.input.source import Source
from kissipo.input.source_data import Reading
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer, Prediction
from kissipo.output.score import Score
from kissipo.pipeline.experiment import (
    Experiment,
    build_algorithm,
    build_experiment,
    build_net,
    read_data,
)
from kissipo.pipeline.parse import ResolvedTask, builder_of, read_task
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.registries import ANSWERS
from kissipo.runs.parse_inputs import cell_options, fit_to, frame_of
from kissipo.runs.scores import evaluate_scores
from kissipo.runs.train import evaluate_test_split


class TrainedModel:
    """A trained net with its task, codecs and outputs."""

    def __init__(
        self,
        folder: Path,
        task: Task,
        net: nn.Module,
        codecs: Sequence[Codec],
        answers: Sequence[Answer],
        *,
        experiment: Experiment | None = None,
    ) -> None:
        self.folder, self.task, self.net = Path(folder), task, net.eval()
        self.codecs, self.answers = tuple(codecs), tuple(answers)
        self._experiment = experiment
        self.remark = ""
        self.evaluation_remarks: list[str] = []  # on rows of other data that are left out

    @classmethod
    def open(cls, path: Path | str, *, net: nn.Module | None = None) -> Self:
        """Loads a run from its folder.

        net:      the torch module, where the net of the run was given in Python
        Raises:   RunError when the folder is missing, incomplete, damaged or of another
                  version.
        """
        folder = RunFolder(Path(path))
        task = Task.from_yaml(
            folder.read_text(TASK), origin=str(folder.path / TASK), name=folder.path.name
        )
        task = task if net is None else task.with_words({"process.net": net})
        saved = folder.read_of_this_version(CODECS)
        try:
            codecs = tuple(restore(codec) for codec in saved["inputs"])
            answers = tuple(_restore_answer(answer) for answer in saved["answers"])
        except (KeyError, TypeError) as error:
            raise RunError(
                f"{folder.path / CODECS} is damaged: {error}", do="Train it again"
            ) from None
        resolved = read_task(task)
        net = build_net(resolved, Pipeline(Frame(()), {}, codecs, answers, {}))
        weights = folder.read_weights()
        try:
            net.load_state_dict(weights)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise RunError(
                f"the weights in {folder.path} do not fit its task.yaml: {reason}",
                do="Was task.yaml edited? Restore it, and the vocabulary in codecs.json",
            ) from None
        return cls(folder.path, task, net, codecs, answers)

    @classmethod
    def look(cls, path: Path | str) -> Self:
        """Loads a run as `open` does, or the last checkpoint of an unfinished run.

        Raises:   RunError as `open`, and when there is no checkpoint yet.
        """
        folder = RunFolder(Path(path))
        is_ended = any((folder.path / name).exists() for name in (MODEL, METRICS))
        checkpoint = (
            None if is_ended or not folder.path.is_dir() else load_checkpoint(folder.checkpoints)
        )
        if checkpoint is None:
            return cls.open(path)
        task = Task.from_yaml(
            folder.read_text(TASK), origin=str(folder.path / TASK), name=folder.path.name
        )
        experiment = _rebuild_experiment(task, folder)
        pipeline, (state, _) = experiment.pipeline, checkpoint
        experiment.net.load_state_dict(state["net"])
        run = cls(
            folder.path,
            experiment.task,
            experiment.net,
            pipeline.codecs,
            pipeline.answers,
            experiment=experiment,
        )
        epoch = state["state"].get("epoch", 0) + 1
        run.remark = (
            "the training is not finished: these are the weights of its last checkpoint, "
            f"in epoch {epoch}"
        )
        return run

    @cached_property
    def resolved(self) -> ResolvedTask:
        """The task with its components and options resolved."""
        return read_task(self.task)

    @property
    def has_images(self) -> bool:
        """Whether a sample is an image."""
        return any(codec.is_image for codec in self.codecs)

    @property
    def seed(self) -> int:
        """The random seed of the training."""
        return int(RunFolder(self.folder).read_json(DATA)["seed"])

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`."""
        content: dict[str, Any] = RunFolder(self.folder).read_json(METRICS)
        return content

    @property
    def history(self) -> list[dict[str, float]]:
        """One row per epoch."""
        return RunFolder(self.folder).read_history()

    def evaluate(self, data: object = None) -> list[Score]:
        """Evaluates the net and the baselines on the test split, or on other data.

        Raises:   DataError when a column is missing or has another type.
        """
        if data is not None:
            return evaluate_scores(
                self.net,
                self._build_test_pipeline(data),
                baseline_names=self.resolved.baselines,
                metric_names=self.resolved.metrics,
                seed=self.seed,
            )[0]
        return evaluate_test_split(self.experiment(), seed=self.seed).scores

    def predict_all(
        self, values: Sequence[object]
    ) -> tuple[list[tuple[Prediction, ...]], list[str]]:
        """Returns the predictions, and remarks on unknown or truncated values."""
        predictions, _, remarks = self.predict_outputs(values)
        return predictions, remarks

    def predict_outputs(
        self, values: Sequence[object]
    ) -> tuple[list[tuple[Prediction, ...]], tuple[Tensor, ...], list[str]]:
        """Returns the predictions, the outputs of the net, and remarks."""
        frame, dataset, remarks = self.encode(values)
        outputs = answer_all(self.net, dataset, self.answers)
        truths = [dataset.truth(number) for number in range(len(dataset.targets))]
        decided = [
            answer.locate(
                answer.in_units_of(answer.predictions(output, truths), frame), dataset.steps
            )
            for answer, output in zip(self.answers, outputs, strict=True)
        ]
        remarks += [text for answer in self.answers for text in answer.prediction_remarks(self.net)]
        if self.answers[0].READS_TARGETS:
            remarks.append(
                f"the first prediction is for row {len(frame) - len(decided[0]) + 1}: "
                "the rows before it fill a window"
            )
        return list(zip(*decided, strict=True)), outputs, remarks

    def generate_tokens(
        self, start: str, length: int, temperature: float, top_k: int | None, seed: int
    ) -> tuple[list[str], Iterator[str]]:
        """Returns remarks on the start, and an iterator over the generated tokens."""
        vocabulary = self.answers[0].vocabulary
        if vocabulary is None:
            raise TaskError(
                f"this run predicts {', '.join(answer.name for answer in self.answers)} "
                "and does not generate text",
                allowed="a run on a plain text: kissipo fit novel.txt",
            )
        units, frame = vocabulary.split(start)
        # without a start, the generation continues the most frequent token
        ids = vocabulary.codec.encode(frame) if units else torch.tensor([1])
        drawn = generate_tokens(
            self.net,
            ids,
            length=length,
            temperature=temperature,
            top_k=top_k,
            generator=torch_generator(seed, "generate"),
            never=(0,),
        )
        remarks = vocabulary.codec.remarks(frame) if units else []
        return remarks, map(vocabulary.continuation, drawn)

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self.folder}')"

    def encode(self, values: Sequence[object]) -> tuple[Frame, TensorDataset, list[str]]:
        """Encodes values, with remarks on unknown, truncated or padded values."""
        frame = frame_of(values, self.resolved, self.codecs)
        extra = self.answers[0].context_columns(frame)
        frame = fit_to(frame, self.codecs, cell_options(self.resolved), extra)
        frame = self.answers[0].adapt_values(frame)
        dataset = self.encode_frame(frame)
        scales = self.answers[0].scales
        read = frame if scales is None else scales.past(frame, self.answers[0].variables)
        remarks = [remark for codec in self.codecs for remark in codec.remarks(read)]
        remarks += dataset.remarks
        return frame, dataset, remarks + ([] if scales is None else scales.remarks(frame))

    def encode_frame(self, frame: Frame) -> TensorDataset:
        """Returns new examples as the inputs of the net."""
        builder = builder_of(self.resolved)
        dataset: TensorDataset = builder.encode_new(frame, self.codecs, self.answers)
        return dataset

    def pipeline(self) -> Pipeline:
        """Returns the data of the training, encoded as in training."""
        return self.experiment().pipeline

    def experiment(self) -> Experiment:
        """Returns the experiment: the task, the training data and the trained net.

        Raises:   DataError when the data were not saved, or have changed.
        """
        if self._experiment is None:
            if is_remark(self.resolved.source.value):
                raise DataError(
                    f"this run was trained on data {self.resolved.source.value}, "
                    "which are not saved",
                    do="Give the data to evaluate on: run.evaluate(data)",
                )
            experiment = _rebuild_experiment(self.task, RunFolder(self.folder))
            algorithm = build_algorithm(experiment.resolved, experiment.pipeline, self.net)
            # the answers of the run hold the thresholds that were fitted after training
            pipeline = replace(experiment.pipeline, answers=self.answers)
            self._experiment = replace(
                experiment, pipeline=pipeline, net=self.net, algorithm=algorithm
            )
        return self._experiment

    def _build_test_pipeline(self, data: object) -> Pipeline:
        """Returns other data as a test split."""
        resolved = self.resolved
        builder = builder_of(resolved)
        source: Source[Any] = resolved.source.module.SOURCE
        if not source.independent and not builder.EVALUATED_OPTION:
            raise TaskError(
                f"a run on {resolved.source.name} can be evaluated on its own test split only",
                do="Leave DATA out",
            )
        for answer in self.answers:
            answer.refuse_other_data()
        others = [name for name in source.data_options if name in self.task.input]
        evaluated = builder.EVALUATED_OPTION or resolved.source.name
        changed = {f"input.{name}": None for name in others} | {f"input.{evaluated}": data}
        reading: Reading = read_data(read_task(self.task.with_words(changed)))
        refuse_failures(reading.findings)
        test = (reading.parts or {}).get("test")
        frame = reading.frame if test is None else reading.frame.take(test)
        codecs = (*self.codecs, *(answer.codec for answer in self.answers))
        cells = cell_options(resolved)
        answered = [column for answer in self.answers for column in answer.required_columns]
        frame = fit_to(frame, codecs, cells)
        findings: list[Finding] = []
        for answer in self.answers:
            frame = answer.in_kind(frame, findings)
        self.evaluation_remarks = [
            f"{finding.message}: {finding.action}"
            for finding in (*reading.findings, *findings)
            if finding.level == "WARN"
        ]
        for column in answered:
            frame = frame.take(np.flatnonzero(~frame[column].missing))
        if not len(frame):
            raise DataError(f"no row of {frame.origin} has a target to evaluate on")
        for answer in self.answers:
            refuse_failures(answer.check_rows(frame))
        dataset = builder.encode_new(frame, self.codecs, self.answers, evaluated=True)
        indices = np.arange(len(frame))
        empty = indices[:0]
        parts = {"train": empty, "validation": empty, "test": indices}
        datasets = {
            "train": dataset.take(slice(0, 0)),
            "validation": dataset.take(slice(0, 0)),
            "test": dataset,
        }
        return Pipeline(frame, parts, self.codecs, self.answers, datasets)


def _rebuild_experiment(task: Task, folder: RunFolder) -> Experiment:
    """Builds the experiment of a run again.

    Raises:   DataError when its data have changed.
    """
    data = folder.read_json(DATA)
    experiment = build_experiment(task, seed=int(data["seed"]), start=False)
    if data["fingerprint"] != experiment.pipeline.frame.fingerprint():
        raise DataError(
            f"the data of {experiment.pipeline.frame.origin} have changed "
            "since this run was trained",
            do="Give the data to evaluate on: kissipo evaluate RUN DATA",
        )
    return experiment


def saved_codecs(codecs: Sequence[Codec], answers: Sequence[Answer]) -> JsonObject:
    """Returns the content of codecs.json, which `TrainedModel.open` reads."""
    return {
        "format": FORMAT,
        "inputs": [save(codec) for codec in codecs],
        "answers": [{"answer": answer.WORD, **answer.state()} for answer in answers],
    }


def _restore_answer(content: Mapping[str, Any]) -> Answer:
    state = dict(content)
    name = state.pop("answer")
    word: type[Answer] = ANSWERS.find(name, place="codecs.json").ANSWER
    return word.variant(state.get("value")).from_state(state)
