"""Artifacts."""

from __future__ import annotations

from typing import Any

_CHECKSUM = "3f0a377ba0a4a460ecb616f6507ce0d8cfa3e704025d4fda3ed0c5ca05468728"
_FILE = {"path": "plots/loss.png", "name": "loss", "type": "image", "size": 5120, "sha256": _CHECKSUM, "step": 3}
_ROW: dict[str, Any] = {
    "id": 5,
    **_FILE,
    "metadata": {"width": 640, "height": 480},
    "stored": True,
    "received": 5120,
    "created_at": "2026-01-02T03:04:05.678901Z",
    "updated_at": "2026-01-02T03:04:06.123456Z",
}
REQUESTS: dict[str, Any] = {"ManifestRequest": {"artifacts": [{**_FILE, "metadata": {"width": 640, "height": 480}}]}}
RESPONSES: dict[str, Any] = {
    "Artifact": _ROW,
    "Announced": {"artifacts": [{**_ROW, "stored": False, "received": 2048}]},
    "Misplaced": {"detail": "2048 bytes were received; go on there.", "received": 2048},
}
