"""Addresses of WebSockets: those of the REST interface, and the ones that 0.6 had inside."""

from __future__ import annotations

from django.urls import include, path

from api.routes import project_route
from api.streams import views
from polyaxon.db.models import BuildJob, Experiment, Job

REPLICA = "experiments/<int:id>/jobs/<int:job_id>"
LOGS = ("logs/stream", "logs")

_routes = [
    *(
        project_route(f"{kind}/<int:id>/{form}", views.StreamLogsView, model=model)
        for kind, model in (("experiments", Experiment), ("jobs", Job), ("builds", BuildJob))
        for form in LOGS
    ),
    *(project_route(f"{REPLICA}/{form}", views.ReplicaStreamLogsView) for form in LOGS),
    project_route("experiments/<int:id>/resources", views.StreamResourcesView),
    project_route("jobs/<int:id>/resources", views.StreamResourcesView, model=Job),
    project_route(f"{REPLICA}/resources", views.StreamReplicaResourcesView),
]

urlpatterns = [path(prefix, include(_routes)) for prefix in ("api/v1/", "ws/v1/", "v1/")]
