"""Published weights of an image net -> a safetensors file that `process.weights` takes.

The tensors keep their published names. The file names the net, so that a task need not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import ModuleType

from safetensors.torch import save

from kissipo.core.errors import RunError
from kissipo.core.output_file import refusal
from kissipo.engine.checkpoint import write_whole
from kissipo.pipeline.registries import NETS
from kissipo.process.pretrained import NET, load_pretrained
from kissipo.runs.published.loaded import Loaded, compare

PARENT, ENDING = Path("weights"), ".safetensors"


def write(
    name: str, module: ModuleType, contents: Mapping[str, bytes], origin: Path, out: Path
) -> Loaded:
    """Writes the file, after its tensors have been loaded in the net of their classes.

    Raises:   RunError when the file exists; MachineError when it cannot be written.
    """
    if out.exists():
        raise RunError(f"{out} exists already", do="Choose another --out, or remove it")
    tensors = module.read(contents[Path(module.FILE).name])
    net = NETS.find(module.NET, place="process.net")
    options = net.Options()
    ours = partial(net.ours, options=options)
    built = net.build(*net.DEFAULT_SPECS, options)
    message = load_pretrained(built, tensors, ours=ours, origin=origin.name)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(out.parent, error) from None
    write_whole(out, save(tensors, metadata={NET: module.NET}))
    renamed = {ours(theirs): (theirs, tensor) for theirs, tensor in tensors.items()}
    wanted = built.state_dict()
    loaded = {here: pair for here, pair in renamed.items() if here in wanted}
    return compare(loaded, wanted, tensors, message)
