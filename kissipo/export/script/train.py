"""Writes the loop, the losses and the metrics of a task as one Python file.

Losses, schedule, augmentation and seeds are copied from kissipo. The loop is a
template: a line that ends with `#? word` is kept where the word applies to the task,
and one with `#? not word` where it does not apply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from string import Template
from typing import Any

from torch import nn

from kissipo.core import seeds
from kissipo.core.algorithm import Monitor
from kissipo.core.protocols import has_auxiliary_heads, is_penalized, is_stateful
from kissipo.core.script_part import Scripted, ScriptedAlgorithm
from kissipo.engine import streams
from kissipo.engine.evaluate import portion
from kissipo.export.script.source import Source
from kissipo.input import augment as augmentation
from kissipo.output.answer import Answer
from kissipo.pipeline.experiment import Experiment
from kissipo.process import optim, schedule

MARK = "Written by `kissipo eject`"

_TRAIN = '''"""$name: training and evaluation in plain PyTorch. $mark.

net.py builds the net, start.safetensors holds its weights before the first step, and
samples.safetensors holds the encoded train, validation and test samples.
Run it with `python train.py`; the trained weights are saved as model.safetensors.
"""

from __future__ import annotations

$imports

FOLDER = Path(__file__).parent
SEED, EPOCHS, BATCH, RATE = $seed, $epochs, $batch, $rate
PATIENCE = $patience  # epochs without a lower validation loss before training stops  #? patience
PORTION = $portion  # samples that are evaluated at once  #? not streams


$definitions


def loss_of(outputs: list[Tensor], targets: list[Tensor]) -> Tensor:
    """Returns the loss that evaluates the net."""
    return $loss


def training_loss(outputs: list[Tensor], targets: list[Tensor]) -> Tensor:  #? own_training
    """Returns the loss that trains the net."""  #? own_training
    return $training  #? own_training


def penalty(net: nn.Module) -> Tensor:  #? penalty
    """Returns the penalty of large weights; biases have none."""  #? penalty
    weights = torch.cat([w.flatten() for w in net.parameters() if w.dim() > 1])  #? penalty
    return $l1 * weights.abs().sum() + $l2 * weights.square().sum()  #? penalty


def metrics(outputs: list[Tensor], targets: list[Tensor]) -> dict[str, float]:
    """Returns the metrics of the outputs."""
    values: dict[str, float] = {}
$metrics
    return values


def quality(outputs: list[Tensor], targets: list[Tensor]) -> Tensor:  #? linear
    """Returns the quality of the output for each sample; higher is better."""  #? linear
    return $quality  #? linear


def samples_of(samples: dict[str, Tensor], split: str) -> tuple[list[Tensor], list[Tensor]]:
    """Returns the inputs and the targets of a split."""
    inputs = [samples[name] for name in sorted(samples) if name.startswith(f"{split}.input")]
    targets = [samples[name] for name in sorted(samples) if name.startswith(f"{split}.target")]
    return inputs, targets


@torch.no_grad()
def evaluate(net: nn.Module, inputs: list, targets: list) -> tuple[float, list[Tensor]]:
    """Returns the mean loss over all samples, and the outputs for them."""
    net.eval()
    count, total, results = len(targets[0]), 0.0, []
    state, steps = None, list(stream_steps(count, 64))  #? streams
    for index in steps:  #? streams
    for index in torch.arange(count).split(PORTION):  #? not streams
        x, y = [x[index] for x in inputs], [y[index] for y in targets]
        output, state = net.forward_with_state(state, *x)  #? streams
        outputs = [output]  #? streams
        outputs = $outputs  #? not streams
        total += float(loss_of([net(*x, *y)], y)) * len(index)  #? teacher_forcing
        total += float(loss_of(outputs, y)) * len(index)  #? not teacher_forcing
        results.append(outputs)
    order = torch.cat(steps).argsort()  #? streams
    return total / count, [torch.cat(parts)[order] for parts in zip(*results)]  #? streams
    return total / count, [torch.cat(parts) for parts in zip(*results)]  #? not streams


def fit(net: nn.Module, samples: dict[str, Tensor]) -> None:
    """Trains the net; keeps the weights with the best validation $monitor."""  #? by_metric
    """Trains the net; keeps the weights with the lowest validation loss."""  #? by_loss
    """Trains the net; keeps the weights with the lowest validation loss."""  #? linear
    """Trains the net."""  #? not watched
    inputs, targets = samples_of(samples, "train")
    validation = samples_of(samples, "validation")  #? watched
    count = len(targets[0])
    steps = -(-count // BATCH)  #? schedule
    for name in $frozen:  #? frozen
        net.get_parameter(name).requires_grad_(False)  #? frozen
    trainable = [weight for weight in net.parameters() if weight.requires_grad]
    optimizer = torch.optim.$optimizer
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn($ema))  #? ema
    best, outputs = evaluate(net, *validation)  #? watched
    best_weights = copy.deepcopy(net.state_dict())  #? watched
    best = float("inf")  #? by_metric
    best_epoch = 0  #? patience
    at_start = quality(outputs, validation[1])  #? linear
    for epoch in range(1, EPOCHS + 1):
        net.train()
        total, state = 0.0, None  #? streams
        total = 0.0  #? not streams
        generator = torch.Generator().manual_seed(derive(SEED, "order", epoch))  #? shuffled
        order = torch.randperm(count, generator=generator).split(BATCH)  #? shuffled
        order = stream_steps(count, BATCH)  #? streams
        order = [torch.arange(count)]  #? whole
        for step, index in enumerate(order):
            done = ((epoch - 1) * steps + step) / (EPOCHS * steps)  #? schedule
            scale = factor("$schedule", done, warmup=$warmup)  #? schedule
            optimizer.param_groups[0]["lr"] = RATE * scale  #? schedule
            torch.manual_seed(derive(SEED, "step", epoch) + step)
            x, y = [x[index] for x in inputs], [y[index] for y in targets]
            seed = derive(SEED, "augment", epoch, step)  #? augment
            generator = torch.Generator().manual_seed(seed)  #? augment
            x[0] = augmented(x[0], y, generator)  #? augment
            output, state = net.forward_with_state(state, *x)  #? streams
            loss = $step_loss([output], y)  #? streams
            output, auxiliary = net.with_auxiliary(*x)  #? auxiliary
            loss = $step_loss([output], y)  #? auxiliary
            loss = $step_loss([net(*x, *y)], y)  #? teacher_forcing
            loss = $step_loss($outputs, y)  #? plain
            if epoch == 1 and step == 0:
                print(f"first step: loss {loss.item():.9f}")
            total += loss.item() * len(index)
            loss = loss + 0.3 * sum($step_loss([head], y) for head in auxiliary)  #? auxiliary
            loss = loss + penalty(net)  #? penalty
            loss = loss + net.penalty(*x)  #? own_penalty
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trainable, $clip_norm)  #? clip
            optimizer.step()
            average.update_parameters(net)  #? ema
        validation_loss, outputs = evaluate($evaluated, *validation)  #? watched
        text = f"validation loss {validation_loss:.6f}"  #? watched
        print(f"epoch {epoch}: loss {total / count:.6f}, {text}")  #? watched
        print(f"epoch {epoch}: loss {total / count:.6f}")  #? not watched
        gain = quality(outputs, validation[1]) - at_start  #? linear
        chance = $min_gain  #? linear
        if validation_loss < best and float(gain.mean()) > chance:  #? linear
        value = metrics(outputs, validation[1])["$monitor"]  #? by_metric
        validation_loss = ${sign}value  #? by_metric
        if validation_loss < best:  #? by_metric
        if validation_loss < best:  #? by_loss
            best, best_weights = validation_loss, copy.deepcopy($evaluated.state_dict())  #? watched
            best_epoch = epoch  #? patience
        if epoch - best_epoch >= PATIENCE:  #? patience
            break  #? patience
    net.load_state_dict(best_weights)  #? watched
    net.load_state_dict(average.module.state_dict())  #? unwatched_ema


def main() -> None:
    """Trains the net and evaluates it on the $part split."""
    samples = load_file(FOLDER / "samples.safetensors")
    net = build().to(memory_format=torch.channels_last)  #? convolutions
    net = build()  #? not convolutions
    net.load_state_dict(load_file(FOLDER / "start.safetensors"))
    fit(net, samples)
    inputs, targets = samples_of(samples, "$part")
    loss, outputs = evaluate(net, inputs, targets)
    for name, value in {"loss": loss, **metrics(outputs, targets)}.items():
        print(f"$part {name}: {value:.6f}")
    weights = {name: weight.contiguous() for name, weight in net.state_dict().items()}
    save_file(weights, FOLDER / "model.safetensors")


if __name__ == "__main__":
    main()
'''

_EVALUATION = '''"""Functions that evaluate the outputs of the net. $mark."""

from __future__ import annotations

$imports

$definitions
'''

_AUGMENT = '''"""Random changes of images during training, in plain PyTorch. $mark."""

from __future__ import annotations

$imports

$definitions$moves


def augmented(images: Tensor, y: list[Tensor], generator: Generator) -> Tensor:
    """Returns the images of a step with random changes, and changes their masks equally."""
    for change in [$changes]:
        state = generator.get_state()
        images = change(images, generator)
        for number in $masks if change.__name__ not in $colors else []:
            same = Generator().set_state(state)
            y[number] = change(y[number].unsqueeze(1), same).squeeze(1)
$with_boxes    return images
'''

_AUGMENT_BOXES = """        for number in $boxes if change in MOVES else []:
            same = Generator().set_state(state)
            y[number] = MOVES[change](y[number], images.shape[2:], same)
"""

_OPTIMIZERS = {
    "sgd": "SGD(trainable, RATE, fused=True",
    "momentum": "SGD(trainable, RATE, momentum={momentum}, fused=True",
    "adagrad": "Adagrad(trainable, RATE, eps=1e-8",
    "rmsprop": "RMSprop(trainable, RATE, alpha=0.9",
    "adam": "Adam(trainable, RATE, fused=True",
    "adamw": "AdamW(trainable, RATE, fused=True",
}


def train_source(experiment: Experiment, algorithm: ScriptedAlgorithm, name: str, seed: int) -> str:
    """Returns the text of the file that trains and evaluates.

    Raises:   NotBuiltError when its definitions cannot be in one file.
    """
    options, pipeline, net, answers = (
        algorithm.options,
        experiment.pipeline,
        experiment.net,
        experiment.pipeline.answers,
    )
    batch, count = experiment.resolved.general.batch_size or 32, len(pipeline.datasets["train"])
    source = Source()
    source.imports = {
        "from pathlib import Path",
        "import torch",
        "from safetensors.torch import load_file, save_file",
        "from torch import Tensor, nn",
        "from net import build",
    }
    source.add(seeds, "derive")
    frozen = [name for name, weight in net.named_parameters() if not weight.requires_grad]
    evaluation, training = (
        [_loss(source, answer.loss, loss) for answer, loss in zip(answers, losses, strict=True)]
        for losses in (algorithm.losses, algorithm.training_losses)
    )
    monitor = algorithm.monitor or Monitor()
    flags = {
        **_flags(experiment, algorithm, monitor),
        "shuffled": batch < count and not is_stateful(net),
        "whole": batch >= count and not is_stateful(net),
        "frozen": bool(frozen),
        "own_training": training != evaluation,
    }
    parts = [
        answer.script_part(number, "" if len(answers) == 1 else f"{answer.name} ")
        for number, answer in enumerate(answers)
    ]
    source.imports |= {line for part in parts for line in part.imports}
    lines = [line for part in parts for line in part.metrics]
    lines += [parts[0].quality] if flags["linear"] else []
    definitions = {function.__name__ for part in parts for function in part.definitions}
    called = sorted(name for name in definitions if any(f"{name}(" in line for line in lines))
    if called:
        source.imports.add(f"from evaluation import {', '.join(called)}")
    source.imports |= {"import copy"} if flags["watched"] else set()
    if options.ema:
        source.imports.add("from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn")
    if flags["schedule"]:
        source.add(schedule, "factor")
    if flags["streams"]:
        source.add(streams, "stream_steps")
    if pipeline.augment:
        source.imports.add("from augment import augmented")
    optimizer = options.optimizer or "adam"
    decay = "" if options.weight_decay is None else f", weight_decay={options.weight_decay}"
    return _filled(
        flags,
        min_gain=parts[0].min_gain,
        metrics="\n".join(f"    {line}" for part in parts for line in part.metrics),
        imports=source.import_block(),
        definitions=source,
        name=name,
        mark=MARK,
        seed=seed,
        epochs=options.epochs,
        batch=batch,
        rate=options.learning_rate or optim.RATES[optimizer],
        patience=options.early_stopping.patience,
        monitor=("" if len(answers) == 1 else f"{answers[0].name} ") + answers[0].monitor,
        sign="-" if monitor.best == "max" else "+",
        portion=portion(pipeline.datasets["train"]),
        loss=_sum(evaluation),
        training=_sum(training),
        step_loss="training_loss" if flags["own_training"] else "loss_of",
        outputs="[net(*x)]" if len(answers) == 1 else "list(net(*x))",
        optimizer=_OPTIMIZERS[optimizer].format(momentum=options.momentum) + f"{decay})",
        evaluated="average.module" if options.ema else "net",
        quality=parts[0].quality,
        part=pipeline.eval_split,
        frozen=frozen,
        **{
            name: getattr(options, name)
            for name in ("l1", "l2", "ema", "clip_norm", "schedule", "warmup")
        },
    )


def _flags(
    experiment: Experiment, algorithm: ScriptedAlgorithm, monitor: Monitor
) -> dict[str, bool]:
    """Returns which lines of the template apply to the net and the options."""
    options, pipeline, net = algorithm.options, experiment.pipeline, experiment.net
    kinds = {
        "streams": is_stateful(net),
        "auxiliary": has_auxiliary_heads(net),
        "teacher_forcing": algorithm.takes_targets,
    }
    watched, linear = len(pipeline.datasets["validation"]) > 0, options.init == "linear"
    by_metric = watched and not linear and monitor.name != Monitor().name
    return {
        **kinds,
        "plain": not any(kinds.values()),
        "own_penalty": is_penalized(net),
        "watched": watched,
        "linear": linear and watched,
        "by_loss": watched and not linear and not by_metric,
        "by_metric": by_metric,
        "patience": watched and options.early_stopping.patience > 0,
        "ema": options.ema > 0,
        "unwatched_ema": options.ema > 0 and not watched,
        "schedule": options.schedule != "constant" or options.warmup > 0,
        "augment": pipeline.augment is not None,
        "penalty": bool(options.l1 or options.l2),
        "clip": options.clip_norm is not None,
        "convolutions": any(isinstance(layer, nn.Conv2d) for layer in net.modules()),
    }


def evaluation_source(answers: Sequence[Answer]) -> str | None:
    """Returns the text of the file with the functions that the metrics call; None where
    they call none."""
    source = Source()
    for number, answer in enumerate(answers):
        for function in answer.script_part(number).definitions:
            source.add(import_module(function.__module__), function.__name__)
    if not source.definitions:
        return None
    words = {"imports": source.import_block(), "definitions": source, "mark": MARK}
    return Template(_EVALUATION).substitute(words)


def augment_source(
    names: tuple[str, ...], masks: tuple[int, ...], boxes: tuple[int, ...] = ()
) -> str:
    """Returns the text of the file that augments images, and the masks and the boxes
    among the targets."""
    source = Source()
    source.imports = {"from torch import Generator, Tensor"}
    for name in names:
        source.add(augmentation, name)
    moved = [name for name in names if boxes and name in augmentation.MOVES_OF_BOXES]
    for name in moved:
        source.add(augmentation, f"{name}_boxes")
    moves = ", ".join(f"{name}: {name}_boxes" for name in moved)
    with_boxes = Template(_AUGMENT_BOXES).substitute(boxes=list(boxes))
    words = {"changes": ", ".join(names), "masks": list(masks), "mark": MARK}
    words["colors"] = augmentation.COLORS
    return Template(_AUGMENT).substitute(
        words,
        imports=source.import_block(),
        definitions=source,
        moves=f"\n\n\nMOVES = {{{moves}}}" if moved else "",
        with_boxes=with_boxes if moved else "",
    )


def _filled(flags: Mapping[str, bool], **words: object) -> str:
    """Returns the template with the lines and values of this task."""
    lines = []
    for line in _TRAIN.splitlines():
        text, _, flag = line.partition("  #? ")
        name = flag.removeprefix("not ")
        if not flag or flags[name] != flag.startswith("not "):
            lines.append(text)
    text = "\n".join(lines)
    while "\n\n\n\n" in text:
        text = text.replace("\n\n\n\n", "\n\n\n")
    return Template(text).substitute(words) + "\n"


def _loss(source: Source, name: str, loss: Any) -> str:
    """Adds a loss to the definitions; returns its name in the script."""
    if isinstance(loss, Scripted):
        definition = loss.script()
        source.add_definition(definition, import_module(type(loss).__module__))
        return definition.name
    if isinstance(loss, partial):
        source.imports.add("from functools import partial")
        words = ", ".join(f"{key}={value!r}" for key, value in loss.keywords.items())
        return f"partial({_loss(source, name, loss.func)}, {words})"
    source.add(import_module(loss.__module__), loss.__name__, renamed=name)
    return name


def _sum(losses: list[str]) -> str:
    return " + ".join(
        f"{loss}(outputs[{number}], targets[{number}])" for number, loss in enumerate(losses)
    )
