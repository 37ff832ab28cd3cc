"""What people did."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from rest_framework import serializers

from api.permissions import readable_projects
from api.views import BaseView, Item, ProjectView
from polyaxon.db.models import (
    ActivityLog,
    BuildJob,
    Experiment,
    ExperimentGroup,
    ExperimentJob,
    Job,
    NotebookJob,
    Project,
    Search,
    TensorboardJob,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rest_framework.request import Request
    from rest_framework.response import Response

SYSTEM = "Polyaxon"
# Restarts were missing in 0.6.
WRITES = (
    "created",
    "updated",
    "deleted",
    "archived",
    "restored",
    "resumed",
    "restarted",
    "copied",
    "stopped",
)
_ITEMS: dict[str, type[Item]] = {
    "experiment": Experiment,
    "experiment_group": ExperimentGroup,
    "job": Job,
    "build_job": BuildJob,
    "notebook": NotebookJob,
    "tensorboard": TensorboardJob,
}


class ActivitySerializer(serializers.ModelSerializer[ActivityLog]):
    """`context["names"]` has the objects' names by subject and id."""

    event_action = serializers.SerializerMethodField()
    event_subject = serializers.CharField(source="subject", read_only=True)
    actor = serializers.SerializerMethodField()
    object_name = serializers.SerializerMethodField()

    class Meta:
        model = ActivityLog
        fields = ("id", "event_action", "event_subject", "actor", "created_at", "object_id", "object_name")

    def get_event_action(self, log: ActivityLog) -> str:
        return log.event_type.partition(".")[2]

    def get_actor(self, log: ActivityLog) -> str:
        return log.actor.username if log.actor else SYSTEM

    def get_object_name(self, log: ActivityLog) -> str | None:
        names: dict[tuple[str, int], str] = self.context["names"]
        return names.get((log.subject, log.object_id))


def object_names(logs: Iterable[ActivityLog]) -> dict[tuple[str, int], str]:
    """Names of what the entries tell of; without those that are gone."""
    ids: dict[str, set[int]] = defaultdict(set)
    for log in logs:
        ids[log.subject].add(log.object_id)
    names = {("project", row.pk): row.unique_name for row in _projects(ids["project"])}
    names |= {("user", row.pk): row.username for row in User.objects.filter(pk__in=ids["user"])}
    names |= {("superuser", row.pk): row.username for row in User.objects.filter(pk__in=ids["superuser"])}
    names |= {("search", row.pk): row.name for row in Search.objects.filter(pk__in=ids["search"]) if row.name}
    names |= {("experiment_job", row.pk): row.unique_name for row in _replicas(ids["experiment_job"])}
    for subject, model in _ITEMS.items():
        rows = model.objects.filter(pk__in=ids[subject]).select_related("project__owner").defer("content", "readme")
        names |= {(subject, row.pk): row.unique_name for row in rows}
    return names


def _projects(ids: set[int]) -> Any:
    return Project.objects.filter(pk__in=ids).select_related("owner")


def _replicas(ids: set[int]) -> Any:
    return ExperimentJob.objects.filter(pk__in=ids).select_related("experiment__project__owner")


class _LogsMixin(BaseView):
    lists = True
    serializer_class = ActivitySerializer

    def answer(self, condition: Q) -> Response:
        logs = ActivityLog.objects.filter(condition).select_related("actor").order_by("-created_at", "-id")
        page = self.paginate_queryset(logs) or []
        context = {**self.get_serializer_context(), "names": object_names(page)}
        return self.get_paginated_response(ActivitySerializer(page, many=True, context=context).data)


def _actions(*actions: str) -> Q:
    condition = Q()
    for action in actions:
        condition |= Q(event_type__endswith=f".{action}")
    return condition


class ActivityView(_LogsMixin):
    """Changes of the projects that the caller may read, and of the caller's own account."""

    def get(self, request: Request) -> Response:
        mine = Q(project=None, actor=self.caller)
        return self.answer(_actions(*WRITES) & (Q(project__in=readable_projects(request)) | mine))


class HistoryView(_LogsMixin):
    """What the caller looked at, as far as the caller may still read it."""

    def get(self, request: Request) -> Response:
        readable = Q(project=None) | Q(project__in=readable_projects(request))
        return self.answer(_actions("viewed") & Q(actor=self.caller) & readable)


class ProjectActivityView(_LogsMixin, ProjectView):
    """Changes of one project and its items."""

    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.answer(_actions(*WRITES) & Q(project=self.project))
