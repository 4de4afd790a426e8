"""Reading the curves: what a history of losses says, and what a curve of precision and recall says, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

_RISE, _FALL, _HARDLY = 1.05, 0.99, 0.98


def read_curves(
    history: Sequence[Mapping[str, float]], *, best_epoch: int, asked_epochs: int
) -> list[str]:
    """Sentences about learning: did it learn, is it done, did it learn by heart.

    Example:  >>> rows = [{"epoch": e, "loss": 1 / (e + 1), "validation_loss": abs(e - 3) + 1.0} for e in range(1, 9)]
              >>> read_curves(rows, best_epoch=3, asked_epochs=8)[0][:60]
              'The validation loss was lowest after epoch 3 (1) and rose to'
    """
    rows = [row for row in history if "loss" in row]
    if len(rows) < 2:
        return []
    told = []
    first, last = rows[0], rows[-1]
    watched = [row for row in history if "validation_loss" in row]
    if watched:
        best = next((row for row in watched if row["epoch"] == best_epoch), last)
        low, end = best["validation_loss"], watched[-1]["validation_loss"]
        if best_epoch == 0:
            told.append(
                "No epoch was clearly better on the validation part than the start: the linear solution itself is kept, "
                "the hidden layers found nothing that is sure."
            )
        elif best_epoch >= 0.9 * last["epoch"]:
            told.append(
                f"The validation loss was still falling at the end ({low:.4g} after epoch {best_epoch:.0f}): "
                "more epochs may help."
            )
        elif end > _RISE * low and last["loss"] < first["loss"]:
            told.append(
                f"The validation loss was lowest after epoch {best_epoch:.0f} ({low:.4g}) and rose to {end:.4g} "
                "while the training loss went on falling: "
                "later epochs learn the training part by heart (overfitting). The weights of that best epoch are kept."
            )
        else:
            told.append(
                f"The validation loss settled at {low:.4g} after epoch {best_epoch:.0f} and did not get lower: learning is done."
            )
        if best.get("loss", 0) > 0 and low > 1.5 * best.get("loss", low):
            told.append(
                f"At that epoch the loss is {low / best['loss']:.1f} times higher on the validation part than on the training part."
            )
    if last["loss"] > _HARDLY * first["loss"]:
        told.append(
            "The training loss hardly fell: the rate may be too low or too high, or the inputs may not hold the answer."
        )
    if last["epoch"] < asked_epochs:
        told.append(f"Training stopped early, after {last['epoch']:.0f} of {asked_epochs} epochs.")
    return told


def read_precision_recall(
    classes: Sequence[str],
    counts: Sequence[int],
    average: Sequence[float],
    curves: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Sentences about classes against the rest: which is found best, which hardly, and what half of it costs in false answers.

    Example:  >>> curve = {"recall": [0.0, 0.5, 1.0], "precision": [1.0, 1.0, 0.4]}
              >>> read_precision_recall(["bad", "good"], [2, 8], [0.7, 0.95], [curve, curve])[0].split("; ")[0]
              "Best found is 'good' (average precision 0.95), worst 'bad' (0.70"
    """
    there = [at for at, count in enumerate(counts) if count]
    if len(there) < 2:
        return []
    best, worst = max(there, key=lambda at: average[at]), min(there, key=lambda at: average[at])
    share = counts[worst] / sum(counts)
    half, whole = (_false_answers(curves[worst], recall) for recall in (0.5, 1.0))
    name = f"'{classes[worst]}'"
    told = f"Best found is '{classes[best]}' (average precision {average[best]:.2f}), worst {name} "
    told += f"({average[worst]:.2f}; chance has {share:.2f}): half of {name} is found with {half}, all of it with {whole}."
    return [told]


def _false_answers(curve: Mapping[str, Any], recall: float) -> str:
    """How many answers are false for each right one, at the best threshold that finds so much."""
    pairs = zip(curve["recall"], curve["precision"], strict=True)
    precision = max(precise for found, precise in pairs if found >= recall - 1e-9)
    return (
        "no false answer"
        if precision >= 1
        else f"{1 / precision - 1:.2g} false answers a right one"
    )
