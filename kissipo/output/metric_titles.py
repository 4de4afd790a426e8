"""The names of the metrics as people write them: MAE for mae."""

import re

_TOP = re.compile(r"(ndcg|precision|recall|coverage)_at_(\d+)")
_TITLES = {
    "mae": "MAE",
    "rmse": "RMSE",
    "mape": "MAPE (%)",
    "mase": "MASE",
    "r2": "R²",
    "nll": "NLL",
    "iou": "IoU",
    "f1": "F1",
    "answerable_f1": "F1 of answerable questions",
    "macro_f1": "macro F1",
    "samples_f1": "F1 per sample",
    "micro_f1": "micro F1",
    "entity_f1": "entity F1",
    "entity_f1_lenient": "entity F1, lenient",
    "roc_auc": "ROC AUC",
    "top_5": "top-5 accuracy",
    "masked_top_5": "masked piece in the first 5",
    "map_50": "mAP at IoU 0.5",
    "hit_at_1": "right document first",
    "hit_at_5": "right document in the first 5",
    "hit_rate_at_1": "hidden item first",
    "hit_rate_at_5": "hidden item in the first 5",
    "nab": "NAB score",
    "poisson_deviance": "Poisson deviance",
    "bleu": "BLEU",
    "chrf": "chrF",
    "rouge_1": "ROUGE-1",
    "rouge_2": "ROUGE-2",
    "rouge_l": "ROUGE-L",
    "normalized_mae": "normalized MAE",
    "normalized_mse": "normalized MSE",
    "bits": "bits per token",
    **{
        name: name.replace("_", " ")
        for name in (
            *("balanced_accuracy", "log_loss", "exact_match", "subset_accuracy"),
            *("character_error_rate", "word_error_rate", "frechet_distance"),
            *("mean_reciprocal_rank", "nearest_cosine", "unanswerable_accuracy"),
            *("masked_accuracy", "next_sentence_accuracy", "hit_rate"),
            *("entity_precision", "entity_recall", "token_accuracy"),
            *("explained_variance", "quantization_error", "topographic_error"),
            *("image_recall", "image_specificity", "false_positive_rate", "false_negative_rate"),
        )
    },
}


def metric_title(name: str) -> str:
    """Returns the name of a metric for people; that of a user as it is.

    Example:  >>> metric_title("mae"), metric_title("balanced_accuracy")
              ('MAE', 'balanced accuracy')
              >>> metric_title("ndcg_at_10"), metric_title("recall_at_5")
              ('NDCG@10', 'recall@5')
    """
    match = _TOP.fullmatch(name)
    if match:
        return f"{match[1].replace('ndcg', 'NDCG')}@{match[2]}"
    return _TITLES.get(name, name)
