"""hf:NAME from a server on this machine: downloaded once, refused in a sentence."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"model_type": "bert"}',
    "vocab.txt": b"[PAD]\n[UNK]\n",
    "README.md": b"#",
}


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


class Hub(BaseHTTPRequestHandler):
    """The answers of a hub with one model, person/tiny."""

    requests: list[str] = []

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def log_message(self, *_: object) -> None:
        """Prints nothing."""

    def _answer(self, *, with_content: bool) -> None:
        self.requests.append(self.path)
        name = self.path.split("?")[0].rpartition("/")[2]
        if self.path.startswith("/api/models/person/tiny/tree/"):
            tree = [
                {"type": "file", "path": file, "size": len(content), "oid": _digest(content)}
                for file, content in FILES.items()
            ]
            self._send(json.dumps(tree).encode(), "application/json", with_content)
        elif self.path.startswith("/api/models/person/tiny"):
            siblings = [{"rfilename": file} for file in FILES]
            content = json.dumps({"id": "person/tiny", "sha": COMMIT, "siblings": siblings})
            self._send(content.encode(), "application/json", with_content)
        elif self.path.startswith("/person/tiny/resolve/") and name in FILES:
            self._send(FILES[name], "text/plain", with_content)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send(self, content: bytes, kind: str, with_content: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{_digest(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if with_content:
            self.wfile.write(content)


@pytest.fixture
def hub() -> Iterator[str]:
    Hub.requests = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def folder(name: str, hub: str, cache: Path) -> str:
    """Returns what a new process prints of the folder of a model."""
    program = (
        "from kissipo.process.hub import folder_of\n"
        "from kissipo.core.errors import UserError\n"
        f"try:\n    print(folder_of({name!r}))\n"
        "except UserError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout.strip()


def test_model_is_downloaded_once(hub: str, tmp_path: Path) -> None:
    place = Path(folder("person/tiny", hub, tmp_path))
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {
        name: content for name, content in FILES.items() if name != "README.md"
    }
    Hub.requests.clear()
    assert Path(folder("person/tiny", hub, tmp_path)) == place
    assert Hub.requests == []


@pytest.mark.parametrize("name", ["person/none", "not a name", "person/tiny"])
def test_model_that_cannot_be_downloaded_is_refused(name: str, hub: str, tmp_path: Path) -> None:
    address = "http://127.0.0.1:9" if name == "person/tiny" else hub  # nobody listens there
    printed = folder(name, address, tmp_path)
    assert f"the model '{name}' cannot be downloaded from huggingface.co: " in printed
    assert printed.endswith("or give the folder of a model that you have.")
    assert printed.count("\n") == 0
