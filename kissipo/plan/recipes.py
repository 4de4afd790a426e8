"""All built-in tasks with their stories."""

from __future__ import annotations

from kissipo.core.family import Family
from kissipo.core.recipe import Recipe


def all_recipes() -> list[tuple[str, Recipe]]:
    """Name and recipe of each, in the order of the systems; torch is not imported."""
    family = Family("kissipo.recipes", "task")
    found = [(name.replace("_", "-"), family.find(name, place="TASK").RECIPE) for name in family.names()]
    return sorted(found, key=lambda pair: (pair[1].system, pair[0]))
