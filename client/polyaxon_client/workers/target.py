"""Where the updates of one run go: known from the start, or only once the run was created."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from polyaxon_client.workers.wire import Wire


class Unresolved(Exception):
    """The server did not say who the user is, or what it made. ``status`` is its answer."""

    def __init__(self, status: int, path: str = "users/") -> None:
        super().__init__(f"{status} on {path}")
        self.status = status


class Target:
    """A run, group or project on the server. ``alive`` turns false when the server refused to create it.

    ``local_id`` stands for the id of a run that was made offline.
    """

    def __init__(self, username: str | None, project: str, kind: str, entity_id: int | None = None) -> None:
        self.username = username
        self.project = project
        self.kind = kind
        self.entity_id = entity_id
        self.local_id: int | None = None
        self.alive = True

    def collection(self, wire: Wire) -> str:
        """``{user}/{project}/{kind}/``; asks the server for the user when the project was given without."""
        if self.username is None:
            self.username = _current_user(wire)
        return "".join(f"{quote(part, safe='')}/" for part in (self.username, self.project, self.kind))

    def path(self, wire: Wire, suffix: str = "") -> str:
        """``{user}/{project}/{kind}/{id}/{suffix}``"""
        return f"{self.collection(wire)}{self.entity_id}/{suffix}"

    def adopt(self, answer: bytes) -> None:
        """Take the id from the answer to the creation. Raises :class:`Unresolved` when it has none."""
        try:
            self.entity_id = int(json.loads(answer)["id"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unresolved(502, self.kind) from error

    def as_dict(self) -> dict[str, Any]:
        return {"user": self.username, "project": self.project, "kind": self.kind, "id": self.entity_id}

    @classmethod
    def from_dict(cls, known: dict[str, Any]) -> Target:
        return cls(known["user"], known["project"], known["kind"], known["id"])


def _current_user(wire: Wire) -> str:
    reply = wire.call("GET", "users/")
    if not reply.ok:
        raise Unresolved(reply.status)
    try:
        return str(json.loads(reply.body)["username"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unresolved(502) from error
