"""How a run ended, as an exit code for scripts."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from polyaxon_cli.errors import EXIT_FAILURE
from polyaxon_cli.following import exit_code
from polyaxon_cli.lists import all_results

if TYPE_CHECKING:
    from polyaxon_cli.session import Session

__all__ = ["exit_code_of_run", "message_of_end"]

EXIT_CODE = re.compile(r"\bexit code (\d{1,3})\b")
KILLED = re.compile(r"\bkilled by (SIG[A-Z0-9]+|signal \d+)\b")
SHELL_BASE = 128  # a shell's exit code for a command that a signal ended is this plus the signal's number
LARGEST = 255


def message_of_end(session: Session, path: str) -> str:
    """What the last status of the run at `path` says; empty when it says nothing."""
    rows = list(all_results(session, f"{path}statuses/"))
    return str(rows[-1].get("message") or "") if rows else ""


def exit_code_of_run(status: str, message: str) -> int:
    """The exit code of a run's command, read off its last status; 0 for a good end, 1 where none is told."""
    if exit_code(status) == 0:
        return 0
    told = EXIT_CODE.search(message)
    if told and 0 < int(told[1]) <= LARGEST:
        return int(told[1])
    killed = KILLED.search(message)
    return SHELL_BASE + _number(killed[1]) if killed else EXIT_FAILURE


def _number(name: str) -> int:
    if name.startswith("signal "):
        return int(name.partition(" ")[2])
    known = getattr(signal, name, None)
    return int(known) if isinstance(known, signal.Signals) else EXIT_FAILURE
