"""The embedded server from start to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from django.conf import settings
from django.core.management import call_command

from polyaxon.components import leases
from polyaxon.components.web import HttpServer, http_config, listen
from scheduler.configured import configured_runner
from scheduler.embedded.accounts import PASSWORD_FILE, ensure_admin
from scheduler.embedded.data_folder import FolderUnusable, claim
from scheduler.embedded.database import DatabaseUnusable, claim_database
from scheduler.embedded.worker import Workers

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 5


class StartRefused(Exception):
    """One sentence for the person who started the server."""


def serve() -> None:
    """Serve until SIGTERM or SIGINT. Raises `StartRefused` when it cannot start."""
    folder: Path = settings.CONFIG.data_dir
    try:
        with (
            claim(folder),
            _listen(settings.CONFIG.server.host, settings.CONFIG.server.port) as listener,
            claim_database(),
        ):
            _serve(folder, listener)
    except (FolderUnusable, DatabaseUnusable) as error:
        raise StartRefused(str(error)) from error


def _serve(folder: Path, listener: socket.socket) -> None:
    call_command("migrate", verbosity=0, interactive=False)
    leases.end_all()  # the database is ours alone, so whoever holds one is dead
    password = ensure_admin(folder)
    http = _HttpServer(http_config(DRAIN_SECONDS))
    http.take_signals()
    workers = Workers(on_death=http.give_up)
    workers.start()
    _announce(folder, password)
    http.run(sockets=[listener])
    _end(workers, http.died)


def _end(workers: Workers, died: str | None) -> None:
    """Stop everything. Runs are started again with the next start, except after a failure: that leaves them be."""
    if died is not None:
        _leave(f"{died}, so the server ends. Its runs go on; start it again.")
    stopped = workers.stop()
    left = configured_runner().shutdown(settings.CONFIG.runner.stop_grace_seconds)
    if left:
        _leave(f"These runs could not be ended: {', '.join(left)}.")
    if not stopped:
        _leave("A pass did not end in time and was cut off; the next start does it again.", code=0)


def _leave(message: str, *, code: int = 1) -> NoReturn:
    """End the process at once, without waiting for threads. Nothing is lost by that, as by SIGKILL."""
    logger.critical(message)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        raise StartRefused(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another address with HOST and PORT."
        ) from error


class _HttpServer(HttpServer):
    """Leaves the rest of the shutdown to its caller.

    Uvicorn would deliver the signal again when it is done, and the process would die with its runs still going.
    """

    died: str | None = None  # what is wrong

    def give_up(self, why: str) -> None:
        """End, because a part of it did."""
        self.died = why
        self.should_exit = True

    def take_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)


def _announce(folder: Path, password: str | None) -> None:
    server, core = settings.CONFIG.server, settings.CONFIG.core
    lines = [f"Serving on http://{server.host}:{server.port} (data in {folder})"]
    if password:
        lines.append(f"Account {core.admin_username}, password {password} (kept in {folder / PASSWORD_FILE})")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
