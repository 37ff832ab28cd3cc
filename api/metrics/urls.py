"""Addresses of histories and of what runs take of the machine."""

from __future__ import annotations

from api.metrics import history, resources
from api.routes import project_route

EXPERIMENT = "experiments/<int:id>"
REPLICA = f"{EXPERIMENT}/jobs/<int:job_id>"
JOB = "jobs/<int:id>"

urlpatterns = [
    project_route(f"{EXPERIMENT}/metrics/series", history.SeriesView),
    project_route(f"{EXPERIMENT}/metrics/history", history.HistoryView),
    project_route(f"{EXPERIMENT}/metrics/points", history.PointsView),
    project_route("groups/<int:id>/metrics/history", history.GroupHistoryView),
    project_route(f"{EXPERIMENT}/resources", resources.ExperimentResourcesView),
    project_route(f"{EXPERIMENT}/resources/history", resources.ExperimentSamplesView),
    project_route(f"{REPLICA}/resources", resources.ReplicaResourcesView),
    project_route(f"{REPLICA}/resources/history", resources.ReplicaSamplesView),
    project_route(f"{JOB}/resources", resources.JobResourcesView),
    project_route(f"{JOB}/resources/history", resources.JobSamplesView),
]
