"""Experiments: lists, details, and what is done to them."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db.models import Prefetch, Q, QuerySet, prefetch_related_objects
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.response import Response

from api import query
from api.experiments.serializers import (
    ChangedExperimentSerializer,
    ExperimentCreatedSerializer,
    ExperimentDetailSerializer,
    ExperimentLastMetricSerializer,
    ExperimentParamsSerializer,
    ExperimentSerializer,
    NewExperimentSerializer,
)
from api.flags import flag, number
from api.idempotency import repeatable
from api.items import DetailView
from api.pagination import LargePagination
from api.permissions import readable_projects
from api.serializers import CloneSerializer, IdsSerializer
from api.views import BaseView, ItemView, ProjectView
from polyaxon.actions import experiments, runs
from polyaxon.actions.creation import sibling
from polyaxon.db.models import BuildJob, CodeReference, Experiment, ExperimentGroup, Project
from polyaxon.errors import InvalidInput
from polyaxon.stores import series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer

# Columns that no list shows: long ones, and those that only schedulers read.
_NOT_LISTED = (
    *("content", "readme", "run_env", "data_refs", "resources", "status_message"),
    *("delete_requested_at", "stop_requested_at", "heartbeat_at", "attempt", "ttl"),
    *("iteration", "trial_index", "code_reference"),
)
LIST_PARAMETERS = [
    OpenApiParameter("query", str, description="Filter, as in `status:running,metrics.loss:<0.3`."),
    OpenApiParameter("sort", str, description="As in `-created_at` or `-metric.loss`."),
]


# Apart, not joined: a page has few originals.
_ORIGINALS = Prefetch("original_experiment", Experiment.objects.only("project", "experiment_group"))


def listed(rows: QuerySet[Experiment]) -> QuerySet[Experiment]:
    """`rows` with what a list shows of them."""
    return rows.prefetch_related(_ORIGINALS).defer(*_NOT_LISTED)


def page_of(
    view: BaseView,
    rows: Sequence[Experiment] | QuerySet[Experiment],
    serializer: type[BaseSerializer[Any]],
    project: Project | None = None,
) -> Response:
    """A page with the last metrics of its rows, in one query. `project`: that of all rows, if they have one."""
    page = view.paginate_queryset(cast("Any", query.DeepPages(rows) if isinstance(rows, QuerySet) else rows)) or []
    if any(row.original_experiment_id for row in page):
        prefetch_related_objects(page, _ORIGINALS)
    if project:
        for row in page:
            row.project = project
    metrics = {} if serializer is ExperimentParamsSerializer else series.summaries(page)
    context = {**view.get_serializer_context(), "metrics": metrics}
    return view.get_paginated_response(serializer(page, many=True, context=context).data)


class AllExperimentsView(BaseView):
    """Experiments of every project that the caller may read."""

    lists = True
    serializer_class = ExperimentSerializer

    def get(self, request: Request) -> Response:
        rows = Experiment.objects.filter(deleted=False, project__in=readable_projects(request))
        return page_of(
            self, query.ordered(rows, None).defer(*_NOT_LISTED).select_related("project__owner"), ExperimentSerializer
        )


LISTED = PolymorphicProxySerializer(
    "ListedExperiment", [ExperimentSerializer, ExperimentLastMetricSerializer, ExperimentParamsSerializer], None
)


class ExperimentsView(ProjectView):
    """Experiments of a project."""

    lists = True
    serializer_class = ExperimentSerializer

    @extend_schema(
        parameters=[
            *LIST_PARAMETERS,
            OpenApiParameter("independent", bool, description="Only those outside of groups."),
            OpenApiParameter("group", int, description="Only those of this group."),
            OpenApiParameter("metrics", bool, description="Only names and last metrics."),
            OpenApiParameter("params", bool, description="Only names and parameters."),
            OpenApiParameter("all", bool, description="On one page."),
        ],
        responses=LISTED,
    )
    def get(self, request: Request, **kwargs: Any) -> Response:
        shape: type[BaseSerializer[Any]] = ExperimentSerializer
        if flag(request, "metrics"):
            shape = ExperimentLastMetricSerializer
        elif flag(request, "params"):
            shape = ExperimentParamsSerializer
        asked, sort = (request.query_params.get(name) for name in ("query", "sort"))
        rows = query.find_experiments(self._chosen(request).defer(*_NOT_LISTED), asked, sort)
        if not {"group", "independent"} & request.query_params.keys():
            self.paginator.quick_count = query.quick_count(self.project, asked)
        return page_of(self, rows, shape, self.project)

    @property
    def paginator(self) -> Any:
        if "all" in self.request.query_params and not hasattr(self, "_paginator"):
            self._paginator = LargePagination()
        return super().paginator

    def _chosen(self, request: Request) -> QuerySet[Experiment]:
        rows = Experiment.objects.filter(project=self.project, deleted=False)
        independent, group_id = flag(request, "independent"), number(request, "group")
        if independent and group_id is not None:
            raise InvalidInput("independent and group exclude each other.")
        if independent:
            return rows.filter(experiment_group=None)
        return rows if group_id is None else rows.filter(_of_group(self.project, group_id))

    @extend_schema(request=NewExperimentSerializer, responses={201: ExperimentCreatedSerializer})
    @repeatable(ExperimentCreatedSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(NewExperimentSerializer)
        group = sibling(ExperimentGroup, self.project, values.pop("experiment_group", None), field="experiment_group")
        original = sibling(
            Experiment, self.project, values.pop("original_experiment", None), field="original_experiment"
        )
        study = group if group and group.group_type == ExperimentGroup.STUDY else None
        values["build_job"] = sibling(BuildJob, self.project, values.get("build_job"), field="build_job")
        new = experiments.NewExperiment(**values, group=study, original=original)
        experiment = experiments.create_experiment(self.project, self.caller, new)
        if group and not study:
            group.selection_experiments.add(experiment)
        return Response(ExperimentCreatedSerializer(experiment).data, status=status.HTTP_201_CREATED)


def _of_group(project: Project, group_id: int) -> Q:
    group = ExperimentGroup.objects.filter(project=project, deleted=False, pk=group_id).first()
    if group is None:
        raise Http404(f"The project has no experiment group {group_id}.")
    if group.group_type == ExperimentGroup.SELECTION:
        return Q(selections=group_id)
    return Q(experiment_group=group_id)


class ExperimentItemView(ItemView):
    """Below one experiment."""

    model = Experiment
    related = (*ItemView.related, "original_experiment")


class ExperimentView(DetailView, ExperimentItemView):
    """One experiment."""

    changed = ChangedExperimentSerializer
    serializer_class = ExperimentDetailSerializer

    def complete(self, changes: dict[str, Any]) -> None:
        if "original_experiment" in changes:
            original_id = changes["original_experiment"]
            changes["original_experiment"] = sibling(Experiment, self.project, original_id, field="original_experiment")
        if "code_reference" in changes:
            changes["code_reference"] = _reference(self.project, changes["code_reference"])


def _reference(project: Project, reference_id: int | None) -> CodeReference | None:
    """Only of this project: a reference tells a commit and an address."""
    if reference_id is None:
        return None
    used = Experiment.objects.filter(project=project, code_reference=reference_id).exists()
    rows = CodeReference.objects.filter(pk=reference_id)
    reference = (rows if used else rows.filter(Q(repo__project=project) | Q(external_repo__project=project))).first()
    if reference is None:
        raise InvalidInput(f"The project has no code reference {reference_id}.", field="code_reference")
    return reference


class CloneView(ExperimentItemView):
    """Restart, resume or copy."""

    run_token_writes = False
    strategy = ""
    serializer_class = ExperimentSerializer

    @extend_schema(request=CloneSerializer, responses={201: ExperimentSerializer})
    @repeatable(ExperimentSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(CloneSerializer)
        clone = experiments.clone_experiment(
            self.item,
            self.caller,
            self.strategy,
            content=values.get("content"),
            update_code=values["update_code"],
            description=values.get("description"),
            ttl=values.get("ttl"),
        )
        context = {**self.get_serializer_context(), "metrics": {}}
        return Response(ExperimentSerializer(clone, context=context).data, status=status.HTTP_201_CREATED)


class _ManyView(ProjectView):
    """Several experiments of a project; ids that it does not have are passed over."""

    serializer_class = IdsSerializer

    def chosen(self) -> QuerySet[Experiment]:
        ids = self.valid(IdsSerializer)["ids"]
        return Experiment.objects.filter(project=self.project, deleted=False, pk__in=ids)


class StopManyView(_ManyView):
    @extend_schema(responses={200: None})
    def post(self, request: Request, **kwargs: Any) -> Response:
        for experiment in self.chosen():
            runs.request_stop(experiment, self.caller)
        return Response(None)


class DeleteManyView(_ManyView):
    deletes_what_is_named = True

    @extend_schema(request=IdsSerializer, responses={200: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        for experiment in self.chosen():
            runs.archive(experiment, self.caller, delete=True)
        return Response(None)
