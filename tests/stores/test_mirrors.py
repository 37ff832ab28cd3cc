"""Mirrors of external repositories, with real git and real servers."""

from __future__ import annotations

import base64
import functools
import http.server
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon.errors import InvalidInput
from polyaxon.stores import Credentials, Mirror, RepoError, check_url
from tests.gits import commit, git, make_origin

LIMITS: dict[str, Any] = {"timeout": 30.0, "max_bytes": 10**8}


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return make_origin(tmp_path / "origin", {"train.py": "print(1)"})


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror.git")


def fetch(mirror: Mirror, origin: Path) -> None:
    mirror.fetch(f"file://{origin}", **LIMITS)


def test_a_fetch_brings_branches_and_their_commits(mirror: Mirror, origin: Path, tmp_path: Path) -> None:
    first = git(origin, "rev-parse", "HEAD")
    fetch(mirror, origin)
    assert mirror.branch() == ("main", first)
    second = commit(origin, {"train.py": "print(2)"})
    git(origin, "branch", "side", first)
    assert mirror.head() == first
    fetch(mirror, origin)
    assert (mirror.head(), mirror.branch("side")) == (second, ("side", first))
    mirror.export(second, tmp_path / "code")
    assert (tmp_path / "code" / "train.py").read_text() == "print(2)"


def test_a_commit_that_is_kept_survives_a_rewritten_branch(mirror: Mirror, origin: Path) -> None:
    first = commit(origin, {"train.py": "print(2)"})
    fetch(mirror, origin)
    mirror.keep(first)
    git(origin, "reset", "--hard", "--quiet", "HEAD~1")
    commit(origin, {"train.py": "print(3)"})
    fetch(mirror, origin)
    assert mirror.head() != first
    assert mirror.contains(first)
    assert mirror.read(first, "train.py", max_bytes=100) == b"print(2)"


def test_a_failed_fetch_says_why_and_changes_nothing(mirror: Mirror, origin: Path, tmp_path: Path) -> None:
    fetch(mirror, origin)
    head = mirror.head()
    with pytest.raises(RepoError, match="cannot be fetched"):
        mirror.fetch(f"file://{tmp_path}/nothing", **LIMITS)
    assert mirror.head() == head


def test_a_file_over_the_limit_is_not_taken(mirror: Mirror, origin: Path) -> None:
    commit(origin, {"large": base64.b64encode(os.urandom(300_000)).decode()})
    with pytest.raises(RepoError):
        mirror.fetch(f"file://{origin}", timeout=30.0, max_bytes=100_000)
    assert mirror.is_empty


def test_a_server_that_does_not_answer_is_given_up(mirror: Mirror) -> None:
    silent = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    try:
        with pytest.raises(RepoError, match=r"more than 0\.5 seconds"):
            mirror.fetch(f"http://127.0.0.1:{silent.server_port}/a.git", timeout=0.5, max_bytes=10**6)
    finally:
        silent.server_close()
    assert mirror.is_empty


def test_neither_hooks_nor_submodules_come_along(mirror: Mirror, origin: Path, tmp_path: Path) -> None:
    inner = make_origin(tmp_path / "inner", {"secret": "x"})
    git(origin, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"file://{inner}", "inner")
    sha = commit(origin, {})
    marker = tmp_path / "marker"
    for hook in ("post-update", "reference-transaction", "post-checkout"):
        place = origin / ".git" / "hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/sh\ntouch {marker}\n")
        place.chmod(0o755)
    fetch(mirror, origin)
    mirror.export(sha, tmp_path / "code")
    assert list((tmp_path / "code" / "inner").iterdir()) == []
    assert not (mirror.path / "hooks").exists()
    assert not marker.exists()


def test_links_are_no_files(mirror: Mirror, origin: Path) -> None:
    (origin / "polyaxonfile.yml").symlink_to("/etc/passwd")
    sha = commit(origin, {})
    fetch(mirror, origin)
    assert mirror.read(sha, "polyaxonfile.yml", max_bytes=10**6) is None
    assert mirror.read(sha, "train.py", max_bytes=3) is None
    assert mirror.read(sha, "train.py", max_bytes=100) == b"print(1)"


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=touch /tmp/x",
        "-oProxyCommand=x",
        "ssh://-oProxyCommand=x/a",
        "ext::sh -c x",
        "ext::sh",
        "fd::17",
        "file:///etc",
        "/etc",
        "git@host:a/b",
        "ftp://host/a",
        "https://host",
        "https://",
        "https://user:secret@host/a",
        "https://token@host/a",
        "ssh://git:secret@host/a",
        "https://host/a b",
        "https://host/a\n",
        "https://host/\x00",
        "http:host/a",
        "https://host:port/a",
        "https://host/" + "a" * 200,
    ],
)
def test_addresses_that_git_is_not_sent_to(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_url(url)
    assert caught.value.field == "git_url"
    assert "secret" not in caught.value.message


@given(st.sampled_from(["", "https://", "ssh://", "file://", "ext::", "-"]), st.text(max_size=40))
def test_whatever_is_accepted_is_an_address_and_no_option(start: str, rest: str) -> None:
    try:
        url = check_url(start + rest)
    except InvalidInput:
        return
    scheme, _, place = url.partition("://")
    assert scheme.lower() in {"http", "https", "ssh", "git"}
    assert not place.startswith("-")
    assert url.isprintable()
    assert " " not in url


@pytest.mark.parametrize(
    "url", ["https://host/a.git", "http://host:3000/a/b", "ssh://git@host:22/a.git", "git://host/a", "https://[::1]/a"]
)
def test_addresses_that_are_fine(url: str) -> None:
    assert check_url(url) == url


def test_files_only_where_they_are_allowed(tmp_path: Path) -> None:
    assert check_url(f"file://{tmp_path}", allow_file=True) == f"file://{tmp_path}"
    with pytest.raises(InvalidInput):
        check_url("file://host/share", allow_file=True)


class _PrivateFiles(http.server.SimpleHTTPRequestHandler):
    """Serves a folder to those who know the password, and remembers who asked."""

    expected = "Basic " + base64.b64encode(b"polyaxon:hunter2 $x").decode()
    seen: list[str | None] = []

    def do_GET(self) -> None:
        given = self.headers.get("Authorization")
        self.seen.append(given)
        if given == self.expected:
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="code"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def private(tmp_path: Path, origin: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of the origin on an https server that asks for a password."""
    bare = tmp_path / "www" / "code.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(origin), str(bare))
    git(bare, "update-server-info")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    request += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        ["openssl", *request, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    handler = functools.partial(_PrivateFiles, directory=str(tmp_path / "www"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
    monkeypatch.setattr(_PrivateFiles, "seen", [])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_port}/code.git"
    server.shutdown()
    server.server_close()
    thread.join()


def test_credentials_are_given_to_a_server_that_asks(mirror: Mirror, private: str, origin: Path) -> None:
    mirror.fetch(private, credentials=Credentials("polyaxon", "hunter2 $x"), **LIMITS)
    assert mirror.head() == git(origin, "rev-parse", "HEAD")
    assert _PrivateFiles.expected in _PrivateFiles.seen
    stored = [path.read_bytes() for path in mirror.path.rglob("*") if path.is_file()]
    assert stored
    assert not any(b"hunter2" in content for content in stored)


@pytest.mark.parametrize("credentials", [None, Credentials("polyaxon", "wrong-password")])
def test_without_the_right_ones_nothing_comes(mirror: Mirror, private: str, credentials: Credentials | None) -> None:
    with pytest.raises(RepoError) as caught:
        mirror.fetch(private, credentials=credentials, **LIMITS)
    assert "wrong-password" not in str(caught.value)
    assert mirror.is_empty


def test_credentials_are_not_shown() -> None:
    assert "hunter2" not in repr(Credentials("polyaxon", "hunter2"))
