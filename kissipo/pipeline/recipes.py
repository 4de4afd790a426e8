"""All built-in tasks with their stories."""

from __future__ import annotations

from kissipo.core.recipe import Recipe
from kissipo.core.registry import Registry
from kissipo.input.datasets import dataset_names, is_fetched


def all_recipes() -> list[tuple[str, Recipe]]:
    """Name and recipe of each, in the order of the systems; torch is not imported."""
    registry = Registry("kissipo.recipes", "task")
    found = [
        (name.replace("_", "-"), registry.find(name, place="TASK").RECIPE)
        for name in registry.names()
    ]
    return sorted(found, key=lambda pair: (pair[1].system, pair[0]))


def data_are_fetched(recipe: Recipe) -> bool:
    """Whether its data do not come with a dependency and are downloaded once."""
    return any(
        is_fetched(str(value)) for value in recipe.task.input.values() if value in dataset_names()
    )


def notes_of(name: str) -> tuple[str, ...]:
    """What the recipe of that name says beside its trace; nothing where no built-in task is called so."""
    return next((recipe.notes for known, recipe in all_recipes() if known == name), ())
