"""All columns as features of a baseline, where texts stand beside other columns (S47).

Linear models and support vector machines see the encoded numbers, the one-hot
categories and the TF-IDF weights of the texts in one sparse matrix. Trees see large
categories as ids, and the texts reduced to a few numbers (latent semantic analysis).
"""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from kissipo.core.numpy_array import NumpyArray
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.baseline_data import BaselineData
from kissipo.output.tfidf import Features

MAX_CATEGORIES = 250  # of a category that trees see
_COMPONENTS = 50  # of the texts that trees see


def sparse_columns(data: BaselineData) -> Features | None:
    """Returns the features of both splits; None where other baselines see all."""
    from scipy.sparse import csr_matrix, hstack

    if not data.is_mixed:
        return None
    blocks = [tuple(map(csr_matrix, pair)) for pair in _numbers(data)]
    blocks += [tuple(_one_hot(x, size) for x in pair) for size, pair in _categories(data)]
    blocks += [] if data.text_weights is None else [data.text_weights]
    train, test = (hstack(split, format="csr") for split in zip(*blocks, strict=True))
    return train, test


def dense_columns(data: BaselineData) -> Features | None:
    """Returns the features of both splits; None where other baselines see all.

    The ids of large categories are the first columns. They are ordered by frequency,
    and the rarest classes count as one.
    """
    if not data.is_mixed:
        return None
    blocks = [
        tuple(np.minimum(x, MAX_CATEGORIES - 1)[:, None] for x in pair)
        for _, pair in _categories(data)
    ]
    blocks += _numbers(data)
    blocks += [] if data.text_weights is None else [_reduced(data.text_weights, data.seed)]
    train, test = (np.concatenate(split, axis=1) for split in zip(*blocks, strict=True))
    return train, test


def count_categories(data: BaselineData) -> int:
    """Returns how many of the dense columns are ids of categories."""
    return len(list(_categories(data)))


def _numbers(data: BaselineData) -> Iterator[Features]:
    """Yields the inputs that are numbers, with small categories one-hot among them."""
    for spec, train, test in _inputs(data):
        if not spec.vocab_size:
            yield train.flatten(1).numpy(), test.flatten(1).numpy()


def _categories(data: BaselineData) -> Iterator[tuple[int, Features]]:
    """Yields the number of classes and the ids of each category that is not one-hot."""
    for spec, train, test in _inputs(data):
        if spec.vocab_size and not spec.axes:
            yield spec.vocab_size, (train.numpy(), test.numpy())


def _inputs(data: BaselineData) -> Iterator[tuple[TensorSpec, Tensor, Tensor]]:
    return zip(data.specs, data.train.inputs, data.test.inputs, strict=True)


def _one_hot(ids: NumpyArray, size: int) -> object:
    from scipy.sparse import csr_matrix

    rows = np.arange(len(ids))
    return csr_matrix((np.ones(len(ids)), (rows, ids)), shape=(len(ids), size))


def _reduced(weights: Features, seed: int) -> Features:
    """Returns the largest components of the TF-IDF weights."""
    from sklearn.decomposition import TruncatedSVD

    train, test = weights
    size = min(_COMPONENTS, train.shape[0] - 1, train.shape[1] - 1)
    if size < 1:
        return train.toarray(), test.toarray()
    svd = TruncatedSVD(size, random_state=seed)
    return svd.fit_transform(train), svd.transform(test)
