"""Initialization of a wide-and-deep net by ridge or logistic regression.

The linear path gets the weights of the regression on the same samples, computed by
scikit-learn. It is a convex problem with one solution. The linear path is then frozen,
because without its L2 penalty it would leave that solution. The deep path starts at
zero and learns the rest.
"""

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.devices import device_of
from kissipo.core.protocols import Dataset
from kissipo.core.seeds import drawn
from kissipo.process.layers.image_statistics import ImageStatistics
from kissipo.process.layers.wide import WideAndDeep
from kissipo.process.layers.wide_series import WideSeries

MAX_SAMPLES = 20_000
_MAX_IMAGES = 2_000
ALPHAS = np.logspace(-3, 4, 29)


def init_linear(net: nn.Module, train: Dataset) -> str:
    """Initializes the linear path of the first wide-and-deep layer of a net.

    It returns a sentence for the user, or an empty string if there is no such layer.
    """
    paths = (layer for layer in net.modules() if isinstance(layer, WideAndDeep | WideSeries))
    wide = next(paths, None)
    if wide is None:
        return ""
    batch = train.batch(torch.from_numpy(drawn(len(train), MAX_SAMPLES, "linear start")))
    rows = f" on {len(batch):,} of the {len(train):,} samples" if len(batch) < len(train) else ""
    if isinstance(wide, WideSeries):
        return _autoregression(net, wide, batch, rows)
    features, targets = _features_before(net, wide, batch).cpu().numpy(), batch.targets[0]
    is_regression = targets.is_floating_point()
    sample_weight = None if batch.weights is None else batch.weights.numpy()
    if is_regression:
        weight, bias = _ridge(features, targets, sample_weight)
    elif targets.dim() > 1:  # several labels, a model for each
        models = [_logistic(features, label, 1, sample_weight) for label in targets.unbind(1)]
        weight, bias = (np.concatenate(parts) for parts in zip(*models, strict=True))
    else:
        weight, bias = _logistic(features, targets, wide.wide.out_features, sample_weight)
    with torch.no_grad():
        wide.wide.weight.copy_(torch.from_numpy(weight.astype(np.float32)))
        wide.wide.bias.copy_(torch.from_numpy(np.atleast_1d(bias).astype(np.float32)))
    freeze_linear(net)
    kind = "ridge" if is_regression else "logistic"
    return (
        f"the linear path starts at the solution of {kind} regression{rows}; "
        "the hidden layers start at zero"
    )


def fit_scales(net: nn.Module, train: Dataset) -> None:
    """Lets every layer of image statistics fit its scale to training samples."""
    for layer in net.modules():
        if isinstance(layer, ImageStatistics):
            batch = train.batch(torch.from_numpy(drawn(len(train), _MAX_IMAGES, "scales")))
            layer.fit_scale(_features_before(net, layer, batch))


def freeze_linear(net: nn.Module) -> None:
    """Freezes the linear path; a resumed training calls this, too."""
    for layer in net.modules():
        if isinstance(layer, WideAndDeep | WideSeries):
            layer.wide.requires_grad_(False)


def _autoregression(net: nn.Module, path: WideSeries, batch: Batch, rows: str) -> str:
    """Solves the linear path of a forecast; returns a sentence for the user."""
    windows = _features_before(net, path, batch)
    around = path.wide.solve(windows, batch.targets[0].to(windows.device))
    freeze_linear(net)
    return (
        f"the linear path starts at the solution of ridge regression{rows} around {around}; "
        "the output of the deep path starts at zero"
    )


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


def _ridge(
    features: np.ndarray, targets: Tensor, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import RidgeCV  # the import takes a second

    rows = targets.reshape(len(targets), -1).numpy()
    model = RidgeCV(alphas=ALPHAS).fit(features, rows, sample_weight)
    return np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)


def _logistic(
    features: np.ndarray, targets: Tensor, outputs: int, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    weight, bias = np.zeros((outputs, features.shape[1])), np.full(outputs, -10.0)
    classes = targets.unique().tolist()
    if len(classes) == 1:  # every prediction is this class
        bias[0 if outputs == 1 else classes[0]] = 10.0 if classes[0] or outputs > 1 else -10.0
        return weight, bias
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(max_iter=1000).fit(features, targets.numpy(), sample_weight)
    if outputs == 1:
        return model.coef_, model.intercept_
    if len(model.classes_) == 2:
        weight[model.classes_[1]], bias[model.classes_[0]] = model.coef_[0], 0.0
        bias[model.classes_[1]] = model.intercept_[0]
        return weight, bias
    weight[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    return weight, bias
