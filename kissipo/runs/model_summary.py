"""Model summary: the costs of a net without data, for one image size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import torch

from kissipo.core.errors import TaskError
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option_infos
from kissipo.core.task import Task
from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.cost_table import BYTES, CostTable, cost_table
from kissipo.pipeline.parse import full_place, options_of, read_task
from kissipo.pipeline.registries import NETS, RECIPES
from kissipo.process.optim import MEMORY

_CHANNELS = {"grayscale": 1, "rgb": 3}


@dataclass(frozen=True)
class NetCosts:
    """The costs of a net, with their task, batch size and optimizer."""

    task: Task
    table: CostTable
    batch: int
    optimizer: str
    notes: tuple[str, ...] = ()

    @property
    def training(self) -> int:
        """The bytes needed for a training step with one batch."""
        return self.table.training(batch=self.batch, remembered=MEMORY[self.optimizer])

    def to_json(self) -> JsonObject:
        """Returns the form that docs/json.md describes."""
        total = self.table.total
        return {
            "task": self.task.plain(),
            "layers": [row.to_json() for row in self.table.rows],
            "totals": {
                "weights": total(lambda row: row.weights),
                "biases": total(lambda row: row.biases),
                "parameters": total(lambda row: row.parameters),
                "parameters_while_learning": total(lambda row: row.parameters, learning=True),
                "values": total(lambda row: row.values),
                "multiplications": total(lambda row: row.multiplications),
                "norm_multiplications": total(
                    lambda row: row.multiplications if row.is_norm else 0
                ),
                "inference_bytes": self.table.inference(),
                "training_bytes": self.training,
            },
            "batch_size": self.batch,
            "optimizer": self.optimizer,
            "number_bytes": BYTES,
            "notes": list(self.notes),
        }


def is_bare_net(name: str) -> bool:
    """Whether a name is a net or its variant (inception-naive), not a task or file."""
    return (
        _form_of(name)[0] in NETS.names()
        and name.replace("-", "_") not in RECIPES.names()
        and not Path(name).exists()
    )


def _form_of(name: str) -> tuple[str, dict[str, object]]:
    """Returns the name of the net, and the option that selects its variant.

    Example:  >>> _form_of("inception-naive")
              ('inception', {'process.module': 'naive'})
              >>> _form_of("vgg16"), _form_of("vgg16-naive")
              (('vgg16', {}), ('vgg16-naive', {}))
    """
    net, _, form = name.partition("-")
    if form and net in NETS.names():
        for key, info in option_infos(options_of(NETS, net)).items():
            if get_origin(info.type) is Literal and form in get_args(info.type):
                return net, {f"process.{key}": form}
    return name, {}


def net_costs(name: str, words: Mapping[str, object] | None = None) -> NetCosts:
    """Returns the costs of a net on images, or of a variant of it.

    words:    options of the net, and size, color, batch_size and optimizer
    Raises:   TaskError for a net that is not on images, and for an option that does not
              change the costs.
    """
    name, form = _form_of(name)
    module = NETS.find(name, place="process.net")
    if module.DEFAULT_SPECS is None:
        raise TaskError(
            f"the costs of the net '{name}' depend on its input",
            do=f"Name a task with it, for example kissipo show digits net={name}",
        )
    task = Task(input={"images": None}, process={"net": name})
    places = form | {full_place(key, task): value for key, value in (words or {}).items()}
    counting = ["input.size", "input.color", "input.batch_size", "process.optimizer"]
    counting += [f"process.{word}" for word in option_infos(options_of(NETS, name))]
    for place in places:
        if place not in counting:
            raise TaskError(
                f"{place} does not change the costs of a net", allowed=", ".join(counting)
            )
    task = task.with_words(places)
    resolved = read_task(task)
    assert resolved.net is not None and resolved.algorithm is not None
    (usual,), outputs = module.DEFAULT_SPECS
    spec = _image(usual, resolved.source.options)
    with torch.device("meta"):
        table = cost_table(
            module.build((spec,), outputs, resolved.net.options), torch.zeros(1, *spec.shape)
        )
    notes = module.NOTES if spec == usual else ()
    return NetCosts(
        task,
        table,
        resolved.general.batch_size or 1,
        resolved.algorithm.options.optimizer or "adam",
        notes,
    )


def _image(usual: TensorSpec, options: Any) -> TensorSpec:
    """Returns the usual input; an image has size and channels of the options."""
    if usual.axes[:1] != ("channel",):
        return usual
    channels, height, width = usual.shape
    if options.size:
        height, width = options.size[0], options.size[-1]
    return TensorSpec(
        usual.name, usual.axes, (_CHANNELS.get(options.color, channels), height, width)
    )
