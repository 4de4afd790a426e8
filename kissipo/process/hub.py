"""A published model of huggingface.co: its folder on this machine.

`hf:NAME` is downloaded when a person writes it, and only then. What was downloaded
before is used as it is, without asking again.

Raises:   TaskError when there is no such model, or no network.
Example:  >>> model_name("hf:google/bert_uncased_L-2_H-128_A-2")
          'google/bert_uncased_L-2_H-128_A-2'
          >>> model_name("runs/bert-1") is None
          True
"""

from __future__ import annotations

from pathlib import Path

from kissipo.core.errors import TaskError
from kissipo.core.extras import need

PREFIX = "hf:"
_FILES = [
    *("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"),
    *("model.safetensors", "pytorch_model.bin"),
]


def model_name(weights: str) -> str | None:
    """Returns the name of a model at huggingface.co; None for anything else."""
    return weights.removeprefix(PREFIX) if weights.startswith(PREFIX) else None


def folder_of(name: str) -> Path:
    """Returns the folder of a model, which is downloaded where it is not there yet."""
    hub = need("huggingface_hub", extra="language", purpose=f"{PREFIX}{name}")
    errors = need("huggingface_hub.errors", extra="language", purpose=f"{PREFIX}{name}")
    try:
        return Path(hub.snapshot_download(name, allow_patterns=_FILES, local_files_only=True))
    except errors.LocalEntryNotFoundError:
        pass
    except errors.HFValidationError as error:
        raise _error(name, str(error).splitlines()[0]) from None
    try:
        return Path(hub.snapshot_download(name, allow_patterns=_FILES))
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        raise _error(name, str(error).strip().splitlines()[0]) from None


def _error(name: str, reason: str) -> TaskError:
    return TaskError(
        f"process.weights: the model '{name}' cannot be downloaded from huggingface.co: {reason}",
        do="Check the name and the network, or give the folder of a model that you have",
    )
