"""Sentences about the curves of training losses."""

from collections.abc import Mapping, Sequence

_RISE, _MIN_FALL = 1.05, 0.98  # factors of a loss


def describe_curves(
    history: Sequence[Mapping[str, float]], *, best_epoch: int, max_epochs: int
) -> list[str]:
    """Returns sentences: whether training converged, overfitted or stopped early.

    Example:  >>> rows = [{"epoch": e, "loss": 1 / (e + 1), "validation_loss": abs(e - 3) + 1.0} for e in range(1, 9)]
              >>> describe_curves(rows, best_epoch=3, max_epochs=8)[0][:60]
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
    if last["loss"] > _MIN_FALL * first["loss"]:
        sentences.append(
            "The training loss hardly fell: the learning rate may be too low or too high, "
            "or the inputs may not predict the target."
        )
    if last["epoch"] < max_epochs:
        sentences.append(
            f"Training stopped early, after {last['epoch']:.0f} of {max_epochs} epochs."
        )
    return sentences
