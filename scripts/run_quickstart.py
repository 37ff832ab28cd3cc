"""`make run`: start the server, run the quick-start example against it, serve on if a person is there.

Reads HOST, PORT, DATA_DIR and POLYAXON_ADMIN_PASSWORD. Without a terminal the exit code is
the example's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 8000
START_TIMEOUT = 120.0
SPEAK_EVERY = 5.0
STOP_GRACE = 60.0
TAIL_LINES = 20
HTTP_OK = 200


class StartError(RuntimeError):
    """The server cannot be started; the message is meant for a person."""


@dataclass(frozen=True)
class Place:
    """Where the server listens and keeps its data."""

    host: str
    port: int
    data_dir: Path

    @property
    def url(self) -> str:
        """The address for clients on this machine."""
        return f"http://{_client_host(self.host)}:{self.port}"

    @property
    def log_path(self) -> Path:
        """What the server prints."""
        return self.data_dir / "serve.log"


def _client_host(host: str) -> str:
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104  compared, not listened on
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def choose_place() -> Place:
    """The place from the environment; another port if the usual one is taken and none was asked for."""
    host = os.environ.get("HOST") or "127.0.0.1"
    data_dir = Path(os.environ.get("DATA_DIR") or ROOT / "data").absolute()
    return Place(host, choose_port(host, os.environ.get("PORT", "")), data_dir)


def choose_port(host: str, asked: str) -> int:
    """The port asked for, else 8000, else a free one."""
    if asked:
        if not asked.isdigit() or not 0 < int(asked) < 65536:  # noqa: PLR2004  the range of ports
            raise StartError(f"PORT={asked} is not a port; give a number from 1 to 65535")
        return int(asked)
    if is_free(host, DEFAULT_PORT):
        return DEFAULT_PORT
    port = free_port(host)
    say(f"port {DEFAULT_PORT} is taken, using {port} (choose one with PORT=...)")
    return port


def is_free(host: str, port: int) -> bool:
    """Whether a server can listen there."""
    try:
        _listen(host, port).close()
    except OSError:
        return False
    return True


def free_port(host: str) -> int:
    """A port that nobody listens on."""
    with _listen(host, 0) as listener:
        return int(listener.getsockname()[1])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def prepare_folder(place: Place) -> None:
    """Make the data folder and an empty log for its owner only (the server prints a password into it)."""
    try:
        place.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.log_path.unlink(missing_ok=True)
        place.log_path.touch(mode=0o600)
    except OSError as error:
        raise StartError(
            f"cannot write to the data folder {place.data_dir}: {error.strerror}; choose another by DATA_DIR"
        ) from error


@contextlib.contextmanager
def serving(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """The server as a child process; stopped at the end, whatever happens."""
    prepare_folder(place)
    command = [sys.executable, "manage.py", "serve", "--host", place.host, "--port", str(place.port)]
    with place.log_path.open("ab") as log:
        server = processes.start(
            [*command, "--data-dir", str(place.data_dir)], stdout=log, stderr=subprocess.STDOUT, cwd=ROOT
        )
    try:
        wait_healthy(server, place)
        yield server
    finally:
        processes.end(server, grace=STOP_GRACE)


def wait_healthy(server: subprocess.Popen[bytes], place: Place) -> None:
    """Wait until /healthz answers 200; `StartError` with the server's last lines if it never does."""
    begun = spoken = time.monotonic()
    say("starting the server ...")
    while not (is_healthy(place) and server.poll() is None):
        now = time.monotonic()
        if server.poll() is not None:
            raise StartError(f"the server ended with code {server.returncode}:\n{tail(place.log_path)}")
        if now - begun > START_TIMEOUT:
            raise StartError(f"the server is not ready after {START_TIMEOUT:.0f} s:\n{tail(place.log_path)}")
        if now - spoken > SPEAK_EVERY:
            say(f"  still starting ({now - begun:.0f} s)")
            spoken = now
        time.sleep(0.2)
    say(f"server ready at {place.url} after {time.monotonic() - begun:.0f} s")


def is_healthy(place: Place) -> bool:
    """Whether the server takes work."""
    # No proxy: the server is on this machine, whatever http_proxy says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{place.url}/healthz", timeout=2) as answer:
            return bool(answer.status == HTTP_OK)
    except (OSError, urllib.error.URLError):
        return False


def tail(path: Path) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-TAIL_LINES:])


@contextlib.contextmanager
def password_file(place: Place) -> Iterator[Path]:
    """The file with the administrator's password: the server's own, or one with the password it was given."""
    given = os.environ.get("POLYAXON_ADMIN_PASSWORD")
    if not given:
        yield place.data_dir / "admin-password"
        return
    # Created with mode 0600.
    with tempfile.NamedTemporaryFile("w", prefix="polyaxon-password-") as file:
        file.write(given)
        file.flush()
        yield Path(file.name)


def run_example(place: Place) -> int:
    """Run the example in front of the person; its exit code."""
    with password_file(place) as password:
        command = [sys.executable, "examples/quickstart.py", "--url", place.url, "--username", "admin"]
        command += ["--password-file", str(password), "--data-dir", str(place.data_dir)]
        example = processes.start(command, cwd=ROOT)
        try:
            return example.wait()
        finally:
            processes.end(example, first=signal.SIGINT)


def serve_on(server: subprocess.Popen[bytes], place: Place) -> None:
    """Serve until the person or the server ends it; Ctrl-C is the usual end, no failure."""
    given = "POLYAXON_ADMIN_PASSWORD" in os.environ
    where = "the one you gave" if given else f"in {place.data_dir / 'admin-password'}"
    say(f"\nserving at {place.url}, user admin, password {where}")
    say(f"log: {place.log_path}; Ctrl-C stops the server")
    try:
        code = server.wait()
    except processes.Interrupted:
        return
    raise StartError(f"the server ended with code {code}:\n{tail(place.log_path)}")


def has_terminal() -> bool:
    """Whether a person watches and can press Ctrl-C."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def run() -> int:
    """Server, example, and more serving; the example's exit code."""
    place = choose_place()
    with serving(place) as server:
        code = run_example(place)
        if code == 0 and has_terminal():
            serve_on(server, place)
        say("stopping the server ...")
    return code


def say(line: str) -> None:
    """Print at once, in order with what the example prints."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """The example's exit code; 0 after Ctrl-C while serving; 1 with a reason if the server does not start."""
    try:
        with processes.raising_signals():
            return run()
    except processes.Interrupted as stop:
        say(f"stopped by {stop}")
        return stop.exit_code
    except StartError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
