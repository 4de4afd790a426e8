"""Outputs: how a script answers all samples of a part, and judges them by the measure by which the task is judged."""

from __future__ import annotations

from torch import nn

from kissipo.core.errors import NotBuiltError
from kissipo.output.answers.category import Category
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.number import Number
from kissipo.output.answers.text import NextUnit
from kissipo.plan.eject.part import Part, filled
from kissipo.plan.prepare import Prepared

_ANSWER = '''
def answer(net: nn.Module, inputs: Tensor) -> Tensor:
    """What the net gives for all samples, in portions."""
    net.eval()
    with torch.no_grad():
        return torch.cat([net(some) for some in inputs.split(500)])
'''

_ANSWER_STREAMS = '''
def answer(net: Net, inputs: Tensor) -> Tensor:
    """What the net gives for all pieces, read in streams side by side."""
    net.eval()
    found: list[Tensor] = []
    steps, state = streams(len(inputs), 64), None
    with torch.no_grad():
        for index in steps:
            outputs, state = net(inputs[index], handed_on(state, len(index)))
            found.append(outputs)
    return torch.cat(found)[torch.cat(steps).argsort()]
'''

_JUDGE = '''
def judge(net: Net, part: tuple[Tensor, Tensor]) -> float:
    """$about"""
    inputs, truth = part
    outputs = answer(net, inputs)
    $how
'''

_MAIN = '''
def main() -> None:
    """From the data to the score."""
    parts = samples()
    torch.manual_seed(seed_of("weights"))
    net = Net()
    torch.manual_seed(seed_of("dice"))
    learn(net, parts)
    print(f"$part $measure: {judge(net, parts['$part']):.6f}")


if __name__ == "__main__":
    main()
'''


def answering_part(net: nn.Module) -> str:
    """How a net is asked."""
    return (_ANSWER_STREAMS if getattr(net, "stateful", False) else _ANSWER).strip("\n")


def output_part(prepared: Prepared) -> Part:
    """The section that judges.

    Raises:   NotBuiltError for an answer that no script judges yet.
    """
    answers = prepared.wiring.answers
    if len(answers) > 1:
        raise NotBuiltError("kissipo eject does not write several answers yet", given=f"{len(answers)} answers")
    answer = answers[0]
    if isinstance(answer, Category):
        measure, told, about, how = _category(answer)
    elif isinstance(answer, Forecast):
        measure, told, about, how = _forecast(answer)
    elif isinstance(answer, NextUnit):
        measure, told, about = "nats", "the next of the text", "How surprised the net is, in nats, at what comes next."
        how = ["return float(loss_of(outputs.double(), truth))"]
    elif isinstance(answer, Number) and answer.codec.scale in ("none", "standard"):
        measure, told, about = "rmse", answer.name, "The root of the mean squared error."
        unit = " * deviation()" if answer.codec.scale == "standard" else ""
        how = ["off = (outputs - truth).double()", f"return float(off.square().mean().sqrt()){unit}"]
    else:
        raise NotBuiltError(
            f"kissipo eject does not write the answer output.{answer.WORD} yet",
            allowed="category, number, forecast, text",
        )
    judging = prepared.wiring.judging
    code = [filled(_JUDGE, about=about, how=how), filled(_MAIN, part=judging, measure=measure)]
    return Part(f"{told}; {measure} on the {judging} part", "\n\n\n".join(code))


def _category(answer: Category) -> tuple[str, str, str, list[str]]:
    if answer.inspection is not None or answer.MAIN != "accuracy":
        raise NotBuiltError(
            f"kissipo eject does not write output.main={answer.MAIN} and output.sound yet", do="Leave them out"
        )
    told = f"one of {len(answer.levels)} classes"
    about = "The share of right answers."
    if not answer.one_output:
        return "accuracy", told, about, ["return float((outputs.argmax(1) == truth).double().mean())"]
    called = f"called = outputs[:, 0].sigmoid() >= {answer.options.decode.threshold}"
    return "accuracy", told, about, [called, "return float((called == (truth == 1)).double().mean())"]


def _forecast(answer: Forecast) -> tuple[str, str, str, list[str]]:
    off = "off = (outputs - truth).abs().double()"
    if len(answer.variables) > 1:
        told = f"{answer.port.shape[0]} steps of {len(answer.variables)} variables"
        return (
            "scaled_mae",
            told,
            "The mean error, on the scale of the training part.",
            [off, "return float(off.mean())"],
        )
    told = f"{answer.port.shape[0]} steps of {answer.name}"
    return "mae", told, "The mean error, in the unit of the data.", [off, "return float(off.mean() * scale()[1][0])"]
