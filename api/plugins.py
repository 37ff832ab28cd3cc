"""What the resources of notebooks and tensorboards have in common."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from api import query
from api.experiments.views import LIST_PARAMETERS
from api.fields import JSONObjectField, TagsField, TextField
from api.items import DetailView, checked_file
from api.run_fields import BuildJobField, ItemSerializer, ResourcesField
from api.views import ProjectView
from polyaxon.actions.plugins import NewPlugin
from polyaxon.db.models.abstract import NAME_LENGTH

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

    from api.query.compiler import Fields
    from polyaxon.db.models.plugins import Plugin

PLUGIN_FIELDS = (
    "id",
    "uuid",
    "name",
    "unique_name",
    "pod_id",
    "build_job",
    "node_scheduled",
    "user",
    "description",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
    "last_status",
    "tags",
    "project",
)
STARTED_FIELDS = (
    "id",
    "user",
    "name",
    "description",
    "project",
    "unique_name",
    "content",
    "pod_id",
    "build_job",
    "last_status",
    "tags",
)


class PluginSerializer(ItemSerializer):
    """Reading a notebook or tensorboard."""

    pod_id = serializers.CharField(read_only=True)
    build_job = BuildJobField()


class PluginDetailSerializer(PluginSerializer):
    resources = ResourcesField()


class NewPluginSerializer(serializers.Serializer[Any]):
    """What is started. Clients send nulls for what they do not set."""

    content = TextField()
    name = TextField(max_length=NAME_LENGTH)
    description = TextField()
    tags = TagsField()
    data_refs = JSONObjectField(required=False, allow_null=True)

    def validate_content(self, value: str | None) -> str | None:
        return value or None


class ChangedPluginSerializer(serializers.Serializer[Any]):
    """What may be changed. Only what is sent counts; times and status are the platform's."""

    name = TextField(max_length=NAME_LENGTH)
    description = TextField()
    tags = TagsField()
    content = TextField()
    node_scheduled = TextField(max_length=256)
    merge = serializers.BooleanField(required=False)


def listed(rows: QuerySet[Any]) -> QuerySet[Any]:
    """`rows` with what a list shows of them."""
    heavy = ("content", "readme", "run_env", "data_refs", "resources", "status_message", "definition")
    return rows.select_related("user", "project__owner").defer(*heavy)


class PluginsView(ProjectView):
    """Notebooks, or tensorboards, of a project."""

    lists = True
    model: ClassVar[type[Plugin]]
    fields: ClassVar[Fields]
    row: ClassVar[type[PluginSerializer]]

    @extend_schema(parameters=LIST_PARAMETERS)
    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = query.filtered(
            self.model.objects.filter(project=self.project, deleted=False),
            request.query_params.get("query"),
            self.fields,
        )
        return self.paged(listed(query.ordered(rows, request.query_params.get("sort"))), self.row)


class PluginView(DetailView):
    """One notebook or tensorboard."""

    kind: ClassVar[str]

    def complete(self, changes: dict[str, Any]) -> None:
        checked_file(changes, kind=self.kind)


def new_plugin(values: dict[str, Any]) -> NewPlugin:
    """The checked body of a start."""
    return NewPlugin(**values)


def started(row: Plugin, serializer: type[PluginSerializer], *, new: bool) -> Response:
    """201 for a new one, 200 for one that is active already."""
    return Response(serializer(row).data, status=status.HTTP_201_CREATED if new else status.HTTP_200_OK)
