"""Experiment groups: searches and selections."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from api import query
from api.experiments.metrics import wire_rows
from api.experiments.serializers import MetricSerializer
from api.experiments.views import LIST_PARAMETERS
from api.groups.serializers import (
    ChangedGroupSerializer,
    GroupCloneSerializer,
    GroupCreatedSerializer,
    GroupDetailSerializer,
    GroupSerializer,
    NewGroupSerializer,
    SelectionSerializer,
    StopGroupSerializer,
)
from api.idempotency import repeatable
from api.items import DetailView
from api.pagination import LargePagination
from api.views import ItemView, ProjectView
from polyaxon.actions import group_clones, groups
from polyaxon.actions.search_changes import change_search
from polyaxon.db.models import Experiment, ExperimentGroup
from polyaxon.errors import InvalidInput
from polyaxon.lifecycles import EXPERIMENT
from polyaxon.stores.logged_rows import LoggedRows

if TYPE_CHECKING:
    from rest_framework.request import Request


def listed(rows: QuerySet[ExperimentGroup]) -> QuerySet[ExperimentGroup]:
    """`rows` with what a list shows of them."""
    return rows.select_related("user", "project__owner").defer("content", "readme", "status_message")


def members(group: ExperimentGroup) -> QuerySet[Experiment]:
    """Trials of a study, members of a selection."""
    if group.group_type == ExperimentGroup.SELECTION:
        return group.selection_experiments.filter(deleted=False)
    return group.experiments.filter(deleted=False)


def counts(group: ExperimentGroup) -> dict[str, int]:
    """Numbers of experiments by status."""

    def having(*statuses: str) -> Count:
        return Count("id", filter=Q(status__in=statuses))

    return members(group).aggregate(
        num_experiments=Count("id"),
        num_pending_experiments=having(*EXPERIMENT.pending),
        num_running_experiments=having(*EXPERIMENT.running),
        num_scheduled_experiments=having("scheduled"),
        num_succeeded_experiments=having("succeeded"),
        num_failed_experiments=having("failed"),
        num_stopped_experiments=having("stopped"),
    )


class GroupsView(ProjectView):
    """Groups of a project."""

    lists = True
    serializer_class = GroupSerializer

    @extend_schema(parameters=LIST_PARAMETERS)
    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = query.filtered(
            ExperimentGroup.objects.filter(project=self.project, deleted=False),
            request.query_params.get("query"),
            query.GROUPS,
        )
        return self.paged(listed(query.ordered(rows, request.query_params.get("sort"))), GroupSerializer)

    @extend_schema(request=NewGroupSerializer, responses={201: GroupCreatedSerializer})
    @repeatable(GroupCreatedSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(NewGroupSerializer)
        values["experiment_ids"] = values.get("experiment_ids") or []
        group = groups.create_group(self.project, self.caller, groups.NewGroup(**values))
        return Response(GroupCreatedSerializer(group).data, status=status.HTTP_201_CREATED)


class GroupItemView(ItemView):
    """Below one group."""

    model = ExperimentGroup


class GroupView(DetailView, GroupItemView):
    """One group."""

    changed = ChangedGroupSerializer
    serializer_class = GroupDetailSerializer

    def complete(self, changes: dict[str, Any]) -> None:
        if "hptuning" in changes and self.item.content is not None:
            change_search(self.item, self.actor, changes.pop("hptuning"))

    def _change(self) -> Response:
        with transaction.atomic():  # all or nothing
            return super()._change()

    def detail(self) -> Response:
        context = {**self.get_serializer_context(), "counts": counts(self.item)}
        return Response(GroupDetailSerializer(self.item, context=context).data)


class StopGroupView(GroupItemView):
    """Stops a group with its trials; with `pending` only the trials that have not started."""

    serializer_class = StopGroupSerializer

    @extend_schema(responses={200: None})
    def post(self, request: Request, **kwargs: Any) -> Response:
        pending_only = self.valid(StopGroupSerializer)["pending"]
        groups.stop_group(self.item, self.caller, pending_only=pending_only)
        return Response(None)


class ResumeGroupView(GroupItemView):
    """Has a search that has ended go on where it stands."""

    run_token_writes = False
    serializer_class = GroupSerializer

    @extend_schema(request=None, responses={200: GroupSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        group = group_clones.resume_group(self.item, self.caller)
        return Response(self.get_serializer(group).data)


class CloneGroupView(GroupItemView):
    """Makes a new search from one: `restart` begins anew, `copy` also learns from the trials of the first."""

    run_token_writes = False
    clone = staticmethod(group_clones.restart_group)
    serializer_class = GroupSerializer

    @extend_schema(request=GroupCloneSerializer, responses={201: GroupSerializer})
    @repeatable(GroupSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(GroupCloneSerializer)
        group = self.clone(
            self.item,
            self.caller,
            content=values.get("content") or None,
            update_code=values["update_code"],
            description=values.get("description"),
        )
        return Response(self.get_serializer(group).data, status=status.HTTP_201_CREATED)


class SelectionView(GroupItemView):
    """Members of a selection."""

    serializer_class = SelectionSerializer

    @extend_schema(responses={200: None})
    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    @extend_schema(responses={200: None})
    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    def _change(self) -> Response:
        values = self.valid(SelectionSerializer)
        ids = values["experiment_ids"]
        if self.item.group_type != ExperimentGroup.SELECTION:
            raise InvalidInput(f"Group {self.item.pk} is a search, whose trials are not chosen by hand.")
        found = Experiment.objects.filter(project=self.project, deleted=False, pk__in=ids)
        missing = sorted(set(ids) - set(found.values_list("pk", flat=True)))
        if missing:
            raise InvalidInput(f"The project has no experiments {missing}.", field="experiment_ids")
        if ids:
            manager = self.item.selection_experiments
            {"add": manager.add, "remove": manager.remove}.get(
                values.get("operation") or "", lambda *rows: manager.set(rows)
            )(*found)
        return Response(None)


class GroupMetricsView(GroupItemView):
    """Everything that the experiments of a group logged."""

    lists = True
    serializer_class = MetricSerializer
    pagination_class = LargePagination

    def get(self, request: Request, **kwargs: Any) -> Response:
        uuids = dict(members(self.item).values_list("pk", "uuid"))
        page = self.paginate_queryset(cast("Any", LoggedRows(uuids)))
        return self.get_paginated_response(wire_rows(page or [], uuids))
