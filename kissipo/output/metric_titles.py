"""The names of the metrics as people write them: MAE for mae."""

_TITLES = {
    "mae": "MAE",
    "rmse": "RMSE",
    "mape": "MAPE (%)",
    "mase": "MASE",
    "r2": "R²",
    "nll": "NLL",
    "iou": "IoU",
    "f1": "F1",
    "macro_f1": "macro F1",
    "samples_f1": "F1 per sample",
    "micro_f1": "micro F1",
    "roc_auc": "ROC AUC",
    "top_5": "top-5 accuracy",
    "map_50": "mAP at IoU 0.5",
    "nab": "NAB score",
    "normalized_mae": "normalized MAE",
    "normalized_mse": "normalized MSE",
    "bits": "bits per token",
}


def metric_title(name: str) -> str:
    """Returns the name of a metric for people.

    Example:  >>> metric_title("mae"), metric_title("balanced_accuracy")
              ('MAE', 'balanced accuracy')
    """
    return _TITLES.get(name, name.replace("_", " "))
