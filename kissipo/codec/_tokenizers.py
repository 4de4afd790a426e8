"""The library `tokenizers`: its models as JSON, and the files of published ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from kissipo.core.errors import DataError
from kissipo.core.extras import need
from kissipo.core.json_object import JsonObject

if TYPE_CHECKING:
    from tokenizers import Tokenizer

INSIDE = "##"  # the mark of a piece inside a word
UNKNOWN_NAMES = ("[UNK]", "<unk>", "UNK", "<|unk|>")
_CODECS = "codecs.json"  # of a run
_FILES = ("tokenizer.json", "vocab.txt")
_LENGTHS = (
    ("sentence_bert_config.json", "max_seq_length"),
    ("config.json", "max_position_embeddings"),
)


def library() -> ModuleType:
    """Returns the module `tokenizers`."""
    return need("tokenizers", extra="language", purpose="a tokenizer of subwords")


def as_json(tokenizer: Tokenizer) -> JsonObject:
    """Returns a tokenizer as JSON."""
    content: JsonObject = json.loads(tokenizer.to_str())
    return content


def load(model: JsonObject, column: str) -> Tokenizer:
    """Returns a tokenizer that neither pads nor truncates.

    column:   the column of the texts, for messages
    Raises:   DataError for other JSON.
    """
    try:
        tokenizer: Tokenizer = library().Tokenizer.from_str(json.dumps(model))
    except Exception as error:  # the library raises nothing more precise
        raise DataError(
            f"the vocabulary of '{column}' is not that of a tokenizer: {error}",
            do="Give the tokenizer.json or the vocab.txt of a published model",
        ) from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def pieces_of(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Returns the name of each id; a number in parentheses where it has none."""
    names = {number: name for name, number in tokenizer.get_vocab().items()}
    count = max(names, default=-1) + 1
    return tuple(names.get(number, f"({number})") for number in range(count))


def joined(pieces: Iterable[str]) -> str:
    """Returns pieces as a text; `##` marks a piece that continues a word.

    Example:  >>> joined(["jim", "[MASK]", "was", "a", "puppet", "##eer"])
              'jim [MASK] was a puppeteer'
    """
    return " ".join(pieces).replace(f" {INSIDE}", "")


def read_model(path: Path, *, lowercase: bool) -> JsonObject:
    """Returns the JSON of the tokenizer in tokenizer.json, or of the list in vocab.txt.

    path:        one of these files, or the folder of a published model with one of
                 them, or of a run that reads word pieces
    lowercase:   whether the pieces of a list are in lower case
    Raises:      DataError for another file.
    """
    if (path / _CODECS).is_file():
        return _model_of_run(path)
    if path.is_dir():
        return read_model(_file_in(path), lowercase=_lowercase_in(path, lowercase))
    if path.suffix == ".json":
        try:
            content: JsonObject = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise DataError(f"{path} is not JSON: {error}", do="Give a tokenizer.json") from None
        if not isinstance(content, dict) or "model" not in content:
            raise DataError(
                f"{path} is not the file of a tokenizer",
                allowed="a tokenizer.json with a 'model', or a vocab.txt with a piece per line",
            )
        return content
    pieces = [line for line in path.read_text("utf-8").splitlines() if line]
    if len(set(pieces)) < len(pieces) or UNKNOWN_NAMES[0] not in pieces:
        raise DataError(
            f"{path} is not a vocabulary of word pieces",
            got=f"{len(pieces)} lines, {len(set(pieces))} different",
            allowed="one piece per line, each once, and [UNK] among them",
        )
    tokenizers = library()
    model = tokenizers.models.WordPiece(
        {piece: number for number, piece in enumerate(pieces)}, unk_token=UNKNOWN_NAMES[0]
    )
    return as_json(bert_tokenizer(model, lowercase=lowercase))


def max_length_in(path: Path) -> tuple[int, str] | None:
    """Returns the maximum number of pieces that a published folder states, and in which
    file; None where it states none."""
    for name, key in _LENGTHS:
        try:
            length = json.loads((path / name).read_text("utf-8"))[key]
        except (OSError, ValueError, LookupError, TypeError):
            continue
        if isinstance(length, int) and length > 0:
            return length, name
    return None


def bert_tokenizer(model: object, *, lowercase: bool) -> Tokenizer:
    """Returns a tokenizer that splits texts as BERT does, with this model of pieces.

    lowercase:   whether texts are read in lower case, and without accents
    """
    tokenizers = library()
    tokenizer: Tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = tokenizers.decoders.WordPiece(INSIDE)
    return tokenizer


def _model_of_run(folder: Path) -> JsonObject:
    saved = json.loads((folder / _CODECS).read_text("utf-8"))
    models = [codec["model"] for codec in saved["inputs"] if codec["codec"] == "word_pieces"]
    if not models:
        raise DataError(f"the run {folder} does not read word pieces")
    model: JsonObject = models[0]
    return model


def _file_in(folder: Path) -> Path:
    files = [folder / name for name in _FILES if (folder / name).is_file()]
    if not files:
        raise DataError(
            f"{folder} has no vocabulary", allowed=f"a folder with {' or '.join(_FILES)}"
        )
    return files[0]


def _lowercase_in(folder: Path, lowercase: bool) -> bool:
    """Returns whether a published model reads lower case, if the folder says so."""
    try:
        content = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        return bool(content.get("do_lower_case", lowercase))
    except (OSError, ValueError, AttributeError):
        return lowercase
