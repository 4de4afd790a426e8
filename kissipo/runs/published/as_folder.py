"""Published weights -> a folder that `process.weights` takes, with the files as they
are.

The names of the tensors are compared with those of the net with an output of one
number. Its last layer depends on the task, so no file has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from kissipo.codec._tokenizers import read_model
from kissipo.codec.word_pieces import WordPieces
from kissipo.core.errors import RunError
from kissipo.core.frame import Frame, strings
from kissipo.core.output_file import refusal
from kissipo.core.task import Task
from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.init_weights import with_implied
from kissipo.pipeline.parse import read_task
from kissipo.runs.published.loaded import Loaded, compare

PARENT, ENDING = Path("weights"), ""


def write(
    name: str, module: ModuleType, contents: Mapping[str, bytes], origin: Path, out: Path
) -> Loaded:
    """Writes the folder, whole or not at all.

    Raises:   RunError when the folder exists; MachineError when it cannot be written.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RunError(f"{out} exists already", do="Choose another --out, or remove it")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as aside:
            folder = Path(aside) / out.name
            folder.mkdir()
            for file, content in contents.items():
                (folder / file).write_bytes(content)
            loaded = _load(folder, module.read(contents[Path(module.FILE).name]))
            folder.replace(out)
    except OSError as error:
        raise refusal(out, error) from None
    return loaded


def _load(folder: Path, tensors: Mapping[str, object]) -> Loaded:
    """Loads the folder as a training does, and returns which tensors the net has."""
    process, output = {"weights": str(folder)}, {"number": "answer"}
    resolved = read_task(with_implied(Task(input={"table": ""}, process=process, output=output)))
    assert resolved.net is not None
    codec = WordPieces(("text",), length=3, model=read_model(folder, lowercase=True))
    text = codec.fit(Frame((strings("text", []),))).spec
    module, options = resolved.net.module, resolved.net.options
    net = module.build((text,), (TensorSpec("answer", ("class",), (1,)),), options)
    message = module.load_file(net, folder, ())
    wanted = net.state_dict()
    names = {module.ours(theirs, options): theirs for theirs in tensors}
    renamed = {name: (names[name], wanted[name]) for name in wanted if name in names}
    return compare(renamed, wanted, tensors, message)
