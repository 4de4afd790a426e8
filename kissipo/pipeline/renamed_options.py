"""Renamed options: the current names of former options, and of options of other
libraries.

An option that no part has is looked up here before it is taken for a spelling mistake.

Example:  >>> current_name("process.rate")
          'process.rate is called process.learning_rate'
          >>> current_name("lr"), current_name("alpha")
          ('lr is called learning_rate', 'alpha: did you mean l2 or learning_rate?')
          >>> current_name("process.epochs")
          ''
"""

from __future__ import annotations

PARTS = ("input", "process", "output")

RENAMED: dict[str, str | tuple[str, ...]] = {
    "process.rate": "process.learning_rate",
    "process.decay": "process.weight_decay",
    "process.clip": "process.clip_norm",
    "process.smoothing": "process.label_smoothing",
    "process.backbone_rate": "process.backbone_learning_rate_scale",
    "process.from": "process.weights",
    "process.start": "process.init",
    "process.stop": "process.early_stopping",
    "process.embed": "process.embedding_dim",
    "process.layers": "process.num_layers",
    "process.kernel": "process.kernel_size",
    "process.pool": ("process.pool_size", "process.pooling"),
    "process.flat": "process.flatten",
    "process.even": "process.standardize",
    "process.centre": "process.normalize",
    "process.width": "process.width_multiplier",
    "process.code": "process.latent_dim",
    "process.patch": "process.patch_length",
    "process.skip": "process.wide",
    "process.relative": "process.subtract_last",
    "process.independent": "process.channel_independent",
    "process.recursive": "process.autoregressive",
    "process.learn": "process.algorithm",
    "process.explore": ("process.epsilon_start", "process.epsilon_end"),
    "process.first": "process.initial_q",
    "process.walks": "process.num_points",
    "process.rates": "process.learning_rates",
    "process.vector_size": "process.embedding_dim",
    "process.sg": "process.model",
    "process.hs": "process.negative",
    "process.ns_exponent": "process.negative_exponent",
    "process.sample": "process.subsample",
    "process.min_alpha": "process.min_learning_rate",
    "process.workers": "process.num_threads",
    "process.window": "process.context_size",
    "process.replay": "process.buffer_size",
    "process.replay_start": "process.learning_starts",
    "input.batch": "input.batch_size",
    "input.colour": "input.color",
    "input.unmarked": "input.missing_masks",
    "input.skip_damaged": "input.skip_corrupt",
    "input.memory": "input.memory_limit",
    "input.ahead": "input.future_covariates",
    "input.season": "input.season_length",
    "input.doubled": "input.duplicate_timestamps",
    "input.values": "input.features",
    "input.steps": "input.max_rows",
    "input.time_style": "input.date_format",
    "input.calendar": ("input.time_features", "input.datetime"),
    "input.as": "input.tokenizer",
    "input.split.by": "input.split.method",
    "input.numbers": "input.numeric",
    "input.categories": "input.categorical",
    "input.least": "input.min_count",
    "input.length": "input.max_length",
    "input.vocabulary": "input.vocab_size",
    "input.flag_missing": "input.missing_indicator",
    "input.made": "input.num_games",
    "input.limit": "input.max_episode_steps",
    "output.sound": "output.negative_class",
    "output.missed": "output.false_negative_cost",
    "output.positive": "output.positive_class",
    "output.marks": "output.anomaly_labels",
    "output.by": "output.method",
    "output.share": "output.false_alarm_rate",
    "output.smooth": "output.smoothing_window",
    "output.main": "output.eval_metric",
    "output.interval": "output.interval_coverage",
    "output.decode.top": "output.decode.top_k",
}
METRICS = {
    "found": "image_recall",
    "clean": "image_specificity",
    "missed": "false_negative_rate",
    "false_alarms": "false_positive_rate",
    "false_a_month": "false_alarms_per_month",
    "nats": "nll",
    "scaled_mae": "normalized_mae",
}
VALUES = {
    "process.net=walkers": "process.net=playground",
    "process.algorithm=descent": "process.algorithm=gradient_descent",
    "process.algorithm=deep_q_learning": "process.algorithm=dqn",
}
_TIME = "ds time_column time_col timestamp_column timestamp_col datetime_column time_idx date_col"
_WINDOW = (
    "input_chunk_length lookback look_back lookback_window window_size seq_len seq_length"
    " sequence_length context_length n_lags lags timesteps n_timesteps input_steps"
)
_HORIZON = (
    "output_chunk_length forecast_horizon forecast_length prediction_length pred_len fh n_ahead"
    " steps_ahead n_steps_ahead output_steps h"
)
_SERIES = "unique_id item_id id_column id_col group_ids series_column group_col"
_MISSING = "na_values null_values missing_value na_rep na_strings nan_values"
_NUMERIC = "cont_names numerical num_cols numeric_columns numerical_features numeric_features"
_CATEGORICAL = "cat_names cat_cols categories categorical_features categorical_columns cat_features"
_DATA = {
    **dict.fromkeys(_MISSING.split(), "input.missing_values"),
    **dict.fromkeys(("sep", "delimiter", "field_separator", "delim"), "input.separator"),
    **dict.fromkeys(("decimal_separator", "decimal_point", "dec"), "input.decimal"),
    **dict.fromkeys(("thousands_separator", "group_separator"), "input.thousands"),
    **dict.fromkeys(("sheet_name", "sheet_id", "worksheet", "sheetname"), "input.sheet"),
    **dict.fromkeys(("file_encoding", "charset"), "input.encoding"),
    **dict.fromkeys(("skiprows", "skip_rows", "skip_header"), "input.skip_lines"),
    **dict.fromkeys(("names", "column_names", "col_names", "new_columns"), "input.header"),
    **dict.fromkeys(_TIME.split(), "input.time"),
    **dict.fromkeys(_SERIES.split(), "input.series_id"),
    **dict.fromkeys(_WINDOW.split(), "input.window"),
    **dict.fromkeys(_HORIZON.split(), "output.horizon"),
    **dict.fromkeys(("seasonal_periods", "seasonality", "sp"), "input.season_length"),
    **dict.fromkeys(
        ("known_covariates", "futr_exog_list", "known_reals"), "input.future_covariates"
    ),
    **dict.fromkeys(("past_covariates", "hist_exog_list", "covariates"), "input.features"),
    **dict.fromkeys(("add_encoders", "date_features"), "input.time_features"),
    **dict.fromkeys(_NUMERIC.split(), "input.numeric"),
    **dict.fromkeys(_CATEGORICAL.split(), "input.categorical"),
    **dict.fromkeys(("text_cols", "text_columns", "text_col", "text_features"), "input.text"),
    **dict.fromkeys(("drop_columns", "ignored_features", "ignored_columns"), "input.drop"),
    **dict.fromkeys(("weight_column", "weights_column", "weight_col"), "input.sample_weight"),
    **dict.fromkeys(("pos_label", "pos_class"), "output.positive_class"),
    **dict.fromkeys(("label_delim", "label_separator"), "output.separator"),
}
FOREIGN = {  # names of the same option in other libraries
    **_DATA,
    **dict.fromkeys(("num_beams", "beam_size", "beam_width"), "output.decode.beam"),
    "no_repeat_ngram_size": "output.decode.no_repeat",
    "num_return_sequences": "output.decode.n_best",
    "lr": "process.learning_rate",
    "learning_rate_init": "process.learning_rate",
    "eta": "process.learning_rate",
    "n_epochs": "process.epochs",
    "num_epochs": "process.epochs",
    "nb_epoch": "process.epochs",
    "hidden_size": "process.units",
    "hidden_dim": "process.units",
    "hidden_units": "process.units",
    "hidden_layer_sizes": "process.units",
    "n_layers": "process.num_layers",
    "embed_dim": "process.embedding_dim",
    "embedding_size": "process.embedding_dim",
    "n_factors": "process.embedding_dim",
    "num_factors": "process.embedding_dim",
    "no_components": "process.embedding_dim",
    "top_n": "output.decode.top_k",
    "dropout_rate": "process.dropout",
    "loss_fn": "process.loss",
    "loss_function": "process.loss",
    "criterion": "process.loss",
    **dict.fromkeys(("max_leaf_nodes", "num_leaves"), "process.max_leaves"),
    **dict.fromkeys(("min_child_samples", "min_data_in_leaf"), "process.min_samples_leaf"),
    **dict.fromkeys(("l2_regularization", "lambda_l2"), "process.l2"),
    **dict.fromkeys(("num_boost_round", "num_iterations"), "process.max_iterations"),
    "solver": "process.optimizer",
    "opt": "process.optimizer",
    "scheduler": "process.schedule",
    "lr_scheduler": "process.schedule",
    "warmup_ratio": "process.warmup",
    "class_weight": "process.class_weights",
    "max_grad_norm": "process.clip_norm",
    "clipnorm": "process.clip_norm",
    "gradient_clip_val": "process.clip_norm",
    "use_bias": "process.bias",
    "pretrained": "process.weights",
    "gamma": "process.discount",
    "eps_start": "process.epsilon_start",
    "eps_end": "process.epsilon_end",
    "exploration_initial_eps": "process.epsilon_start",
    "exploration_final_eps": "process.epsilon_end",
    "total_timesteps": "process.steps",
    "num_timesteps": "process.steps",
    "train_freq": "process.update_every",
    "gradient_steps": "process.updates",
    "target_update_interval": "process.target_every",
    "target_network_frequency": "process.target_every",
    "tau": "process.polyak",
    "n_envs": "process.num_envs",
    "replay_size": "process.buffer_size",
    "memory_size": "process.buffer_size",
    "replay_buffer_size": "process.buffer_size",
    "num_episodes": "process.episodes",
    "n_episodes": "process.episodes",
    "batch_norm": "process.norm",
    "architecture": "process.net",
    "bs": "input.batch_size",
    "minibatch_size": "input.batch_size",
    "img_size": "input.size",
    "image_size": "input.size",
    "color_mode": "input.color",
    "max_len": "input.max_length",
    "maxlen": "input.max_length",
    "num_words": "input.vocab_size",
    "min_df": "input.min_count",
}
NEAR: dict[str, str | tuple[str, ...]] = {  # options with a similar effect
    "missing": "input.missing_values",
    "parse_dates": ("input.datetime", "input.time"),
    "dayfirst": "input.date_format",
    "date_parser": "input.date_format",
    "quotechar": "input.quoting",
    "quote_char": "input.quoting",
    "index_col": ("input.drop", "input.time"),
    "usecols": ("input.drop", "input.features"),
    "schema_overrides": ("input.numeric", "input.categorical"),
    "nrows": "input.max_rows",
    "n_rows": "input.max_rows",
    "stratify": "input.split",
    "valid_pct": "input.split",
    "case_sensitive": "output.ignore_case",
    "n_splits": "--folds",
    "cv": "--folds",
    "target": "--output",
    "target_column": "--output",
    "label_column": "--output",
    "y_names": "--output",
    "max_iter": ("process.epochs", "process.max_iterations"),
    "n_estimators": ("process.num_trees", "process.max_iterations"),
    "n_iter": "process.epochs",
    "steps_per_epoch": "process.epochs",
    "patience": "process.early_stopping",
    "n_iter_no_change": "process.early_stopping",
    "alpha": ("process.l2", "process.learning_rate"),
    "penalty": "process.l2",
    "reg_lambda": "process.l2",
    "fine_tune": "process.freeze",
    "trainable": "process.freeze",
    "amp": "process.precision",
    "fp16": "process.precision",
    "dtype": "process.precision",
    "val_split": "input.split",
    "validation_split": "input.split",
    "test_size": "input.split",
    "shuffle": "input.split",
    "random_state": "--seed",
    "seed": "--seed",
}


def current_name(place: str) -> str:
    """Returns a sentence with the current name of an option; empty for unknown names.

    place:   the option with its part (`process.rate`) or without (`rate`); the place of
             an answer has no number
    """
    part, _, name = place.partition(".")
    if part not in PARTS:
        return _sentence_without_part(place)
    if place in RENAMED:
        return f"{place} is called {_join(RENAMED[place])}"
    if name in FOREIGN:
        return f"{place} is called {FOREIGN[name]}"
    return f"{place}: did you mean {_join(NEAR[name])}?" if name in NEAR else ""


def _sentence_without_part(name: str) -> str:
    places = [f"{part}.{name}" for part in PARTS if f"{part}.{name}" in RENAMED]
    if places:
        names = (_join(RENAMED[place], bare=True) for place in places)
        return f"{name} is called {' or '.join(names)}"
    if name in FOREIGN:
        return f"{name} is called {_join(FOREIGN[name], bare=True)}"
    return f"{name}: did you mean {_join(NEAR[name], bare=True)}?" if name in NEAR else ""


def _join(places: str | tuple[str, ...], *, bare: bool = False) -> str:
    places = (places,) if isinstance(places, str) else places
    return " or ".join(place.partition(".")[2] or place if bare else place for place in places)
