"""Addresses that stream."""

from __future__ import annotations

from api.routes import project_route, route
from api.streams import views
from polyaxon.db.models import BuildJob, Experiment, Job

KINDS = {"experiments": Experiment, "jobs": Job, "builds": BuildJob}
REPLICA = "experiments/<int:id>/jobs/<int:job_id>"

urlpatterns = [
    route("events", views.EventsView),
    *(
        project_route(f"{kind}/<int:id>/logs/{form}", view, model=model)
        for kind, model in KINDS.items()
        for form, view in (("stream", views.StreamLogsView), ("follow", views.FollowLogsView))
    ),
    project_route(f"{REPLICA}/logs/stream", views.ReplicaStreamLogsView),
    project_route(f"{REPLICA}/logs/follow", views.ReplicaFollowLogsView),
]
