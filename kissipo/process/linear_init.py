"""Initialization of a wide-and-deep net by ridge or logistic regression.

The linear path gets the weights of the regression on the same samples, computed by
scikit-learn. It is a convex problem with one solution. The linear path is then frozen,
because without its L2 penalty it would leave that solution. The deep path starts at
zero and learns the rest.

A comparison of nets needs the same regression several times: for each net with a
linear path, in each round. So the last solutions are kept, by the content of their
samples.

The strength of the L2 penalty is 1 for rows of features, where on breast cancer, wine
and digits others were not better. For texts it is one of a few. Each is tried on rows
that are kept out of the training split, in five parts, or in one where there are many
samples. The one with the lowest log loss, or squared error, is used on all rows.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.devices import device_of
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import Dataset, FittedLayer, ahead
from kissipo.core.seeds import drawn, numpy_generator
from kissipo.process.layers.sparse_linear import SparseLinear
from kissipo.process.layers.wide import WideAndDeep, WideInputs
from kissipo.process.layers.wide_series import WideSeries

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

MAX_SAMPLES = 20_000
ALPHAS = np.logspace(-3, 4, 29)
TEXT_STRENGTHS = (1.0, 4.0, 16.0)  # C, the inverse of the penalty
TEXT_ALPHAS = (0.3, 1.0, 3.0, 10.0)
_MANY, _FOLDS, _BATCH = 2_000, 5, 256
_MAX_VALUES = 40_000_000  # of texts, on which the path is solved
_TINY = 1e-12
_KEPT_BYTES = 64_000_000


@dataclass(frozen=True)
class Solution:
    """The weights (output, feature) and biases of a regression, its name, and the
    number of samples."""

    weight: NumpyArray
    bias: NumpyArray
    description: str
    samples: int


class Solutions:
    """The solutions of the last regressions, by the content of their samples.

    max_bytes:  of all weights together; the solution that was not used for the longest
                time is forgotten first
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._solutions: OrderedDict[str, Solution] = OrderedDict()

    def get(self, key: str) -> Solution | None:
        """Returns a solution, or None where it is not kept."""
        if key in self._solutions:
            self._solutions.move_to_end(key)
        return self._solutions.get(key)

    def keep(self, key: str, solution: Solution) -> None:
        """Keeps a solution, and forgets others where there is no room."""
        self._solutions[key] = solution
        while len(self._solutions) > 1 and self._bytes() > self.max_bytes:
            self._solutions.popitem(last=False)

    def clear(self) -> None:
        """Forgets all solutions."""
        self._solutions.clear()

    def _bytes(self) -> int:
        return sum(one.weight.nbytes + one.bias.nbytes for one in self._solutions.values())


SOLUTIONS = Solutions(_KEPT_BYTES)


def init_linear(net: nn.Module, train: Dataset) -> str:
    """Initializes the linear path of the first wide-and-deep layer of a net.

    It returns a sentence for the user, or an empty string if there is no such layer.
    """
    layers = (x for x in net.modules() if isinstance(x, WideAndDeep | WideInputs | WideSeries))
    layer = next(layers, None)
    if layer is None:
        return ""
    index = torch.from_numpy(drawn(len(train), MAX_SAMPLES, "linear start"))
    if isinstance(layer, WideSeries):
        return _autoregression(net, layer, train.batch(index), len(train))
    if isinstance(layer, WideInputs):
        samples = ahead(train, index.split(_BATCH))
        solution = solve_inputs(layer, samples)
    else:
        batch = train.batch(index)
        features = _features_before(net, layer, batch).cpu().numpy()
        weights = None if batch.weights is None else batch.weights.numpy()
        solution = solve(features, batch.targets[0], layer.wide.out_features, weights)
        with torch.no_grad():
            layer.wide.weight.copy_(torch.from_numpy(solution.weight))
            layer.wide.bias.copy_(torch.from_numpy(solution.bias))
    freeze_linear(net)
    rows = rows_read(solution.samples, len(train))
    return (
        f"the linear path starts at the solution of {solution.description}{rows}; "
        "the hidden layers start at zero"
    )


def fit_scales(net: nn.Module, train: Dataset) -> None:
    """Lets every layer with a scale, such as image statistics, fit it to training
    samples."""
    for layer in net.modules():
        if isinstance(layer, FittedLayer):
            batch = train.batch(torch.from_numpy(drawn(len(train), layer.max_fitted, "scales")))
            layer.fit_scale(_features_before(net, layer, batch))


def freeze_linear(net: nn.Module) -> None:
    """Freezes the linear path; a resumed training calls this, too."""
    for layer in net.modules():
        if isinstance(layer, WideInputs):
            layer.requires_grad_(False)
        elif isinstance(layer, WideAndDeep | WideSeries):
            layer.wide.requires_grad_(False)


def _autoregression(net: nn.Module, path: WideSeries, batch: Batch, samples: int) -> str:
    """Solves the linear path of a forecast; returns a sentence for the user."""
    windows = _features_before(net, path, batch)
    around = path.wide.solve(windows, batch.targets[0].to(windows.device))
    freeze_linear(net)
    rows = rows_read(len(batch), samples)
    return (
        f"the linear path starts at the solution of ridge regression{rows} "
        f"around {around}; the output of the deep path starts at zero"
    )


def rows_read(count: int, samples: int) -> str:
    """Returns how many of the samples were read, where these are not all."""
    return f" on {count:,} of the {samples:,} samples" if count < samples else ""


def solve_inputs(layer: WideInputs, samples: Iterable[Batch]) -> Solution:
    """Sets the weights of a linear layer per input from samples, and returns them.

    Of many long texts, the first ones are read, as many as fit into the memory.
    """
    from scipy.sparse import vstack

    rows: list[csr_matrix] = []
    targets: list[Tensor] = []
    weights: list[Tensor] = []
    values = 0
    for batch in samples:
        matrix = _sparse(layer, batch.inputs)
        values += matrix.nnz
        if values > _MAX_VALUES and rows:
            break
        rows.append(matrix)
        targets.append(batch.targets[0])
        weights += [] if batch.weights is None else [batch.weights]
    solution = solve(
        vstack(rows, format="csr"),
        torch.cat(targets),
        len(layer.bias.bias),
        torch.cat(weights).numpy() if weights else None,
    )
    layer.set_weights(torch.from_numpy(solution.weight), torch.from_numpy(solution.bias))
    return solution


def solve(
    features: NumpyArray | csr_matrix,
    targets: Tensor,
    outputs: int,
    sample_weight: NDArray[np.float32] | None,
) -> Solution:
    """Returns the solution of the regression that suits the targets.

    A regression on the same samples is not solved twice.

    features:  (sample, feature), dense or sparse
    targets:   (sample, ...) numbers, classes (sample), or labels (sample, label)
    """
    from joblib import hash as digest

    key = digest((features, targets.numpy(), outputs, sample_weight))
    solution = SOLUTIONS.get(key)
    if solution is None:
        solution = _solve(features, targets, outputs, sample_weight)
        SOLUTIONS.keep(key, solution)
    return solution


def _solve(
    features: NumpyArray | csr_matrix,
    targets: Tensor,
    outputs: int,
    sample_weight: NDArray[np.float32] | None,
) -> Solution:
    if targets.is_floating_point():
        rows = targets.reshape(len(targets), -1).numpy()
        alpha, weight, bias = _ridge(features, rows, sample_weight)
        description = f"ridge regression (alpha = {alpha:.3g})"
    elif targets.dim() > 1:  # several labels, a model for each
        models = [_logistic(features, y.numpy(), 1, sample_weight) for y in targets.unbind(1)]
        strengths, weights, biases = zip(*models, strict=True)
        weight, bias = np.concatenate(weights), np.concatenate(biases)
        description = f"logistic regression (C from {min(strengths):g} to {max(strengths):g})"
    else:
        strength, weight, bias = _logistic(features, targets.numpy(), outputs, sample_weight)
        description = f"logistic regression (C = {strength:g})"
    biases_of_outputs = np.atleast_1d(bias).astype(np.float32)
    return Solution(weight.astype(np.float32), biases_of_outputs, description, len(targets))


def _features_before(net: nn.Module, wide: nn.Module, batch: Batch) -> Tensor:
    features: list[Tensor] = []
    handle = wide.register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))
    training = net.training
    try:
        with torch.no_grad():
            net.eval()(*batch.to(device_of(net)).inputs)
    finally:
        handle.remove()
        net.train(training)
    return features[0]


def _sparse(layer: WideInputs, inputs: tuple[Tensor, ...]) -> csr_matrix:
    """Returns the inputs of a batch side by side as one sparse matrix."""
    from scipy.sparse import csr_matrix, hstack

    blocks = []
    for place, part, weight in zip(layer.places, layer.layers, layer.weights(), strict=True):
        x, width = inputs[place], len(weight)
        if isinstance(part, SparseLinear):
            row, term = (x[..., 0] != 0).nonzero(as_tuple=True)
            entries = x[row, term].numpy()
            ids, values = entries[:, 0].astype(np.int32), entries[:, 1]
            blocks.append(csr_matrix((values, (row.numpy(), ids)), shape=(len(x), width)))
        elif isinstance(part, nn.Embedding):
            ones, rows = np.ones(len(x), np.float32), np.arange(len(x))
            blocks.append(csr_matrix((ones, (rows, x.numpy())), shape=(len(x), width)))
        else:
            blocks.append(csr_matrix(x.flatten(1).numpy()))
    return hstack(blocks, format="csr")


def _held_out(count: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yields rows to fit, and rows that are kept out: of many rows only once."""
    order = numpy_generator(0, "held out").permutation(count)
    for fold in range(_FOLDS if count < _MANY else 1):
        is_out = np.zeros(count, dtype=bool)
        is_out[order[fold::_FOLDS]] = True
        yield np.flatnonzero(~is_out), np.flatnonzero(is_out)


def _ridge(
    features: NumpyArray | csr_matrix, rows: NumpyArray, sample_weight: NDArray[np.float32] | None
) -> tuple[float, NumpyArray, NumpyArray]:
    from sklearn.linear_model import Ridge, RidgeCV  # the import takes a second

    if isinstance(features, np.ndarray):
        model = RidgeCV(alphas=ALPHAS).fit(features, rows, sample_weight)
        return float(model.alpha_), np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    errors = np.zeros(len(TEXT_ALPHAS))
    for fitted, out in _held_out(len(rows)):
        for number, alpha in enumerate(TEXT_ALPHAS):
            weights = None if sample_weight is None else sample_weight[fitted]
            model = Ridge(alpha=alpha).fit(features[fitted], rows[fitted], weights)
            predicted = model.predict(features[out]).reshape(len(out), -1)
            errors[number] += ((predicted - rows[out]) ** 2).sum()
    alpha = TEXT_ALPHAS[int(errors.argmin())]
    model = Ridge(alpha=alpha).fit(features, rows, sample_weight)
    return alpha, np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)


def _logistic(
    features: NumpyArray | csr_matrix,
    classes: NumpyArray,
    outputs: int,
    sample_weight: NDArray[np.float32] | None,
) -> tuple[float, NumpyArray, NumpyArray]:
    """Returns the strength, the weights (output, feature) and the biases."""
    weight, bias = np.zeros((outputs, features.shape[1])), np.full(outputs, -10.0)
    distinct = np.unique(classes).tolist()
    if len(distinct) == 1:  # every prediction is this class
        bias[0 if outputs == 1 else distinct[0]] = 10.0 if distinct[0] or outputs > 1 else -10.0
        return 1.0, weight, bias
    strength = 1.0
    if not isinstance(features, np.ndarray):
        strength = _best_strength(features, classes, sample_weight)
    *_, model = _fits(features, classes, sample_weight, (strength,))
    if outputs == 1:
        return strength, model.coef_, model.intercept_
    if len(model.classes_) == 2:
        for number, sign in zip(model.classes_, (-0.5, 0.5), strict=True):
            weight[number], bias[number] = sign * model.coef_[0], sign * model.intercept_[0]
        return strength, weight, bias
    weight[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    return strength, weight, bias


def _best_strength(
    features: NumpyArray | csr_matrix,
    classes: NumpyArray,
    sample_weight: NDArray[np.float32] | None,
) -> float:
    """Returns the strength with the lowest log loss on rows that are kept out."""
    losses = np.zeros(len(TEXT_STRENGTHS))
    for fitted, out in _held_out(len(classes)):
        distinct, columns = np.unique(classes[fitted], return_inverse=True)
        out = out[np.isin(classes[out], distinct)]
        if len(distinct) < 2 or not len(out):
            continue
        truth = np.searchsorted(distinct, classes[out])
        weights = None if sample_weight is None else sample_weight[fitted]
        for number, model in enumerate(_fits(features[fitted], columns, weights, TEXT_STRENGTHS)):
            right = model.predict_proba(features[out])[np.arange(len(out)), truth]
            losses[number] -= np.log(np.maximum(right, _TINY)).sum()
    return TEXT_STRENGTHS[int(losses.argmin())]


def _fits(
    features: NumpyArray | csr_matrix,
    classes: NumpyArray,
    sample_weight: NDArray[np.float32] | None,
    strengths: tuple[float, ...],
) -> Iterator[LogisticRegression]:
    """Yields the fitted model of each strength, which starts at the one before."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000, warm_start=True)
    for strength in strengths:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield model.set_params(C=strength).fit(features, classes, sample_weight)
