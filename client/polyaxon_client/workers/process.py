"""The end of the process: exit, uncaught exception, SIGTERM, and children made by ``fork``."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from typing import Any, Callable, Optional

from polyaxon_client.workers import registry
from polyaxon_client.workers.shield import postponed

Finish = Callable[[str, Optional[str], Optional[str]], None]
"""Called with (status, message, traceback) when the process ends."""


class ProcessHooks:
    """Registered once per process; every part does nothing in children, which inherit it by ``fork``."""

    def __init__(self) -> None:
        self.timeout = 20.0
        self._finishers: list[tuple[int, Finish]] = []
        self._installed = False
        self._caught = False
        self._previous: Any = None

    def install(self, timeout: float) -> None:
        """Flush at exit and on SIGTERM, for ``timeout`` seconds at most."""
        self.timeout = timeout
        registry.set_exit_timeout(timeout)
        if not self._installed:
            self._installed = True
            _on_sigterm(self._terminate)

    def finish_with(self, finish: Finish) -> None:
        """Tell a run about the end of this process."""
        self._finishers.append((os.getpid(), finish))
        if not self._caught:
            self._caught = True
            self._previous, sys.excepthook = sys.excepthook, self._uncaught

    def at_exit(self) -> None:
        if not self._installed:
            return
        self._finish("succeeded", None, None)
        registry.close_all(self.timeout)

    def _finish(self, status: str, message: str | None, trace: str | None) -> None:
        for pid, finish in self._finishers:
            if pid == os.getpid():
                finish(status, message, trace)

    def _uncaught(self, kind: Any, value: Any, trace: Any) -> None:
        from traceback import format_exception  # noqa: PLC0415

        if issubclass(kind, KeyboardInterrupt):
            self._finish("stopped", "interrupted from the keyboard", None)
        else:
            message = f"{kind.__name__}: {value}"
            self._finish("failed", message, "".join(format_exception(kind, value, trace)))
        self._previous(kind, value, trace)

    def _terminate(self, signum: int, _frame: Any) -> None:
        if postponed():
            return
        try:
            self._finish("stopped", "ended by SIGTERM", None)
            registry.close_all(self.timeout)
        finally:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)


def _on_sigterm(handler: Callable[[int, Any], None]) -> None:
    """Only where the script has no handler of its own, and Python allows one."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, handler)


hooks = ProcessHooks()
# Registered at import, so that it runs after the exit handlers which the script registers later.
atexit.register(hooks.at_exit)
