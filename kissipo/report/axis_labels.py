"""Sentences about the curves of training losses and of precision and recall."""

from collections.abc import Mapping, Sequence
from typing import Any

_RISE, _FALL, _HARDLY = 1.05, 0.99, 0.98


def read_curves(
    history: Sequence[Mapping[str, float]], *, best_epoch: int, asked_epochs: int
) -> list[str]:
    """Says whether training converged, overfitted or stopped early.

    Example:  >>> rows = [{"epoch": e, "loss": 1 / (e + 1), "validation_loss": abs(e - 3) + 1.0} for e in range(1, 9)]
              >>> read_curves(rows, best_epoch=3, asked_epochs=8)[0][:60]
              'The validation loss was lowest after epoch 3 (1) and rose to'
    """
    rows = [row for row in history if "loss" in row]
    if len(rows) < 2:
        return []
    sentences = []
    first, last = rows[0], rows[-1]
    validated = [row for row in history if "validation_loss" in row]
    if validated:
        best = next((row for row in validated if row["epoch"] == best_epoch), last)
        low, end = best["validation_loss"], validated[-1]["validation_loss"]
        if best_epoch == 0:
            sentences.append(
                "No epoch was clearly better on the validation split than the initial linear model. "
                "The linear model itself is kept."
            )
        elif best_epoch >= 0.9 * last["epoch"]:
            sentences.append(
                f"The validation loss was still falling at the end ({low:.4g} after epoch {best_epoch:.0f}): "
                "more epochs may help."
            )
        elif end > _RISE * low and last["loss"] < first["loss"]:
            sentences.append(
                f"The validation loss was lowest after epoch {best_epoch:.0f} ({low:.4g}) and rose to {end:.4g} "
                "while the training loss went on falling: the later epochs overfit. "
                "The weights of the best epoch are kept."
            )
        else:
            sentences.append(
                f"The validation loss settled at {low:.4g} after epoch {best_epoch:.0f} "
                "and did not get lower: training has converged."
            )
        if best.get("loss", 0) > 0 and low > 1.5 * best.get("loss", low):
            sentences.append(
                f"At that epoch the validation loss is {low / best['loss']:.1f} times "
                "the training loss."
            )
    if last["loss"] > _HARDLY * first["loss"]:
        sentences.append(
            "The training loss hardly fell: the learning rate may be too low or too high, "
            "or the inputs may not predict the target."
        )
    if last["epoch"] < asked_epochs:
        sentences.append(
            f"Training stopped early, after {last['epoch']:.0f} of {asked_epochs} epochs."
        )
    return sentences


def read_precision_recall(
    classes: Sequence[str],
    counts: Sequence[int],
    average: Sequence[float],
    curves: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Says which class has the best and the worst average precision against the rest.

    Example:  >>> curve = {"recall": [0.0, 0.5, 1.0], "precision": [1.0, 1.0, 0.4]}
              >>> read_precision_recall(["bad", "good"], [2, 8], [0.7, 0.95], [curve, curve])[0].split("; ")[0]
              "The best class is 'good' (average precision 0.95), the worst 'bad' (0.70"
    """
    present = [index for index, count in enumerate(counts) if count]
    if len(present) < 2:
        return []
    best, worst = (
        max(present, key=lambda index: average[index]),
        min(present, key=lambda index: average[index]),
    )
    share = counts[worst] / sum(counts)
    half, whole = (_false_positives(curves[worst], recall) for recall in (0.5, 1.0))
    name = f"'{classes[worst]}'"
    text = f"The best class is '{classes[best]}' (average precision {average[best]:.2f}), the worst {name} "
    text += (
        f"({average[worst]:.2f}; chance {share:.2f}): a recall of 0.5 for {name} costs {half}, "
        f"a recall of 1 costs {whole}."
    )
    return [text]


def _false_positives(curve: Mapping[str, Any], recall: float) -> str:
    """False positives per true positive at the highest precision with this recall."""
    pairs = zip(curve["recall"], curve["precision"], strict=True)
    precision = max(precise for reached, precise in pairs if reached >= recall - 1e-9)
    return (
        "no false positive"
        if precision >= 1
        else f"{1 / precision - 1:.2g} false positives per true positive"
    )
