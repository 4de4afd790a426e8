"""The files of the viewer: unchanged libraries, modules that keep to their rules."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

import pytest

from kissipo.report.document import document
from kissipo.report.modules import locked_libraries, page_script, styles, viewer_file

VIEWER = files("kissipo.report") / "viewer"
MODULES = sorted(file.name for file in VIEWER.iterdir() if file.name.endswith(".js"))
IMPORT = re.compile(r'^import \{ [\w, ]+ \} from "\./(vendor/)?\w+\.js";$')


def test_vendored_files_are_those_of_the_lock() -> None:
    locked = {
        name: entry["sha256"]
        for library in locked_libraries()
        for name, entry in library["files"].items()
    }
    for name, expected in locked.items():
        content = (VIEWER / "vendor" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == expected
    beside = {file.name for file in (VIEWER / "vendor").iterdir()} - locked.keys()
    assert beside == {
        "vendor.lock.json", "LICENSE-htm.txt", "LICENSE-preact.txt", "LICENSE-uplot.txt",
    }  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_by_name_and_exports_what_it_defines(name: str) -> None:
    lines = viewer_file(name).splitlines()
    for line in lines:
        if line.startswith("import"):
            assert IMPORT.match(line), line
        if line.startswith("export"):
            assert re.match(r"export (async )?(function|const|class) \w+", line), line
    assert not re.search(r"https?://|\beval\(|\bfetch\(|innerHTML|import\(", "\n".join(lines))


def test_every_module_stands_in_the_script_once() -> None:
    script = page_script()
    for name in MODULES:
        assert script.count(f"const module_{name.removesuffix('.js')} = ") == 1
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)


def test_a_page_allows_only_its_own_script_and_style() -> None:
    page = document({"view": "report", "title": "a < b"}, plain="<p>plain</p>")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    for kind, text in (("script", page_script()), ("style", styles())):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert " style=" not in page.split("<script")[0].split("</style>")[1]
