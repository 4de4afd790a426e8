"""kissipo installs at most 15 packages (250 MB in their wheels) beside torch."""

from __future__ import annotations

import re
from importlib.metadata import distribution

from packaging.requirements import Requirement

MAX_PACKAGES, MAX_BYTES = 15, 250e6


def required_packages(name: str) -> set[str]:
    """Returns the package and all its requirements on this system, without extras."""
    names, waiting = set(), [name]
    while waiting:
        normalized = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if normalized in names:
            continue
        names.add(normalized)
        requirements = [
            Requirement(requirement) for requirement in distribution(normalized).requires or ()
        ]
        waiting += [
            requirement.name
            for requirement in requirements
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ]
    return names


def shipped_bytes(name: str) -> int:
    files = distribution(name).files or ()
    return sum(file.size or 0 for file in files if not file.name.endswith(".pyc"))


def test_install_without_extras_is_small() -> None:
    beyond = required_packages("kissipo") - required_packages("torch") - {"kissipo"}
    assert {"scikit-learn", "scipy", "rich", "pillow"} <= beyond
    assert len(beyond) <= MAX_PACKAGES, sorted(beyond)
    sizes = {name: shipped_bytes(name) for name in beyond}
    # numpy is optional for torch but required by kissipo
    assert "numpy" in beyond and min(sizes.values()) > 0
    assert sum(sizes.values()) <= MAX_BYTES, sizes
