"""All built-in tasks with their descriptions."""

from __future__ import annotations

from kissipo.core.extras import is_installed
from kissipo.core.recipe import Recipe
from kissipo.input.datasets import dataset_names, is_fetched
from kissipo.pipeline.registries import RECIPES


def all_recipes() -> list[tuple[str, Recipe]]:
    """Returns name and recipe of each, sorted by system; torch is not imported."""
    named = [
        (name.replace("_", "-"), RECIPES.find(name, place="TASK").RECIPE)
        for name in RECIPES.names()
    ]
    return sorted(named, key=lambda pair: (pair[1].system, pair[0]))


def data_are_fetched(recipe: Recipe) -> bool:
    """Returns whether the data are downloaded once, as no package contains them."""
    return any(
        is_fetched(str(value)) for value in recipe.task.input.values() if value in dataset_names()
    )


def data_are_installed(recipe: Recipe) -> bool:
    """Returns whether kissipo and its installed packages contain the data."""
    return not data_are_fetched(recipe) and (not recipe.package or is_installed(recipe.package))


def notes_of(name: str) -> tuple[str, ...]:
    """Returns the notes of a built-in task, which stand beside its trace; else
    nothing."""
    file = name.replace("-", "_")
    if file not in RECIPES.names():
        return ()
    built_in: Recipe = RECIPES.find(file, place="TASK").RECIPE
    return built_in.notes
