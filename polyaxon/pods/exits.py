"""What exit codes and signals mean, in words a person understands."""

from __future__ import annotations

import signal

_CODES = {
    126: "not executable (exit code 126)",
    127: "command not found (exit code 127)",
}
_SIGNALS = {
    signal.SIGKILL: "out of memory, or ended from outside",
    signal.SIGTERM: "asked to end from outside",
    signal.SIGSEGV: "invalid memory access in native code",
    signal.SIGBUS: "invalid memory access, or a full /dev/shm",
    signal.SIGABRT: "aborted itself, often a failed check in native code",
    signal.SIGFPE: "arithmetic error in native code",
    signal.SIGILL: "instruction this processor does not have",
    signal.SIGXCPU: "limit on processor time",
    signal.SIGXFSZ: "limit on file size",
}
_SHELL_BASE = 128  # a shell exits with this plus the number of the signal that ended its last command


def of_signal(number: int) -> str:
    """`killed by SIGKILL (out of memory, or ended from outside)`."""
    try:
        known = signal.Signals(number)
    except ValueError:
        return f"killed by signal {number}"
    hint = _SIGNALS.get(known)
    return f"killed by {known.name}" + (f" ({hint})" if hint else "")


def of_exit_code(code: int) -> str | None:
    """A reason for an exit code; None for 0."""
    if code == 0:
        return None
    if code in _CODES:
        return _CODES[code]
    if code - _SHELL_BASE in set(signal.Signals):
        return f"exit code {code}: {of_signal(code - _SHELL_BASE)}"
    return f"exit code {code}"
