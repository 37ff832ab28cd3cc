"""Pushing an image of one layer to a registry, by the OCI distribution protocol."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import platform
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from tests.cluster.commands import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
TIMEOUT = 60


@dataclass(frozen=True)
class Layer:
    """A packed archive, and the digest of it unpacked."""

    packed: Path
    diff_id: str


@dataclass(frozen=True)
class _Answer:
    status: int
    location: str
    text: str


def registry_answers(address: str) -> bool:
    """Whether a registry is at `host:port`."""
    try:
        return _request(address, "GET", "/v2/").status == http.client.OK
    except OSError:
        return False


def push(address: str, name: str, tag: str, layer: Layer, settings: Mapping[str, Any]) -> None:
    """Push an image for this machine's processor; `ClusterError` if the registry refuses it."""
    with layer.packed.open("rb") as file:
        packed = _upload(address, name, file, LAYER)
    config = {
        "architecture": _architecture(),
        "os": "linux",
        "config": dict(settings),
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
    }
    described = _upload(address, name, BytesIO(json.dumps(config).encode()), CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": [packed]}
    _put(address, f"/v2/{name}/manifests/{tag}", json.dumps(manifest).encode(), MANIFEST)


def extend(address: str, name: str, tag: str, new_tag: str, layer: Layer, settings: Mapping[str, Any]) -> None:
    """Push an image that is the one of `tag` with a layer on top and some of its settings changed."""
    manifest = json.loads(_request(address, "GET", f"/v2/{name}/manifests/{tag}", headers={"Accept": MANIFEST}).text)
    config = json.loads(_request(address, "GET", f"/v2/{name}/blobs/{manifest['config']['digest']}").text)
    with layer.packed.open("rb") as file:
        packed = _upload(address, name, file, LAYER)
    config["config"] = {**config["config"], **settings}
    config["rootfs"]["diff_ids"].append(layer.diff_id)
    described = _upload(address, name, BytesIO(json.dumps(config).encode()), CONFIG)
    extended = {**manifest, "config": described, "layers": [*manifest["layers"], packed]}
    _put(address, f"/v2/{name}/manifests/{new_tag}", json.dumps(extended).encode(), MANIFEST)


def _upload(address: str, name: str, content: BinaryIO, media_type: str) -> dict[str, Any]:
    """Upload a blob and return its descriptor."""
    digest = f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"  # type: ignore[arg-type]  # typeshed: no BinaryIO
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    started = _request(address, "POST", f"/v2/{name}/blobs/uploads/")
    place = urlsplit(started.location)
    _put(address, f"{place.path}?{place.query}&digest={digest}", content, "application/octet-stream", size)
    return {"mediaType": media_type, "digest": digest, "size": size}


def _put(address: str, path: str, body: bytes | BinaryIO, media_type: str, size: int | None = None) -> None:
    length = size if size is not None else len(body) if isinstance(body, bytes) else 0
    answer = _request(address, "PUT", path, body, {"Content-Type": media_type, "Content-Length": str(length)})
    if answer.status != http.client.CREATED:
        raise ClusterError(f"the registry refuses {path}: {answer.status} {answer.text[:500]}")


def _request(
    address: str, method: str, path: str, body: bytes | BinaryIO | None = None, headers: Mapping[str, str] | None = None
) -> _Answer:
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return _Answer(answer.status, answer.getheader("Location", ""), answer.read().decode(errors="replace"))
    finally:
        connection.close()


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
