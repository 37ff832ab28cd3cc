"""Sending files: announced with their checksums, then part by part from where the server has them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from polyaxon_client.workers.values import to_json

if TYPE_CHECKING:
    from polyaxon_client.workers.target import Target
    from polyaxon_client.workers.wire import Reply, Wire

PART_BYTES = 8 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
# A file that changes while it is sent begins anew, so many times.
ATTEMPTS = 3
CREATED, CONFLICT, WRONG = 201, 409, 400
_ANNOUNCED = ("path", "name", "type", "size", "sha256", "step", "metadata")

Described = dict[str, Any]
"""``file`` (where it is on this machine), ``path`` (below the outputs), ``name``, ``type``, ``step``, ``metadata``, and
``temporary``, whether it goes once it was sent."""


def send_files(wire: Wire, target: Target, files: list[Described], timeout: float | None) -> Reply:
    """Announce all, and send those that the server lacks. The last answer, or the first that is none of success.

    Raises:
        OSError: a file cannot be read.
    """
    for attempt in range(ATTEMPTS):
        announced = [_measured(file) for file in files]
        path = target.path(wire, "artifacts/")
        reply = wire.call("POST", path, to_json({"artifacts": announced}), None, timeout)
        if not reply.ok:
            return reply
        rows = json.loads(reply.body)["artifacts"]
        for file, row in zip(files, rows):
            reply = reply if row["stored"] else _send(wire, path, file, row, timeout)
            if not reply.ok:
                break
        changed = reply.status == WRONG and [_measured(file) for file in files] != announced
        if not changed or attempt == ATTEMPTS - 1:
            break
    if reply.ok:
        discard(files)
    return reply


def discard(files: list[Described]) -> None:
    """Remove those that were made only to be sent."""
    for file in files:
        if file.get("temporary"):
            Path(file["file"]).unlink(missing_ok=True)


def _send(wire: Wire, path: str, file: Described, row: dict[str, Any], timeout: float | None) -> Reply:
    address = f"{path}content/?path={quote(row['path'], safe='')}"
    offset, size, conflicts = row["received"], row["size"], 0
    with Path(file["file"]).open("rb") as content:
        while True:
            content.seek(offset)
            part = content.read(min(PART_BYTES, size - offset))
            headers = {"Content-Type": "application/octet-stream"}
            if size:
                headers["Content-Range"] = f"bytes {offset}-{offset + len(part) - 1}/{size}"
            reply = wire.call("PUT", address, part, headers, timeout)
            conflicts += reply.status == CONFLICT
            if reply.status == CREATED or conflicts >= ATTEMPTS or not (reply.ok or reply.status == CONFLICT):
                return reply
            offset = min(json.loads(reply.body)["received"], size)


def _measured(file: Described) -> dict[str, Any]:
    """What the server is told."""
    status = Path(file["file"]).stat()
    state = [status.st_size, status.st_mtime_ns]
    if file.get("state") != state:
        file["sha256"], file["size"] = _checksum(file["file"])
        file["state"] = state
    return {name: file[name] for name in _ANNOUNCED if file.get(name) is not None}


def _checksum(path: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with Path(path).open("rb") as content:
        while True:
            piece = content.read(PIECE_BYTES)
            if not piece:
                return digest.hexdigest(), size
            digest.update(piece)
            size += len(piece)
