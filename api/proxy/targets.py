"""Where a request is forwarded to. Everything in it comes from our own rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse

from polyaxon.db.models import NotebookJob, TensorboardJob
from polyaxon.lifecycles import tables as s
from polyaxon.security.service_tokens import service_token

if TYPE_CHECKING:
    from polyaxon.db.models.plugins import Plugin

MODELS: dict[str, type[NotebookJob | TensorboardJob]] = {"notebook": NotebookJob, "tensorboard": TensorboardJob}


@dataclass(frozen=True, slots=True)
class Upstream:
    """A service that runs, and who may use it."""

    address: str  # host:port
    path: str  # what each of its addresses begins with, slashes around it
    user: int
    token: str | None = field(default=None, repr=False)  # that it wants to be shown

    @classmethod
    def of(cls, row: Plugin, user: int) -> Upstream | None:
        """None while the row does not run."""
        if row.status != s.RUNNING or row.address is None:
            return None
        token = service_token(row.uuid) if isinstance(row, NotebookJob) else None
        return cls(row.address, row.proxy_path, user, token)


class Forwarded(HttpResponse):
    """Carries the target to the event loop. Sent as it is where there is none: a server that cannot forward."""

    def __init__(self, request: HttpRequest, upstream: Upstream) -> None:
        del request
        super().__init__("This address is forwarded; the server that answered cannot. Ask it over ASGI.\n", status=426)
        self.headers["Upgrade"] = "websocket"
        self.upstream = upstream
