"""All senders of this process: what happens to them at its end, and in children made by ``fork``."""

from __future__ import annotations

import os
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polyaxon_client.workers.sender import Sender

SENDERS: weakref.WeakSet[Sender] = weakref.WeakSet()
_exit_timeout = 20.0


def set_exit_timeout(seconds: float) -> None:
    """How long children of :mod:`multiprocessing` may go on delivering when they end."""
    global _exit_timeout  # noqa: PLW0603 - one per process
    _exit_timeout = seconds


def close_all(timeout: float) -> None:
    """Deliver what all senders hold; ``timeout`` seconds altogether."""
    deadline = time.monotonic() + timeout
    for sender in list(SENDERS):
        sender.close(max(0.0, deadline - time.monotonic()))


def flush_at_exit_of_worker_process(sender: Sender) -> None:
    """Children of :mod:`multiprocessing` that were forked leave without the usual exit handlers."""
    import sys  # noqa: PLC0415

    process = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None:
        return
    from multiprocessing.util import Finalize  # noqa: PLC0415

    Finalize(None, sender.close, args=(_exit_timeout,), exitpriority=100)


def _reset_all() -> None:
    for sender in list(SENDERS):
        sender.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
