"""Learning: the loop over the training part as a script writes it: steps downhill, the best epoch kept, stopping when patience is out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kissipo.core.errors import NotBuiltError
from kissipo.engine.evaluate import portion
from kissipo.export.script.augment import augment_part
from kissipo.export.script.losses import loss_pieces
from kissipo.export.script.part import Part, filled
from kissipo.output.answers.category import Category
from kissipo.pipeline.experiment import Prepared
from kissipo.process import optim
from kissipo.process.linear_init import MOST_SAMPLES

_LEARN = '''
def learn(net: Net, parts: Parts) -> None:
    """$about"""
    inputs, truth = parts["train"]
    $linear
    optimizer = $optimizer
    $average
    $total
    $start
    for epoch in range(1, EPOCHS + 1):
        net.train()
        $begin
        for step, index in enumerate($batches):
            $rate
            $ask
            loss = $loss
            optimizer.zero_grad()
            $backward.backward()
            $clip
            optimizer.step()
            $mean
            if epoch == 1 and step == 0:
                print(f"first step: loss {loss.item():.7f}")
        $end
    $keep
'''

_STREAMS = '''
def streams(pieces: int, rows: int) -> list[Tensor]:
    """The pieces of each step: so many streams side by side, each goes on in its row."""
    rows = min(rows, pieces)
    lengths = pieces // rows + (torch.arange(rows) < pieces % rows).long()
    starts = torch.cumsum(lengths, 0) - lengths
    return [starts[lengths > step] + step for step in range(int(lengths.max()))]


def handed_on(state: State, rows: int) -> State:
    """The state without its past, of the rows that go on."""
    if state is None:
        return None
    return $detached
'''

_LINEAR = '''
def start_linear(net: Net, inputs: Tensor, truth: Tensor) -> None:
    """The straight path gets the weights of $kind regression, and keeps them."""
    model = $model.fit(inputs.numpy(), truth.numpy())
    with torch.no_grad():
        net.wide.weight.copy_(torch.from_numpy(model.coef_))
        net.wide.bias.copy_(torch.from_numpy(model.intercept_))
    net.wide.requires_grad_(False)


def quality(net: nn.Module, part: tuple[Tensor, Tensor]) -> Tensor:
    """How good each answer is."""
    outputs = answer(net, part[0])
    return $quality
'''

_ORDER = '''
def order(count: int, epoch: int) -> Tensor:
    """The order of the samples, drawn anew for each epoch."""
    dice = torch.Generator().manual_seed(seed_of("order", epoch))
    return torch.randperm(count, generator=dice)
'''

_IN_ORDER = '''
def order(count: int, epoch: int) -> Tensor:
    """All samples are one batch, in their own order."""
    return torch.arange(count)
'''

# what the rate is multiplied by when a share `done` of all steps is over
_SHAPES = {
    "step": "(1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01)",
    "exponential": "0.01**done",
    "cosine": "(1 + cos(pi * done)) / 2",
    "one_cycle": "rise_and_fall(done)",
}

_RISE_AND_FALL = '''
def rise_and_fall(done: float) -> float:
    """What the rate is multiplied by when this share of all steps is over."""
    if done < 0.3:
        return max(0.04, done / 0.3)
    return (1 + cos(pi * (done - 0.3) / 0.7)) / 2
'''

_ROOM = 76  # of a line in the loop over steps
_OPTIMIZERS = {
    "sgd": "SGD(net.parameters(), RATE$decay)",
    "momentum": "SGD(net.parameters(), RATE, momentum=$momentum$decay)",
    "adagrad": "Adagrad(net.parameters(), RATE, eps=1e-8$decay)",
    "rmsprop": "RMSprop(net.parameters(), RATE, alpha=0.9$decay)",
    "adam": "Adam(net.parameters(), RATE$decay)",
    "adamw": "AdamW(net.parameters(), RATE$decay)",
}

# words that change how is learned, and their values that change nothing
_PLAIN: dict[str, Any] = {
    "mixup": 0.0,
    "backbone_learning_rate_scale": 1.0,
    "class_weights": None,
    "precision": "float32",
    "from_": None,
    "freeze": None,
}


def learning_part(prepared: Prepared) -> Part:
    """The section that learns.

    Raises:   NotBuiltError for a word of learning that no script follows yet.
    """
    options, wiring = prepared.course, prepared.wiring
    _refuse(options)
    loss = wiring.answers[0].loss
    streams = bool(getattr(prepared.net, "stateful", False))
    batch, count = prepared.choices.general.batch_size or 32, len(wiring.feeds["train"])
    pieces = loss_pieces(loss, options, text=streams)
    validation = wiring.feeds["validation"]
    if loss == "dice_cross_entropy" and len(validation) > portion(validation):
        raise NotBuiltError(
            "kissipo eject writes process.loss=dice_cross_entropy only where the validation part is judged at once",
            given=f"{len(validation)} pictures, {portion(validation)} at once",
        )
    pieces += [] if streams else [filled(_ORDER if batch < count else _IN_ORDER)]
    pieces += [filled(_RISE_AND_FALL)] if options.schedule == "one_cycle" else []
    more = [part for part in (_linear(prepared), augment_part(prepared)) if part is not None]
    loop = _Loop(
        options,
        name=options.optimizer or "adam",
        streams=streams,
        watched=len(validation) > 0,
        augmented=wiring.augment,
    )
    pieces += [*(part.code for part in more), *([loop.streams_of(prepared.net)] if streams else []), loop.code()]
    patience = options.early_stopping.patience
    rate = options.learning_rate or optim.RATES[loop.name]
    constants = (
        f"EPOCHS, BATCH, RATE = {options.epochs}, {batch}, {rate}",
        *([f"PATIENCE = {patience}  # epochs without a better one"] if patience and loop.watched else []),
    )
    told = f"{loop.name} with a rate of {rate}" + (f", {options.schedule}" if options.schedule != "constant" else "")
    return Part(
        f"{told}; {loss.replace('_', ' ')}; {options.epochs} epochs at most",
        "\n\n\n".join(pieces),
        (*loop.imports(), *(line for part in more for line in part.imports)),
        constants,
    )


def _refuse(options: Any) -> None:
    for word, plain in _PLAIN.items():
        if getattr(options, word) != plain:
            raise NotBuiltError(f"kissipo eject does not write process.{word.rstrip('_')} yet", do="Leave it out")


def _linear(prepared: Prepared) -> Part | None:
    """Where a wide-and-deep net starts; None where it starts anywhere."""
    if prepared.course.init != "linear":
        return None
    answer, rows = prepared.wiring.answers[0], len(prepared.wiring.feeds["train"])
    if rows > MOST_SAMPLES:
        raise NotBuiltError(f"kissipo eject writes a linear start for up to {MOST_SAMPLES:,} rows", given=f"{rows:,}")
    if not isinstance(answer, Category):
        kind, model = "ridge", "RidgeCV(alphas=np.logspace(-3, 4, 29))"
        quality, imports = "-(outputs - part[1]).double().square()[:, 0]", "from sklearn.linear_model import RidgeCV"
    elif len(answer.levels) > 2 or answer.one_output:
        kind, model = "logistic", "LogisticRegression(max_iter=1000)"
        called = (
            f"outputs[:, 0].sigmoid() >= {answer.options.decode.threshold}"
            if answer.one_output
            else "outputs.argmax(1)"
        )
        quality, imports = f"(({called}) == part[1]).double()", "from sklearn.linear_model import LogisticRegression"
        quality = quality.replace("(outputs.argmax(1))", "outputs.argmax(1)")
    else:
        raise NotBuiltError("kissipo eject does not write a linear start of two classes with two outputs yet")
    return Part("", filled(_LINEAR, kind=kind, model=model, quality=quality), (imports,))


@dataclass(frozen=True)
class _Loop:
    """The loop over the training part, put together from the words of learning.

    watched:    whether a validation part chooses the best epoch
    augmented:  how pictures are changed while learning
    """

    options: Any
    name: str
    streams: bool
    watched: bool
    augmented: Any

    @property
    def judged(self) -> str:
        """The net that is judged and kept."""
        return "average.module" if self.options.ema else "net"

    def imports(self) -> list[str]:
        """What the loop and the losses import."""
        waves = ["from math import cos, pi"] if self.options.schedule in ("cosine", "one_cycle") else []
        means = ["from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn"] if self.options.ema else []
        return ["from torch.nn import functional", *(["import copy"] if self.watched else []), *waves, *means]

    def code(self) -> str:
        """The function `learn`."""
        options = self.options
        rate = self._rate()
        ask, outputs, truth = self._asked()
        which = "mean weights" if options.ema else "weights"
        kept = f"the {which} of the best epoch are kept." if self.watched else f"the last {which} are kept."
        mean = f"average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn({options.ema}))"
        return filled(
            _LEARN,
            about=f"Steps downhill; {kept}",
            linear=["start_linear(net, inputs, truth)"] if options.init == "linear" else [],
            optimizer=self._optimizer(),
            average=[mean] if options.ema else [],
            total=["steps = -(-len(inputs) // BATCH)"] if rate else [],
            start=self._start() if self.watched else [],
            begin=["state: State = None"] if self.streams else [],
            batches="streams(len(inputs), BATCH)" if self.streams else "order(len(inputs), epoch).split(BATCH)",
            rate=rate,
            ask=ask,
            loss=f"{'taught' if options.label_smoothing else 'loss_of'}({outputs}, {truth})",
            backward="(loss + penalty(net))" if options.l1 or options.l2 else "loss",
            clip=[f"nn.utils.clip_grad_norm_(net.parameters(), {options.clip_norm})"]
            if options.clip_norm is not None
            else [],
            mean=["average.update_parameters(net)"] if options.ema else [],
            end=self._end() if self.watched else _UNWATCHED,
            keep=self._keep(),
        )

    def streams_of(self, net: Any) -> str:
        """How a text is read piece by piece."""
        two = getattr(getattr(net, "cell", None), "states", 1) == 2
        detached = "state[0][:, :rows].detach(), state[1][:, :rows].detach()" if two else "state[:, :rows].detach()"
        return filled(_STREAMS, detached=detached)

    def _optimizer(self) -> str:
        decay = "" if self.options.weight_decay is None else f", weight_decay={self.options.weight_decay}"
        words = _OPTIMIZERS[self.name].replace("$decay", decay).replace("$momentum", str(self.options.momentum))
        return f"torch.optim.{words}"

    def _rate(self) -> list[str]:
        """The rate of a step, where it moves."""
        shape = [f" * {_SHAPES[self.options.schedule]}"] if self.options.schedule != "constant" else []
        rise = [f" * min(1.0, done / {self.options.warmup})"] if self.options.warmup else []
        if not shape and not rise:
            return []
        rate = "RATE" + "".join(shape + rise)
        done = "done = ((epoch - 1) * steps + step) / (EPOCHS * steps)"
        set_rate = 'optimizer.param_groups[0]["lr"] = '
        if len(set_rate + rate) > _ROOM:
            return [done, f"rate = {rate}", f"{set_rate}rate"]
        return [done, set_rate + rate]

    def _asked(self) -> tuple[list[str], str, str]:
        """The lines before the loss, what is answered there, what is true."""
        if self.streams:
            return ["outputs, state = net(inputs[index], handed_on(state, len(index)))"], "outputs", "truth[index]"
        if self.augmented is None:
            return [], "net(inputs[index])", "truth[index]"
        if not self.augmented.masks:
            return ["changed = augmented(inputs[index], epoch, step)"], "net(changed)", "truth[index]"
        return ["changed, marks = augmented(inputs[index], truth[index], epoch, step)"], "net(changed)", "marks"

    def _start(self) -> list[str]:
        """What stands before the first epoch where a validation part chooses the best one."""
        kept = (
            f"kept, best_epoch = {self._weights}, 0"
            if self.options.early_stopping.patience
            else f"kept = {self._weights}"
        )
        return [_FIRST, kept, *(_BEGAN if self.options.init == "linear" else [])]

    def _end(self) -> list[str]:
        """What stands at the end of each epoch there."""
        patient, linear = bool(self.options.early_stopping.patience), self.options.init == "linear"
        better = "if missed < best and float(gain.mean()) > chance:" if linear else "if missed < best:"
        names, values = ("best, kept, best_epoch", ", epoch") if patient else ("best, kept", "")
        keep = f"    {names} = missed, {self._weights}{values}"
        lines = [*_WATCHED, *(_IF_BETTER if linear else []), better, keep, *(_PATIENCE if patient else [])]
        return [line.replace("(net, ", f"({self.judged}, ") for line in lines]

    def _keep(self) -> list[str]:
        """The last line, where the net has other weights than are to be kept."""
        if self.watched:
            return ["net.load_state_dict(kept)"]
        return ["net.load_state_dict(average.module.state_dict())"] if self.options.ema else []

    @property
    def _weights(self) -> str:
        return f"copy.deepcopy({self.judged}.state_dict())"


_FIRST = 'best = float(loss_of(answer(net, parts["validation"][0]), parts["validation"][1]))'
_WATCHED = [
    'validation = answer(net, parts["validation"][0])',
    'missed = float(loss_of(validation, parts["validation"][1]))',
    'print(f"epoch {epoch}: validation loss {missed:.5f}")',
]
_BEGAN = ['began = quality(net, parts["validation"])']
_IF_BETTER = [
    'gain = quality(net, parts["validation"]) - began',
    "chance = float(gain.std()) / len(gain) ** 0.5  # what it must be better by",
]
_PATIENCE = ["if epoch - best_epoch >= PATIENCE:", "    break"]
_UNWATCHED = ['print(f"epoch {epoch}: loss {loss.item():.5f}")']
