"""Who may follow what. These views check and find; what they find is streamed on the event loop."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema

from api.experiments.jobs import _ReplicaView
from api.flags import number
from api.permissions import readable_projects
from api.streams.targets import EventTarget, ResourceTarget, RunTarget, StreamResponse
from api.views import BaseView, ItemView
from polyaxon.actions.replicas import log_path

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase
    from rest_framework.request import Request

TEXT = {(200, "text/event-stream"): str}
TOKEN = OpenApiParameter("token", str, description="A token, for clients that cannot send headers.")
LAST = OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER, description="Go on after this one.")


class FollowLogsView(ItemView):
    """The log as it is written, as server-sent events: lines, with the byte after them as id.

    Statuses come as events `status`; after the last line of a run that is done comes an event `end`.
    """

    throttle_classes = ()

    @extend_schema(parameters=[TOKEN, LAST, OpenApiParameter("offset", int)], responses=TEXT)
    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        return StreamResponse(
            RunTarget(type(self.item), self.item.pk, self.item.sub_path, frozenset(self.item.LIFECYCLE.done)),
            self.caller.pk,
        )


class StreamLogsView(FollowLogsView):
    """The log as it is written, over a WebSocket: a JSON frame for each status and each line."""

    @extend_schema(parameters=[TOKEN], responses={101: None})
    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        return super().get(request, **kwargs)


class ReplicaFollowLogsView(_ReplicaView, FollowLogsView):
    """The log of a replica: a run with one replica has one log."""

    @extend_schema(parameters=[TOKEN, LAST, OpenApiParameter("offset", int)], responses=TEXT)
    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        row = self.replica
        target = RunTarget(type(row), row.pk, log_path(row), frozenset(row.LIFECYCLE.done))
        return StreamResponse(target, self.caller.pk)


class ReplicaStreamLogsView(ReplicaFollowLogsView):
    """The log of a replica as it is written, over a WebSocket."""

    @extend_schema(parameters=[TOKEN], responses={101: None})
    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        return super().get(request, **kwargs)


class StreamResourcesView(ItemView):
    """Samples over a WebSocket, a frame every two seconds."""

    throttle_classes = ()

    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        return StreamResponse(ResourceTarget(type(self.item), self.item.pk, self.item.uuid), self.caller.pk)


class StreamReplicaResourcesView(_ReplicaView, StreamResourcesView):
    """Samples of one replica."""

    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        return StreamResponse(ResourceTarget(type(self.replica), self.replica.pk, self.replica.uuid), self.caller.pk)


class EventsView(BaseView):
    """What happens, as server-sent events.

    The data of each is `{"v": 1, "id", "type", "subject", "object_id", "project", "context", "created_at"}`. Ids
    grow, but an event whose change took long may come after one with a higher id.
    """

    throttle_classes = ()

    @extend_schema(
        parameters=[
            TOKEN,
            LAST,
            OpenApiParameter("since", int, description="Events after this id; by default those to come."),
            OpenApiParameter("project", str, description="Only of this project, `owner/name` or `owner.name`."),
            OpenApiParameter("subject", str, many=True, description="Only of these kinds, such as `experiment`."),
        ],
        responses=TEXT,
    )
    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        last = request.headers.get("Last-Event-ID", "")
        since = int(last) if last.isdecimal() and len(last) <= 18 else number(request, "since")  # noqa: PLR2004 - digits
        subjects = request.query_params.getlist("subject")
        names = {name.strip() for text in subjects for name in text.split(",") if name.strip()}
        target = EventTarget(self.caller, since, self._project(request), frozenset(names))
        return StreamResponse(target, self.caller.pk)

    @staticmethod
    def _project(request: Request) -> int | None:
        text = request.query_params.get("project", "")
        if not text:
            return None
        owner, _, name = text.partition("/" if "/" in text else ".")
        rows = readable_projects(request).filter(owner__name=owner, name=name) if "\x00" not in text else None
        found = rows.values_list("pk", flat=True).first() if rows is not None else None
        if found is None:
            raise Http404("There is no such project.")
        return int(found)
