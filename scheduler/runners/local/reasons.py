"""Why a command ended, in words a person understands."""

from __future__ import annotations

import signal

from polyaxon.pods.exits import of_exit_code, of_signal
from scheduler.runners.base import StopReason

__all__ = ["VANISHED", "of_exit_code", "of_signal", "of_stop"]

VANISHED = "process vanished without an exit status (machine restart, or its supervisor was killed)"

_STOPPED = {
    StopReason.USER: "stopped on request",
    StopReason.TIMEOUT: "stopped because it ran longer than its timeout",
    StopReason.SHUTDOWN: "stopped because the server shut down",
}


def of_stop(reason: StopReason, *, began: bool, number: int | None) -> str:
    """A reason for an end that was asked for."""
    text = _STOPPED[reason]
    if not began:
        return f"{text}, before the command began"
    if number == signal.SIGKILL:
        return f"{text}; it did not end within its grace period and was killed"
    return text
