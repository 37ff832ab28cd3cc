"""Errors of the stores. Their text is meant for people and never shows a folder of the server."""

from __future__ import annotations

from polyaxon.errors import InvalidInput, UserError

_SHOWN_CHARACTERS = 120


class PathRefused(InvalidInput):
    """A path that a client named cannot be used; `reason` says why."""

    def __init__(self, path: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"path {shown(path)} {reason}", field="path")


class ArchiveRefused(InvalidInput):
    """An uploaded archive cannot be unpacked; `reason` is one sentence naming the member and the limit."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class OutputsNotFound(UserError):
    """No such file or folder among a run's outputs: 404."""


class RepoError(Exception):
    """A code repository cannot do `what`; `which` names the repository."""

    def __init__(self, what: str, which: str) -> None:
        self.what = what
        self.which = which
        super().__init__(f"code repository {shown(which)}: {what}")


def shown(name: str) -> str:
    """The name, quoted, shortened, and with everything unprintable escaped."""
    short = name if len(name) <= _SHOWN_CHARACTERS else name[: _SHOWN_CHARACTERS - 1] + "…"
    return repr(short)


def human_bytes(size: int) -> str:
    """1536 -> '1.5 KiB'."""
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024:  # noqa: PLR2004 - the base of the units
            return f"{amount:g} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
