"""Child processes that never outlive their parent, and signals that unwind the stack."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A stop signal arrived; a BaseException so that no `except Exception` swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_code(self) -> int:
        """The code a shell reports for a process that died of this signal."""
        return 128 + self.number


@contextlib.contextmanager
def raising_signals() -> Iterator[None]:
    """Within the block the first stop signal raises `Interrupted`; later ones do not disturb the clean-up."""

    def handle(number: int, _frame: FrameType | None) -> None:
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    before = {each: signal.signal(each, handle) for each in STOP_SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def bound(command: Sequence[str], *, on_death: signal.Signals = signal.SIGTERM) -> list[str]:
    """`command`, which the kernel sends `on_death` when the thread that started it dies, even of SIGKILL."""
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin:/usr/sbin:/sbin")
    return [setpriv, "--pdeathsig", on_death.name, "--", *command] if setpriv else list(command)


def start(
    command: Sequence[str], *, on_death: signal.Signals = signal.SIGTERM, **options: Any
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, without standard input, bound to this process."""
    return subprocess.Popen(  # noqa: S603  callers name programs of this project or of the system
        bound(command, on_death=on_death), stdin=subprocess.DEVNULL, start_new_session=True, **options
    )


def end(process: subprocess.Popen[bytes], *, first: signal.Signals = signal.SIGTERM, grace: float = 15) -> int:
    """Ask `process` to stop, wait `grace` seconds, then kill it and whatever is left of its group."""
    if process.poll() is None:
        process.send_signal(first)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()
