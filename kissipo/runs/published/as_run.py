"""Published weights -> the folder of a run, whose training happened elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import cast

from kissipo.codec.target_tokens import TargetTokens
from kissipo.core.codec import Codec, restore
from kissipo.core.devices import describe_machine
from kissipo.core.frame import Frame
from kissipo.core.notation import as_json
from kissipo.core.python_object import remark_elsewhere
from kissipo.core.task import Task
from kissipo.engine.run_folder import CODECS, DATA, ENVIRONMENT, FORMAT, TASK, RunFolder
from kissipo.output.answer import Answer
from kissipo.output.target_text import TargetText
from kissipo.pipeline.experiment import build_net
from kissipo.pipeline.parse import read_task
from kissipo.pipeline.pipeline import Pipeline
from kissipo.process.pretrained import load_pretrained
from kissipo.runs.published.loaded import Loaded, compare
from kissipo.runs.trained import saved_codecs

PARENT, ENDING = Path("runs"), ""


def write(
    name: str, module: ModuleType, contents: Mapping[str, bytes], origin: Path, out: Path
) -> Loaded:
    """Writes a run that predicts.

    Raises:   TaskError when the weights do not fit the net; RunError when the folder
              exists.
    """
    tensors = module.read(contents[Path(module.FILE).name])
    renamed = module.rename(tensors)
    task = Task(
        input={"pairs": remark_elsewhere(module.DATA), "source": module.SOURCE},
        process=module.PROCESS,
        output={"text": module.TARGET},
        name=name,
    )
    codecs, answers = (restore(module.INPUT),), (_answer(module),)
    net = build_net(read_task(task), Pipeline(Frame(()), {}, codecs, answers, {}))
    weights = {ours: tensor for ours, (_, tensor) in renamed.items()}
    message = load_pretrained(net, weights, origin=origin.name)
    folder = RunFolder(out)
    folder.create(_first_files(task, module, codecs, answers))
    folder.write_weights(net.state_dict())
    return compare(renamed, net.state_dict(), tensors, message)


def _answer(module: ModuleType) -> Answer:
    """Returns the text of the target with its vocabulary."""
    answer = TargetText(module.TARGET)
    answer.codec = cast(TargetTokens, restore(module.OUTPUT))
    return answer


def _first_files(
    task: Task, module: ModuleType, codecs: Sequence[Codec], answers: Sequence[Answer]
) -> dict[str, str]:
    """Returns the files of the run besides the weights, by name."""
    data = {"format": FORMAT, "seed": 0, "origin": module.HOME, "fingerprint": "", "samples": {}}
    return {
        TASK: task.to_yaml(),
        DATA: as_json({**data, "findings": [], "decisions": []}),
        ENVIRONMENT: as_json({**describe_machine("cpu"), "seed": 0}),
        CODECS: as_json(saved_codecs(codecs, answers)),
    }
