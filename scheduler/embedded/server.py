"""The embedded server from start to stop."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from django.conf import settings
from django.core.management import call_command

from scheduler.configured import configured_runner
from scheduler.embedded.accounts import PASSWORD_FILE, ensure_admin
from scheduler.embedded.data_folder import FolderUnusable, claim
from scheduler.embedded.worker import worker_and_beat

DRAIN_SECONDS = 5
KEEP_ALIVE_SECONDS = 75


class StartRefused(Exception):
    """One sentence for the person who started the server."""


def serve() -> None:
    """Serve until SIGTERM or SIGINT. Raises `StartRefused` when it cannot start."""
    folder: Path = settings.CONFIG.data_dir
    try:
        lock = claim(folder)
    except FolderUnusable as error:
        raise StartRefused(str(error)) from error
    with lock, listen(settings.CONFIG.server.host, settings.CONFIG.server.port) as listener:
        call_command("migrate", verbosity=0, interactive=False)
        password = ensure_admin(folder)
        http = _HttpServer(_http_config())
        http.take_signals()
        with worker_and_beat():
            _announce(folder, password)
            http.run(sockets=[listener])
        # They are started again with the next start.
        configured_runner().shutdown(settings.CONFIG.runner.stop_grace_seconds)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, taken before anything else is done."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StartRefused(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another address with HOST and PORT."
        ) from error
    listener.listen(1024)
    listener.set_inheritable(False)
    return listener


class _HttpServer(uvicorn.Server):
    """Ends on a signal, and leaves the rest of the shutdown to its caller.

    Uvicorn would deliver the signal again when it is done, and the process would die with its runs still going.
    """

    def take_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _http_config() -> uvicorn.Config:
    return uvicorn.Config(
        "api.asgi:application",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def _announce(folder: Path, password: str | None) -> None:
    server, core = settings.CONFIG.server, settings.CONFIG.core
    lines = [f"Serving on http://{server.host}:{server.port} (data in {folder})"]
    if password:
        lines.append(f"Account {core.admin_username}, password {password} (kept in {folder / PASSWORD_FILE})")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
