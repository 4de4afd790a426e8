"""g2p-en: the spelling of an English word -> its phonemes, a GRU encoder-decoder.

activationist -> AE2 K T IH0 V EY1 SH AH0 N IH0 S T

The package starts a text of phonemes with `<s>` and ends it with `</s>`; here one token
does both. So that token has the embedding of `<s>` and the logit of `</s>`. The token
`<unk>` stands in the vocabularies of both sides.

Source:   Park and Kim 2019, trained on the CMU Pronouncing Dictionary.
Example:  >>> len(LETTERS), len(PHONEMES)
          (27, 71)
"""

from io import BytesIO

import numpy as np
import torch
from torch import Tensor

from kissipo.core.errors import DataError
from kissipo.core.json_object import JsonObject

ABOUT = "English spelling -> phonemes, a GRU encoder-decoder without attention"
HOME = "https://github.com/Kyubyong/g2p"
LICENSE = "Apache-2.0"
PACKAGE, VERSION, FILE = "g2p-en", "2.1.0", "g2p_en/checkpoint20.npz"
SHA256 = "b8af35e4596d8dd5836dfd3fe9b2ba4f97b9c311efe8879544cbcfcbd566d8c6"
DATA = "the CMU Pronouncing Dictionary"
SOURCE, TARGET = "word", "phonemes"
FORM, NEXT = "run", ("kissipo predict {path} activationist",)

LETTERS = ("<unk>", *"abcdefghijklmnopqrstuvwxyz")
_SOUNDS = (
    "AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 AY2 B CH D DH EH0 EH1 "
    "EH2 ER0 ER1 ER2 EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2 OY0 "
    "OY1 OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1 UW2 V W Y Z ZH"
)
PHONEMES = ("<unk>", *_SOUNDS.split())
_MAX_LETTERS, _MAX_PHONEMES = 64, 20

PROCESS = {
    "net": "seq2seq",
    "cell": "gru",
    "attention": "none",
    "bidirectional": False,
    "bridge": "none",
    "readout": "none",
    "units": 256,
    "embedding_dim": 256,
}

# ids here: (padding), (unknown), (end), <unk>, then the letters or phonemes
_LETTER_ROWS = (0, 1, 2, 1, *range(3, 29))
_START_ROWS = (0, 1, 2, 1, *range(4, 74))  # the end is read as <s> ...
_END_ROWS = (0, 1, 3, 1, *range(4, 74))  # ... and written as </s>
_NAMES = {
    "source_embedding.weight": ("enc_emb", _LETTER_ROWS),
    "target_embedding.weight": ("dec_emb", _START_ROWS),
    "head.weight": ("fc_w", _END_ROWS),
    "head.bias": ("fc_b", _END_ROWS),
} | {
    f"{ours}.{kind}_l0": (f"{theirs}_{short}", None)
    for ours, theirs in (("encoder", "enc"), ("decoder", "dec"))
    for kind, short in (
        ("weight_ih", "w_ih"),
        ("weight_hh", "w_hh"),
        ("bias_ih", "b_ih"),
        ("bias_hh", "b_hh"),
    )
}


def read(content: bytes) -> dict[str, Tensor]:
    """Returns the tensors of the file by their published names.

    Raises:   DataError when it is not a file of arrays.
    """
    try:
        arrays = np.load(BytesIO(content), allow_pickle=False)
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"the file of {PACKAGE} is not an .npz of arrays: {error}") from None


def rename(tensors: dict[str, Tensor]) -> dict[str, tuple[str, Tensor]]:
    """Returns the published name and the tensor for each name of the net."""
    return {
        ours: (theirs, tensors[theirs] if rows is None else tensors[theirs][list(rows)])
        for ours, (theirs, rows) in _NAMES.items()
        if theirs in tensors
    }


def _codec(column: str, tokens: tuple[str, ...], length: int, splitter: JsonObject) -> JsonObject:
    """Returns the codec of one side: one id per letter, or per phoneme."""
    lower = {"type": "Sequence", "normalizers": [
        {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]}  # fmt: skip
    model: JsonObject = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": lower if column == SOURCE else None,
        "pre_tokenizer": splitter,
        "post_processor": None,
        "decoder": {"type": "Fuse"} if column == SOURCE else None,
        "model": {
            "type": "WordLevel",
            "vocab": {token: number for number, token in enumerate(tokens)},
            "unk_token": tokens[0],
        },
    }
    return {
        "codec": "subwords",
        "column": column,
        "algorithm": "wordpieces",
        "length": length + 1,
        "vocab_size": len(tokens),
        "lowercase": column == SOURCE,
        "ends": True,
        "vocabulary_of": [column],
        "model": model,
    }


INPUT = _codec(
    SOURCE,
    LETTERS,
    _MAX_LETTERS,
    {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False},
)
OUTPUT = _codec(TARGET, PHONEMES, _MAX_PHONEMES, {"type": "WhitespaceSplit"})
