"""Learning: the loop over the training part as a script writes it: steps downhill, the best epoch kept, stopping when patience is out."""

from __future__ import annotations

from typing import Any

from kissipo.core.errors import NotBuiltError
from kissipo.output.answers.category import Category
from kissipo.plan.eject.part import Part, filled
from kissipo.plan.prepare import Prepared
from kissipo.process import optim
from kissipo.process.linear_start import MOST_SAMPLES

_LEARN = '''
def learn(net: Net, parts: Parts) -> None:
    """$about"""
    inputs, truth = parts["train"]
    $linear
    optimizer = $optimizer
    $total
    $start
    for epoch in range(1, EPOCHS + 1):
        net.train()
        $begin
        for step, index in enumerate($batches):
            $rate
            $ask
            loss = loss_of($outputs, truth[index])
            optimizer.zero_grad()
            loss.backward()
            $clip
            optimizer.step()
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


def quality(net: Net, part: tuple[Tensor, Tensor]) -> Tensor:
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

_LOSS = '''
def loss_of(outputs: Tensor, truth: Tensor) -> Tensor:
    """How far off the answers are."""
    return $loss
'''

_SHAPES: dict[str, tuple[str, ...]] = {
    "step": ("return 1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01",),
    "exponential": ("return float(0.01**done)",),
    "cosine": ("return (1 + cos(pi * done)) / 2",),
    "one_cycle": (
        "if done < 0.3:",
        "    return max(0.04, done / 0.3)",
        "return (1 + cos(pi * (done - 0.3) / 0.7)) / 2",
    ),
}

_SCHEDULE = '''
def rate_at(done: float) -> float:
    """What the rate is multiplied by when this share of all steps is over."""
    $shape
'''

_OPTIMIZERS = {
    "sgd": "SGD(net.parameters(), RATE$decay)",
    "momentum": "SGD(net.parameters(), RATE, momentum=$momentum$decay)",
    "adagrad": "Adagrad(net.parameters(), RATE, eps=1e-8$decay)",
    "rmsprop": "RMSprop(net.parameters(), RATE, alpha=0.9$decay)",
    "adam": "Adam(net.parameters(), RATE$decay)",
    "adamw": "AdamW(net.parameters(), RATE$decay)",
}

_LOSSES = {
    "sparse_categorical_cross_entropy": "functional.cross_entropy(outputs, truth)",
    "binary_cross_entropy": "functional.binary_cross_entropy_with_logits(outputs[:, 0], truth.float())",
    "mean_squared_error": "functional.mse_loss(outputs, truth)",
    "half_mean_squared_error": "functional.mse_loss(outputs, truth) / 2",
    "mean_absolute_error": "functional.l1_loss(outputs, truth)",
}
_TEXT_LOSS = "functional.cross_entropy(outputs.flatten(0, 1), truth.flatten())"

# words that change how is learned, and their values that change nothing
_PLAIN: dict[str, Any] = {
    "l1": 0.0,
    "l2": 0.0,
    "smoothing": 0.0,
    "mixup": 0.0,
    "ema": 0.0,
    "backbone_rate": 1.0,
    "warmup": 0.0,
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
    if loss not in _LOSSES:
        raise NotBuiltError(f"kissipo eject does not write process.loss={loss} yet", allowed=", ".join(_LOSSES))
    streams = bool(getattr(prepared.net, "stateful", False))
    moves = options.schedule != "constant"
    batch, count = prepared.choices.general.batch or 32, len(wiring.feeds["train"])
    name = options.optimizer or "adam"
    rate = options.rate or optim.RATES[name]
    pieces = [filled(_LOSS, loss=_TEXT_LOSS if streams else _LOSSES[loss])]
    pieces += [] if streams else [(_ORDER if batch < count else _IN_ORDER).strip("\n")]
    pieces += [filled(_SCHEDULE, shape=_SHAPES[options.schedule])] if moves else []
    linear = _linear(prepared) if options.start == "linear" else None
    pieces += [linear.code] if linear else []
    pieces.append(
        _loop(options, streams=streams, watched=len(wiring.feeds["validation"]) > 0, name=name, net=prepared.net)
    )
    patience = options.stop.patience
    constants = (
        f"EPOCHS, BATCH, RATE = {options.epochs}, {batch}, {rate}",
        *([f"PATIENCE = {patience}  # epochs without a better one"] if patience else []),
    )
    imports = ["from torch.nn import functional"]
    imports += linear.imports if linear else []
    imports += ["import copy"] if len(wiring.feeds["validation"]) else []
    imports += ["from math import cos, pi"] if options.schedule in ("cosine", "one_cycle") else []
    told = f"{name} with a rate of {rate}" + (f", {options.schedule}" if moves else "")
    return Part(
        f"{told}; {loss.replace('_', ' ')}; {options.epochs} epochs at most",
        "\n\n\n".join(pieces),
        tuple(imports),
        constants,
    )


def _refuse(options: Any) -> None:
    for word, plain in _PLAIN.items():
        if getattr(options, word) != plain:
            raise NotBuiltError(f"kissipo eject does not write process.{word.rstrip('_')} yet", do="Leave it out")


def _linear(prepared: Prepared) -> Part:
    """Where a wide-and-deep net starts."""
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


def _loop(options: Any, *, streams: bool, watched: bool, name: str, net: Any) -> str:
    moves = options.schedule != "constant"
    decay = "" if options.decay is None else f", weight_decay={options.decay}"
    optimizer = _OPTIMIZERS[name].replace("$decay", decay).replace("$momentum", str(options.momentum))
    total = "-(-len(inputs) // BATCH)"
    rate = [
        "done = ((epoch - 1) * steps + step) / (EPOCHS * steps)",
        'optimizer.param_groups[0]["lr"] = RATE * rate_at(done)',
    ]
    learn = filled(
        _LEARN,
        about="Steps downhill; "
        + ("the weights of the best epoch are kept." if watched else "the last weights are kept."),
        optimizer=f"torch.optim.{optimizer}",
        linear=["start_linear(net, inputs, truth)"] if options.start == "linear" else [],
        total=[f"steps = {total}"] if moves else [],
        start=_start(options) if watched else [],
        begin=["state: State = None"] if streams else [],
        batches="streams(len(inputs), BATCH)" if streams else "order(len(inputs), epoch).split(BATCH)",
        rate=rate if moves else [],
        ask=["outputs, state = net(inputs[index], handed_on(state, len(index)))"] if streams else [],
        outputs="outputs" if streams else "net(inputs[index])",
        clip=[f"nn.utils.clip_grad_norm_(net.parameters(), {options.clip})"] if options.clip is not None else [],
        end=_end(options) if watched else _UNWATCHED,
        keep=["net.load_state_dict(kept)"] if watched else [],
    )
    if not streams:
        return learn
    two = getattr(getattr(net, "cell", None), "states", 1) == 2
    detached = "state[0][:, :rows].detach(), state[1][:, :rows].detach()" if two else "state[:, :rows].detach()"
    return f"{filled(_STREAMS, detached=detached)}\n\n\n{learn}"


def _start(options: Any) -> list[str]:
    """What stands before the first epoch where a validation part chooses the best one."""
    kept = f"kept, best_epoch = {_WEIGHTS}, 0" if options.stop.patience else f"kept = {_WEIGHTS}"
    return [_FIRST, kept, *(_BEGAN if options.start == "linear" else [])]


def _end(options: Any) -> list[str]:
    """What stands at the end of each epoch there."""
    patient, linear = bool(options.stop.patience), options.start == "linear"
    better = "if missed < best and float(gain.mean()) > chance:" if linear else "if missed < best:"
    names, values = ("best, kept, best_epoch", ", epoch") if patient else ("best, kept", "")
    keep = f"    {names} = missed, {_WEIGHTS}{values}"
    return [*_WATCHED, *(_IF_BETTER if linear else []), better, keep, *(_PATIENCE if patient else [])]


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
_WEIGHTS = "copy.deepcopy(net.state_dict())"
_PATIENCE = ["if epoch - best_epoch >= PATIENCE:", "    break"]
_UNWATCHED = ['print(f"epoch {epoch}: loss {loss.item():.5f}")']
