"""What a view found for a stream, once it has checked who asks."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db.models import Model
from rest_framework import status
from rest_framework.response import Response

from polyaxon.db.models import User


@dataclass(frozen=True, slots=True)
class RunTarget:
    """A run, or a replica of one, with its log."""

    model: type[Model]
    pk: int
    log_path: str
    done: frozenset[str]  # statuses after which nothing comes


@dataclass(frozen=True, slots=True)
class EventTarget:
    """Events after `since` (None: from now on) that `user` may see."""

    user: User
    since: int | None
    project: int | None
    subjects: frozenset[str]


@dataclass(frozen=True, slots=True)
class ResourceTarget:
    """Samples of an experiment (every replica), of one replica, or of a job."""

    model: type[Model]
    pk: int
    uuid: uuid.UUID


Target = RunTarget | EventTarget | ResourceTarget


class StreamResponse(Response):
    """Carries the target, and the id of the user who asks, to the event loop.

    Sent as it is where there is none: a server that cannot stream.
    """

    def __init__(self, target: Target, user: int) -> None:
        super().__init__(
            {"detail": "This address streams; the server that answered cannot. Ask it over ASGI."},
            status=status.HTTP_426_UPGRADE_REQUIRED,
            headers={"Upgrade": "websocket"},
        )
        self.target = target
        self.user = user
