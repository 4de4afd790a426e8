"""Writes the JSON schema of a task file for editors and programs
(docs/task.schema.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from kissipo.core.json_object import JsonObject
from kissipo.core.registry import Registry
from kissipo.core.schema import json_schema
from kissipo.input import options as input_general
from kissipo.output import options as output_general
from kissipo.pipeline.parse import AUTO, options_of
from kissipo.pipeline.registries import (
    ALGORITHMS,
    ANSWERS,
    BASELINES,
    LESSONS,
    LOSSES,
    NETS,
    PLANNED_VALUES,
    SHORT_LOSSES,
    SOURCES,
    allowed_baselines,
)


def task_schema() -> dict[str, object]:
    """Returns the JSON schema of a task file, which accepts what `read_task`
    accepts."""
    general = {
        "input": _properties(input_general.Options),
        "output": _properties(output_general.Options),
    }
    sources = [
        _variant(name, {}, {**general["input"], **_properties(options_of(SOURCES, name))})
        for name in SOURCES.names()
    ]
    sources += [_lesson(name) for name in LESSONS.names()]
    answers = [_object({**general["output"], "baselines": _listed(BASELINES.names())})]
    files = _words_of_files()
    for name in ANSWERS.names():
        baselines = _listed(allowed_baselines(ANSWERS.find(name, place="output").ANSWER))
        words = {
            **general["output"],
            "baselines": baselines,
            **_properties(options_of(ANSWERS, name)),
        }
        answers.append(_variant(files.get(name, name), _built_values(f"output.{name}"), words))
    answers.append({"enum": [name for name in ANSWERS.names() if name not in files]})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A kissipo task",
        "type": "object",
        "properties": {
            "input": {"anyOf": [*sources, {"enum": SOURCES.names()}]},
            "process": {"anyOf": [*_process_variants(), {"type": "null"}]},
            "output": {
                "anyOf": [
                    *answers,
                    {"type": "array", "items": {"anyOf": answers}, "minItems": 1},
                    {"type": "null"},
                ]
            },
        },
        "required": ["input"],
        "additionalProperties": False,
    }


def _words_of_files() -> dict[str, str]:
    """Returns the word of every file of an answer that belongs to some sources."""
    sources = (SOURCES.find(name, place="input").SOURCE for name in SOURCES.names())
    return {file: word for source in sources for word, file in source.answer_files.items()}


def _built_values(place: str) -> dict[str, object]:
    """Returns the schema of a value that is not a planned one."""
    start = f"{place}="
    planned = [value.removeprefix(start) for value in PLANNED_VALUES if value.startswith(start)]
    return {"not": {"enum": planned}} if planned else {}


def _lesson(name: str) -> dict[str, object]:
    return _variant(
        "explain", {"enum": [name.replace("_", "-")]}, _properties(options_of(LESSONS, name))
    )


def _process_variants() -> list[dict[str, object]]:
    """Returns a schema per net, and schemas for options of any net where none is named,
    or auto."""
    named = []
    for name in NETS.names():
        net = NETS.find(name, place="process.net")
        for number, algorithm in enumerate(net.ALGORITHMS):
            words = {**_algorithm_properties([algorithm]), **_properties(net.Options)}
            allowed = {"enum": [algorithm, *([] if number else [None])]}
            named.append(_variant("net", {"const": name}, {"algorithm": allowed, **words}))
    nets = {"net": {"enum": [AUTO, None]}, **_any_of(NETS, NETS.names())}
    unnamed = [
        _object(
            {"algorithm": {"type": "null"}, **_algorithm_properties(ALGORITHMS.names()), **nets}
        )
    ]
    unnamed += [
        _variant("algorithm", {"const": name}, {**_algorithm_properties([name]), **nets})
        for name in ALGORITHMS.names()
    ]
    return named + unnamed


def _algorithm_properties(names: list[str]) -> dict[str, object]:
    """Returns the options of these algorithms; a loss may have a short name."""
    properties = _any_of(ALGORITHMS, names)
    if "loss" in properties:
        properties["loss"] = _listed([*LOSSES.names(), *SHORT_LOSSES])
    return properties


def _listed(names: Iterable[str]) -> dict[str, object]:
    """Returns the schema for one of these names, a list of them, or null."""
    one = {"enum": list(names)}
    return {"anyOf": [one, {"type": "array", "items": one}, {"type": "null"}]}


def _any_of(registry: Registry, names: list[str]) -> dict[str, object]:
    """Returns the options of several entries of a registry, as any of them accepts
    them."""
    schemas: dict[str, list[object]] = {}
    for name in names:
        for key, entry in _properties(options_of(registry, name)).items():
            variants = schemas.setdefault(key, [])
            variants += [entry] if entry not in variants else []
    return {
        key: variants[0] if len(variants) == 1 else {"anyOf": variants}
        for key, variants in schemas.items()
    }


def _properties(options: type) -> JsonObject:
    properties: JsonObject = json_schema(options)["properties"]
    return properties


def _object(properties: Mapping[str, object]) -> JsonObject:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _variant(
    word: str, value: Mapping[str, object], properties: Mapping[str, object]
) -> dict[str, object]:
    """Returns the schema of an object that must have this key."""
    return {
        **_object({word: {"description": f"the {word}", **value}, **properties}),
        "required": [word],
    }


if __name__ == "__main__":
    print(json.dumps(task_schema(), indent=1))  # noqa: T201
