"""Which addresses are forwarded, and what of them goes on. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from api.bridge import Scope

_SERVED = re.compile(r"/(notebook|tensorboard)(s?)/proxy/(plx-\1-[0-9a-f]{32})(/.*)?", re.DOTALL)


class BadAddress(Exception):
    """No service has it."""


@dataclass(frozen=True, slots=True)
class Served:
    """An address below that of one service."""

    path: str  # of the service, slashes around it
    raw: str  # the whole path as it was sent, still escaped, in the one form that services know
    is_plain: bool  # it was sent in that form


def served(scope: Scope) -> Served | None:
    """What the connection asks for; None if that is nothing of a service. Raises `BadAddress`."""
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    found = _SERVED.fullmatch(raw.decode("latin-1"))
    if found is None:
        return None
    kind, plural, pod, rest = found.groups()
    path = f"/{kind}/proxy/{pod}/"
    _check(rest or "/")
    return Served(path, path + (rest or "/")[1:], not plural and rest is not None)


def _check(rest: str) -> None:
    """Nothing that some reader of it takes for another place."""
    decoded = unquote_to_bytes(rest)
    parts = re.split(rb"[/\\]", decoded)
    if b".." in parts or b"." in parts or any(byte < 0x20 or byte == 0x7F for byte in decoded):  # noqa: PLR2004 - control characters
        raise BadAddress(rest)
