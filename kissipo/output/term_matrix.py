"""Term matrix: the term counts of texts as a sparse matrix, for baselines of a search.

Every query is compared with every document, by scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from kissipo.output.answer import Scores
from kissipo.output.baseline_data import BaselineData

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfTransformer


def cosines(data: BaselineData, weights: TfidfTransformer) -> Scores | None:
    """Returns the cosine of each query with each document, as scores of a baseline.

    weights:  a transformer of scikit-learn, from counts to weights
    Returns:  None where not all documents are at hand
    """
    from sklearn.preprocessing import normalize

    if len(data.train) != data.answer.spec.size:
        return None
    width = data.specs[0].vocab_size
    documents = weights.fit_transform(term_matrix(data.train.inputs[0], width))
    queries = weights.transform(term_matrix(data.test.inputs[0], width))
    dense: Scores = (normalize(queries) @ normalize(documents).T).toarray()
    return dense[..., None]


def term_matrix(texts: Tensor, width: int) -> csr_matrix:
    """Returns the counts (text, term) of texts, without padding.

    texts:    terms with their counts (text, term, 2), or the ids of all (text, time)
    Example:  >>> term_matrix(torch.tensor([[[2, 3], [0, 0]]]), 4).toarray().tolist()
              [[0.0, 0.0, 3.0, 0.0]]
              >>> term_matrix(torch.tensor([[2, 3, 2, 0]]), 4).toarray().tolist()
              [[0.0, 0.0, 2.0, 1.0]]
    """
    from scipy.sparse import csr_matrix

    if texts.dim() == 2:
        texts = torch.stack([texts, (texts != 0).long()], dim=2)
    ids, counts = texts[..., 0].numpy(), texts[..., 1].numpy()
    rows, slots = np.nonzero(counts)
    values = counts[rows, slots].astype(np.float64)
    return csr_matrix((values, (rows, ids[rows, slots])), shape=(len(ids), width))
