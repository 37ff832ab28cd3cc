"""Addresses of notebooks."""

from __future__ import annotations

from api.items import ArchiveView, HeartbeatView, RestoreView, StatusesView
from api.notebooks import views
from api.routes import project_route
from api.serializers import NotebookJobStatusSerializer
from polyaxon.db.models import NotebookJob

ONE = "notebooks/<int:id>"
KIND = {"model": NotebookJob}

urlpatterns = [
    project_route("notebook/start", views.StartNotebookView),
    project_route("notebook/stop", views.StopNotebookView),
    project_route("notebook/impersonatetoken", views.ImpersonateNotebookView),
    project_route("notebooks", views.NotebooksView),
    project_route(ONE, views.NotebookView),
    project_route(f"{ONE}/stop", views.StopNotebookView),
    project_route(f"{ONE}/_heartbeat", HeartbeatView, **KIND),
    project_route(f"{ONE}/archive", ArchiveView, **KIND),
    project_route(f"{ONE}/restore", RestoreView, **KIND),
    project_route(f"{ONE}/statuses", StatusesView, **KIND, serializer_class=NotebookJobStatusSerializer),
]
