"""Tensorboards of projects, groups and experiments."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from api import query
from api.idempotency import repeatable
from api.plugins import NewPluginSerializer, PluginsView, PluginView, new_plugin, started
from api.tensorboards.serializers import (
    ChangedTensorboardSerializer,
    TensorboardDetailSerializer,
    TensorboardSerializer,
    TensorboardStartedSerializer,
)
from api.views import ItemView, ProjectView, no_body
from polyaxon.actions import plugins
from polyaxon.actions.creation import sibling
from polyaxon.actions.plugins import Target
from polyaxon.db.models import Experiment, ExperimentGroup, TensorboardJob

if TYPE_CHECKING:
    from rest_framework.request import Request

STARTED = {201: TensorboardStartedSerializer, 200: TensorboardStartedSerializer}
TARGETS: dict[str, type[Experiment | ExperimentGroup]] = {
    "experiment": Experiment,
    "experiment_group": ExperimentGroup,
}


class TensorboardsView(PluginsView):
    model = TensorboardJob
    fields = query.TENSORBOARDS
    row = TensorboardSerializer
    serializer_class = TensorboardSerializer


class TensorboardView(PluginView):
    model = TensorboardJob
    kind = "tensorboard"
    changed = ChangedTensorboardSerializer
    serializer_class = TensorboardDetailSerializer

    def complete(self, changes: dict[str, Any]) -> None:
        super().complete(changes)
        for name, model in TARGETS.items():
            if name in changes:
                changes[name] = sibling(model, self.project, changes[name], field=name)


class StartTensorboardView(ProjectView):
    """Starts the project's tensorboard unless one is active."""

    serializer_class = NewPluginSerializer

    @extend_schema(responses=STARTED)
    @repeatable(TensorboardStartedSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        return self._start(Target())

    def _start(self, target: Target) -> Response:
        new = new_plugin(self.valid(NewPluginSerializer))
        row, is_new = plugins.start_tensorboard(self.project, self.caller, new, target)
        return started(row, TensorboardStartedSerializer, new=is_new)


class StopTensorboardView(ProjectView):
    """Stops the project's tensorboard."""

    @no_body
    def post(self, request: Request, **kwargs: Any) -> Response:
        return self._stop(Target())

    def _stop(self, target: Target) -> Response:
        plugins.stop(plugins.latest_tensorboard(self.project, target), self.caller)
        return Response(None)


class StartItemTensorboardView(ItemView, StartTensorboardView):
    """Starts the tensorboard of an experiment or a group unless one is active."""

    run_token_writes = False
    serializer_class = NewPluginSerializer

    @extend_schema(responses=STARTED)
    @repeatable(TensorboardStartedSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        return self._start(target_of(self.item))


class StopItemTensorboardView(ItemView, StopTensorboardView):
    """Stops the tensorboard of an experiment or a group."""

    run_token_writes = False

    @no_body
    def post(self, request: Request, **kwargs: Any) -> Response:
        return self._stop(target_of(self.item))


def target_of(item: Experiment | ExperimentGroup) -> Target:
    """The outputs of `item`."""
    return Target(experiment=item) if isinstance(item, Experiment) else Target(experiment_group=item)
