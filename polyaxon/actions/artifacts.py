"""Artifacts of a run: announced with what they are, then received part by part."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from polyaxon import storage
from polyaxon.db.models import Artifact, Experiment, Job
from polyaxon.db.models.artifacts import PATH_LENGTH
from polyaxon.errors import InvalidInput
from polyaxon.stores.errors import PathRefused, human_bytes, shown
from polyaxon.stores.incoming import checksum_of
from polyaxon.stores.inflate import Readable
from polyaxon.stores.paths import safe_parts

# Larger files that may be in their place already are not read while a client waits: it sends them.
CHECKED_AT_ONCE = 1024 * 1024 * 1024
_FIELDS = ("name", "type", "size", "sha256", "step", "metadata", "stored_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Announced:
    """What a client says of a file. `size` in bytes, `sha256` in hex, `path` below the run's outputs."""

    path: str
    name: str
    type: str
    size: int
    sha256: str
    step: int | None = None
    metadata: dict[str, Any] | None = None


@transaction.atomic
def announce(run: Experiment | Job, outputs: str, files: Sequence[Announced]) -> list[Artifact]:
    """Keep what is said of `files`; those whose content is not there are to be sent.

    `outputs`: sub-path of the run's outputs. Content counts as there when it was received before under the same
    checksum, or lies in its place, as what a run wrote itself. Raises PathRefused, InvalidInput beyond the limits.
    """
    wanted = {path_of(file.path): file for file in files}
    known = {row.path: row for row in Artifact.objects.filter(run=run.uuid, path__in=wanted)}
    _check_limits(run, wanted, known)
    folder = storage.outputs().local_path(outputs)
    rows = [_row(run, path, file, known.get(path)) for path, file in wanted.items()]
    for row in rows:
        if (
            row.stored_at is None
            and row.size <= CHECKED_AT_ONCE
            and checksum_of(folder, row.path, row.size) == row.sha256
        ):
            row.stored_at = timezone.now()
    Artifact.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["run", "path"], update_fields=list(_FIELDS)
    )
    return rows


def receive(artifact: Artifact, outputs: str, offset: int, part: Readable) -> int:
    """Take a part of the content that begins at `offset`; the bytes that are there then.

    With the last one the content is checked and put among the outputs. Raises Misplaced, InvalidInput when it is not
    what was announced, and then forgets it.
    """
    incoming, upload = storage.incoming(), upload_of(artifact)
    with incoming.locked(upload):
        artifact.refresh_from_db()
        if artifact.stored:  # another request with the same last part was first
            return artifact.size
        received = incoming.write(upload, offset, part)
        if received < artifact.size:
            return received
        try:
            _check_content(artifact, received, incoming.checksum(upload))
            incoming.place(upload, storage.outputs().local_path(outputs), artifact.path)
        except InvalidInput:
            incoming.discard(upload)
            raise
        artifact.stored_at = timezone.now()
        Artifact.objects.filter(pk=artifact.pk, sha256=artifact.sha256).update(stored_at=artifact.stored_at)
    return artifact.size


def received_of(artifact: Artifact) -> int:
    """Bytes of the content that are there."""
    return artifact.size if artifact.stored else storage.incoming().received(upload_of(artifact))


def upload_of(artifact: Artifact) -> uuid.UUID:
    """The upload of just this content to just this place."""
    return uuid.uuid5(artifact.run, f"{artifact.sha256}{artifact.path}")


def path_of(path: str) -> str:
    """A path in its shortest form. Raises PathRefused."""
    parts = safe_parts(path)
    short = "/".join(parts)
    if not parts:
        raise PathRefused(path, "is empty")
    if len(short) > PATH_LENGTH:
        raise PathRefused(path, f"is too long; {PATH_LENGTH} characters are allowed")
    return short


def _row(run: Experiment | Job, path: str, file: Announced, known: Artifact | None) -> Artifact:
    same = known is not None and (known.sha256, known.size) == (file.sha256, file.size)
    return Artifact(
        pk=known.pk if known else None,
        run=run.uuid,
        experiment=run if isinstance(run, Experiment) else None,
        job=run if isinstance(run, Job) else None,
        path=path,
        name=file.name,
        type=file.type,
        size=file.size,
        sha256=file.sha256,
        step=file.step,
        metadata=file.metadata,
        stored_at=known.stored_at if known and same else None,
        created_at=known.created_at if known else timezone.now(),
    )


def _check_limits(run: Experiment | Job, wanted: dict[str, Announced], known: dict[str, Artifact]) -> None:
    limits = settings.CONFIG.limits
    for path, file in wanted.items():
        if file.size > limits.artifact_max_bytes:
            most = human_bytes(limits.artifact_max_bytes)
            raise InvalidInput(f"{shown(path)} has {human_bytes(file.size)}; an artifact has at most {most}.")
    others = Artifact.objects.filter(run=run.uuid).exclude(path__in=known)
    there = others.aggregate(count=Count("pk"), size=Sum("size", default=0))
    if there["count"] + len(wanted) > limits.artifacts_max:
        raise InvalidInput(f"A run has at most {limits.artifacts_max} artifacts.")
    size = there["size"] + sum(file.size for file in wanted.values())
    if size > limits.artifacts_max_bytes:
        most = human_bytes(limits.artifacts_max_bytes)
        raise InvalidInput(f"With these the run's artifacts have {human_bytes(size)}; at most {most} are kept.")


def _check_content(artifact: Artifact, received: int, checksum: str) -> None:
    if received > artifact.size:
        raise InvalidInput(f"More came than the {artifact.size} bytes that were announced. Send it anew.")
    if checksum != artifact.sha256:
        raise InvalidInput("The content does not have the checksum that was announced. Send it anew.")
