"""Addresses of tensorboards."""

from __future__ import annotations

from api.items import ArchiveView, HeartbeatView, RestoreView, StatusesView, StopView
from api.routes import project_route
from api.serializers import TensorboardJobStatusSerializer
from api.tensorboards import views
from polyaxon.db.models import Experiment, ExperimentGroup, TensorboardJob

ONE = "tensorboards/<int:id>"
KIND = {"model": TensorboardJob}
TARGETS: dict[str, type[Experiment | ExperimentGroup]] = {"groups": ExperimentGroup, "experiments": Experiment}

urlpatterns = [
    project_route("tensorboard/start", views.StartTensorboardView),
    project_route("tensorboard/stop", views.StopTensorboardView),
    *(
        project_route(f"{name}/<int:id>/tensorboard/start", views.StartItemTensorboardView, model=model)
        for name, model in TARGETS.items()
    ),
    *(
        project_route(f"{name}/<int:id>/tensorboard/stop", views.StopItemTensorboardView, model=model)
        for name, model in TARGETS.items()
    ),
    project_route("tensorboards", views.TensorboardsView),
    project_route(ONE, views.TensorboardView),
    project_route(f"{ONE}/stop", StopView, **KIND),
    project_route(f"{ONE}/_heartbeat", HeartbeatView, **KIND),
    project_route(f"{ONE}/archive", ArchiveView, **KIND),
    project_route(f"{ONE}/restore", RestoreView, **KIND),
    project_route(f"{ONE}/statuses", StatusesView, **KIND, serializer_class=TensorboardJobStatusSerializer),
]
