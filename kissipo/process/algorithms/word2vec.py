"""word2vec: word vectors that predict the words around each word.

skip-gram:  each context word predicts the center     CBOW:  their mean predicts it
negative sampling:     -log sigmoid(x·o) - sum over negatives of log sigmoid(-x·o_n)
hierarchical softmax:  -sum over the path of the center of log sigmoid(±x·o_node)

There is no optimizer: the gradient of a window is a few rows of two tables, which are
changed at once (stochastic gradient descent, one window per step). The learning rate
falls linearly to `min_learning_rate` over all epochs. A batch is some blocks of the
corpus; all random numbers are functions of the seed, the epoch, the batch, the block
and the position in it.

The compiled kernel makes the steps; without it the formulas of
`process/layers/word_vectors.py` do, with the same draws. On one thread a run can be
repeated exactly. More threads change the same tables without locks (hogwild), which is
faster, and a run then ends a little differently each time.

Source:   Mikolov et al. 2013 (both papers); Niu et al., Hogwild, 2011; Ji et al. 2016
          for negatives that a window shares; Irsoy et al. 2021 for the gradient of the
          mean in CBOW.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.core.algorithm import Algorithm
from kissipo.core.batch import Batch
from kissipo.core.devices import exactly_threads
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import Dataset, StateDict, ahead, batches
from kissipo.core.schema import option
from kissipo.process.kernels import word_vectors as compiled
from kissipo.process.kernels.native import kernels
from kissipo.process.kernels.word_draws import WordTables
from kissipo.process.kernels.word_vectors import WordStep
from kissipo.process.layers import word_vectors as plain
from kissipo.process.word2vec_inside import WordTable, look_inside, tables_for

_READ = 64  # blocks that are counted at once
_RATES = {"skipgram": 0.025, "cbow": 0.05}


@dataclass(frozen=True)
class Options:
    """The options of word2vec."""

    model: Literal["skipgram", "cbow"] = option(
        "skipgram",
        "what predicts a word: each word of its context (skipgram), or their mean (cbow)",
    )
    negative: int = option(
        5,
        "number of negatives that are drawn per window; 0: hierarchical softmax",
        minimum=0,
        maximum=1000,
    )
    context_size: int = option(
        5, "maximum number of context words on each side; each is drawn from 1 to it", minimum=1
    )
    subsample: float = option(
        1e-3, "threshold t of the subsampling of frequent words; 0 keeps all words", minimum=0
    )
    negative_exponent: float = option(
        0.75, "exponent of the counts in the distribution of negatives"
    )
    epochs: int = option(5, "number of passes over the corpus", minimum=1)
    learning_rate: float | None = option(None, "learning rate of the first step", above=0)
    min_learning_rate: float = option(1e-4, "learning rate of the last step", minimum=0)
    num_threads: int = option(
        1,
        "threads that train without locks; only one can be repeated exactly",
        minimum=1,
        maximum=256,
    )
    weights: str | None = option(
        None, "vectors to start from: a file in the word2vec text format, or the folder of a run"
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the learning rate and the number of blocks per step."""
    model = str(facts.process.get("model") or "skipgram")
    return (
        InferredOption("process.learning_rate", _RATES[model], f"default for {model}"),
        InferredOption("input.batch_size", 16, "blocks of 2,000 words per step"),
    )


class Word2Vec(Algorithm):
    """Trains the vectors window by window."""

    monitor = None
    cpu_only = True

    def __init__(
        self, net: nn.Module, losses: object, options: Options, *, total_steps: int = 0
    ) -> None:
        self.net, self.options = cast(WordTable, net), options
        self.epochs = options.epochs
        self._done, self._total = 0, 1

    def begin(self, train: Dataset) -> str:
        """Counts the words, and says what computes the steps."""
        self._total = len(train) * self.options.epochs
        words = len(self.net.counts)
        self.net.counts.zero_()
        for batch in ahead(train, batches(len(train), _READ)):
            ids = batch.inputs[0].flatten()
            self.net.counts += torch.bincount(ids[ids >= 0], minlength=words)
        return f"{self.describe_kernel()}{self._describe_threads()}"

    def describe_kernel(self) -> str:
        """Returns what computes the steps, in a few words."""
        library = kernels()
        if library is None:
            return (
                "the compiled kernel is missing: word2vec runs in plain torch, "
                "about a hundred times slower"
            )
        return f"word2vec by the compiled kernel ({library.name})"

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Trains all windows of some blocks."""
        blocks = batch.inputs[0].numpy()
        keys = torch.empty(len(blocks), dtype=torch.int64).random_().tolist()
        loss, predictions = self._train(blocks, keys)
        self._done += len(blocks)
        return {"loss": torch.tensor(loss / max(1, predictions), dtype=torch.float64)}

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        start, end = self.options.learning_rate or 0.0, self.options.min_learning_rate
        return max(end, start - (start - end) * self._done / self._total)

    @cached_property
    def tables(self) -> WordTables:
        """What the steps look up; the counts must be known."""
        return tables_for(self.net.counts, self.options)

    def details(self) -> JsonObject:
        """Returns one window of the training, the subsampling and the Huffman tree."""
        return {"word2vec": look_inside(self.net, self.options)}

    def state_dict(self) -> StateDict:
        """Returns the progress, on which the learning rate depends."""
        return {"done": self._done, "total": self._total}

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self._done, self._total = state["done"], state["total"]

    def _train(self, blocks: np.ndarray, keys: Sequence[int]) -> tuple[float, int]:
        weights = (self.net.vectors, self.net.outputs)
        step = WordStep(self.options.context_size, self.options.model == "cbow", self.learning_rate)
        library = kernels()
        if library is None or not compiled.fits_word_vectors(weights):
            return plain.train_blocks(weights, list(blocks), keys, self.tables, step)
        with exactly_threads(self.options.num_threads):
            return compiled.train_blocks(library, weights, list(blocks), keys, self.tables, step)

    def _describe_threads(self) -> str:
        count = self.options.num_threads
        if count == 1:
            return ""
        return f", on {count} threads without locks: the run cannot be repeated exactly"


ALGORITHM = Word2Vec
