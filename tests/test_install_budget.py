"""What everyone has to install beside torch: at most 15 packages and 250 MB, as the wheels ship them."""

from __future__ import annotations

import re
from importlib.metadata import distribution

from packaging.requirements import Requirement

MOST_PACKAGES, MOST_BYTES = 15, 250e6


def needs(name: str) -> set[str]:
    """The package and all that it requires here, without extras."""
    found, open_ = set(), [name]
    while open_:
        here = re.sub(r"[-_.]+", "-", open_.pop()).lower()
        if here in found:
            continue
        found.add(here)
        wanted = [Requirement(each) for each in distribution(here).requires or ()]
        open_ += [
            each.name
            for each in wanted
            if each.marker is None or each.marker.evaluate({"extra": ""})
        ]
    return found


def shipped_bytes(name: str) -> int:
    files = distribution(name).files or ()
    return sum(file.size or 0 for file in files if not file.name.endswith(".pyc"))


def test_the_core_install_is_small() -> None:
    beyond = needs("kissipo") - needs("torch") - {"kissipo"}
    assert {"scikit-learn", "scipy", "rich", "pillow"} <= beyond
    assert len(beyond) <= MOST_PACKAGES, sorted(beyond)
    sizes = {name: shipped_bytes(name) for name in beyond}
    # numpy is optional for torch, and cannot be done without
    assert "numpy" in beyond and min(sizes.values()) > 0
    assert sum(sizes.values()) <= MOST_BYTES, sizes
