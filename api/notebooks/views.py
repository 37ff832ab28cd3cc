"""Notebooks of projects."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from api import query
from api.authentication import InternalTokenAuthentication, InternalUser
from api.idempotency import repeatable
from api.notebooks.serializers import (
    ChangedNotebookSerializer,
    NotebookDetailSerializer,
    NotebookSerializer,
    NotebookStartedSerializer,
    StopNotebookSerializer,
)
from api.plugins import NewPluginSerializer, PluginsView, PluginView, new_plugin, started
from api.run_tokens import IMPERSONATOR, RunTokenSerializer
from api.views import ProjectView
from polyaxon.actions import plugins
from polyaxon.db.models import NotebookJob
from polyaxon.security import tokens

if TYPE_CHECKING:
    from rest_framework.request import Request


class NotebooksView(PluginsView):
    model = NotebookJob
    fields = query.NOTEBOOKS
    row = NotebookSerializer
    serializer_class = NotebookSerializer


class NotebookView(PluginView):
    model = NotebookJob
    kind = "notebook"
    changed = ChangedNotebookSerializer
    serializer_class = NotebookDetailSerializer


class StartNotebookView(ProjectView):
    """Starts the project's notebook unless one is active."""

    serializer_class = NewPluginSerializer

    @extend_schema(responses={201: NotebookStartedSerializer, 200: NotebookStartedSerializer})
    @repeatable(NotebookStartedSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        new = new_plugin(self.valid(NewPluginSerializer))
        row, is_new = plugins.start_notebook(self.project, self.caller, new)
        return started(row, NotebookStartedSerializer, new=is_new)


class StopNotebookView(ProjectView):
    """Stops the project's latest notebook. As in 0.6 an id in the address is not looked at."""

    serializer_class = StopNotebookSerializer

    @extend_schema(responses={200: None})
    def post(self, request: Request, **kwargs: Any) -> Response:
        self.valid(StopNotebookSerializer)
        plugins.stop(plugins.latest_notebook(self.project), self.caller)
        return Response(None)


class ImpersonateNotebookView(ProjectView):
    """A token for the notebook while it is under way: it reads what its user reads and writes to itself only."""

    authentication_classes = (InternalTokenAuthentication,)
    permission_classes = (IsAuthenticated,)
    throttle_classes = ()
    serializer_class = RunTokenSerializer

    @extend_schema(request=None, responses={200: RunTokenSerializer, 403: None})
    def post(self, request: Request, **kwargs: Any) -> Response:
        user: Any = request.user
        notebook = plugins.latest_notebook(self.project)
        allowed = isinstance(user, InternalUser) and user.service == IMPERSONATOR
        if not allowed or notebook is None or not notebook.is_stoppable:
            return Response(status=status.HTTP_403_FORBIDDEN)
        return Response({"token": tokens.issue(notebook.user, run=notebook.uuid)})
