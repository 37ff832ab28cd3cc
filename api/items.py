"""Views that experiments, groups and jobs share."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_view,
    inline_serializer,
)
from rest_framework import status
from rest_framework.response import Response
from rest_framework.serializers import CharField, ListField

from api.activity.viewed import record_view
from api.authentication import SERVICE_AUTHENTICATION
from api.batches import BATCH, batch_of
from api.errors import invalid
from api.fields import hex_uuid
from api.files import attachment, file_attachment, log_answer
from api.inflating import plain_body
from api.parsers import checked, loads
from api.serializers import (
    NO_CODE_REFERENCE,
    CodeReferenceSerializer,
    NewStatusSerializer,
    NoCodeReferenceSerializer,
)
from api.views import Item, ItemView, no_body
from polyaxon import storage
from polyaxon.actions import code, runs
from polyaxon.actions.creation import asked_columns
from polyaxon.actions.logs import append_lines
from polyaxon.actions.names import free_name
from polyaxon.actions.specs import check_renders, parse_content
from polyaxon.actions.statuses import set_status
from polyaxon.errors import InvalidInput
from polyaxon.security.scopes import Verb
from polyaxon.stores import OutputsNotFound

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase
    from rest_framework.request import Request
    from rest_framework.serializers import Serializer

    from polyaxon.db.models.abstract import Stateful

PATH = OpenApiParameter("path", str, description="Relative to the run's outputs.")
TAIL = OpenApiParameter("tail", int, description="Only this many lines from the end.")
RANGE = OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="`bytes=N-`: from byte N on.")
MISSING = {"anyOf": [{"$ref": "#/components/schemas/Detail"}, {"type": "string"}]}  # the file, or what it is of
FILE = {(200, "*/*"): OpenApiTypes.BINARY, 404: MISSING}
ARCHIVE = {(200, "application/gzip"): OpenApiTypes.BINARY}
TREE = inline_serializer(
    "OutputsTree",
    {
        "files": ListField(child=ListField(min_length=2, max_length=2), help_text="Name and bytes of each."),
        "dirs": ListField(child=CharField()),
    },
)
LOG = {(200, "text/plain"): str, (206, "text/plain"): str, 416: None}
ANY_CODE_REFERENCE = PolymorphicProxySerializer(
    "AnyCodeReference", [CodeReferenceSerializer, NoCodeReferenceSerializer], None
)


def update_item(view: ItemView, changes: dict[str, Any]) -> None:
    """Apply a PATCH or PUT: `merge` adds to tags, params and data references; a taken name gets a number."""
    merge = bool(changes.pop("merge", False))
    if "name" in changes:
        changes["name"] = free_name(view.model, view.project.pk, changes["name"])
    if changes.get("is_managed") and view.item.content is None:
        raise InvalidInput("Without `content` there is nothing that the platform could run.", field="is_managed")
    runs.update(view.item, view.actor, changes, merge=merge)


class DetailView(ItemView):
    """One row of a project: read, changed, deleted."""

    # The serializer of what may be changed.
    changed: ClassVar[type[Serializer[Any]]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Have the description say what a change is made of."""
        super().__init_subclass__(**kwargs)
        if "changed" in cls.__dict__:
            described = extend_schema(request=cls.changed)
            extend_schema_view(patch=described, put=described)(cls)

    def get(self, request: Request, **kwargs: Any) -> Response:
        record_view(request, self.item)
        return self.detail()

    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        runs.archive(self.item, self.actor, delete=True)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self) -> Response:
        changes = self.valid(self.changed)
        self.complete(changes)
        update_item(self, changes)
        return self.detail()

    def complete(self, changes: dict[str, Any]) -> None:
        """Replace ids by rows; raise for what this kind does not take."""

    def detail(self) -> Response:
        return Response(self.get_serializer(self.item).data)


def checked_file(changes: dict[str, Any], *, kind: str) -> None:
    """Check the file among `changes` and derive from it what the row says of it. Raises `InvalidInput`."""
    if "content" not in changes:
        return
    if not changes["content"]:
        raise InvalidInput("The content cannot be removed.", field="content")
    changes.update(asked_columns(check_renders(parse_content(changes["content"], kind=kind))))


class ArchiveView(ItemView):
    """Hides a run and stops it."""

    run_token_writes = False
    verbs = {"POST": Verb.MAINTAIN}

    @no_body
    def post(self, request: Request, **kwargs: Any) -> Response:
        runs.archive(self.item, self.caller)
        return Response(None)


class RestoreView(ItemView):
    """Shows an archived run again."""

    run_token_writes = False
    verbs = {"POST": Verb.MAINTAIN}
    finds_archived = True

    @no_body
    def post(self, request: Request, **kwargs: Any) -> Response:
        runs.restore(self.item, self.caller)
        return Response(None)


class StopView(ItemView):
    """Asks a run to end."""

    @no_body
    def post(self, request: Request, **kwargs: Any) -> Response:
        runs.request_stop(self.item, self.caller)
        return Response(None)


class HeartbeatView(ItemView):
    """A sign of life."""

    authentication_classes = SERVICE_AUTHENTICATION
    throttle_classes = ()

    @no_body
    def post(self, request: Request, **kwargs: Any) -> Response:
        runs.beat(self.item)
        return Response(None)


class StatusesView(ItemView):
    """History of statuses, oldest first. A POST sets the next one."""

    lists = True
    authentication_classes = SERVICE_AUTHENTICATION

    @property
    def subject(self) -> Stateful:
        """Whose statuses these are."""
        item: Item = self.item
        return item

    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.paged(self.subject.statuses.order_by("id"), self.serializer_class)  # type: ignore[attr-defined, arg-type]

    @extend_schema(request=NewStatusSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self._posted()
        record = self._set(values)
        if record is None:
            raise InvalidInput(
                f"The status cannot change from {self.subject.status} to {values['status']}: "
                "the platform runs this itself, and only moves that its lifecycle allows are made.",
                field="status",
            )
        serializer = self.get_serializer(record)
        return Response(serializer.data, status=status.HTTP_201_CREATED)

    def get_serializer_context(self) -> dict[str, Any]:
        context = super().get_serializer_context()
        subject = getattr(self, "item", None) and self.subject
        return {**context, "statuses": subject.LIFECYCLE.values if subject else frozenset()}

    def _posted(self) -> dict[str, Any]:
        return self.valid(NewStatusSerializer)

    def _set(self, values: dict[str, Any]) -> Any:
        return set_status(
            self.subject,
            values["status"],
            message=values.get("message"),
            traceback=values.get("traceback"),
            details=values.get("details"),
            at=values.get("created_at"),
            # Of a run that it does not manage the platform knows only what its client says.
            enforce=bool(self.item.is_managed),
        )


class StatusView(ItemView):
    """One status."""

    def get(self, request: Request, **kwargs: Any) -> Response:
        record = self.item.statuses.filter(uuid=hex_uuid(self.kwargs["uuid"])).first()
        if record is None:
            raise Http404("There is no such status.")
        return Response(self.get_serializer(record).data)


class CodeReferenceView(ItemView):
    """The commit that a run stands on."""

    serializer_class = CodeReferenceSerializer
    related = (*ItemView.related, "code_reference")

    @extend_schema(responses=ANY_CODE_REFERENCE)
    def get(self, request: Request, **kwargs: Any) -> Response:
        reference = self.item.code_reference
        return Response(self.get_serializer(reference).data if reference else NO_CODE_REFERENCE)

    def post(self, request: Request, **kwargs: Any) -> Response:
        reference = code.attach(self.item, self.valid(CodeReferenceSerializer))
        return Response(self.get_serializer(reference).data, status=status.HTTP_201_CREATED)


class LogsView(ItemView):
    """A run's log: whole, its end, or from a byte on."""

    throttle_classes = ()

    @extend_schema(parameters=[TAIL, RANGE], responses=LOG)
    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        name = f"{self.item.unique_name.replace('.', '_')}.log"
        return log_answer(request, storage.logs(), self.log_path, name)

    @property
    def log_path(self) -> str:
        """Place of the log."""
        return str(self.item.sub_path)


class WritableLogsView(LogsView):
    """A run's log. POST adds lines to the log of a run that the platform does not manage."""

    @extend_schema(
        parameters=[BATCH],
        request={"application/json": {"type": "array", "items": {"type": "string"}}},
        responses={200: None},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        append_lines(self.item, _lines(_posted_lines(request)), batch=batch_of(request))
        return Response(None)


def _posted_lines(request: Request) -> Any:
    """Lines come often and in bulk, so they may come compressed."""
    if "Content-Encoding" not in request.headers:
        return request.data
    body = plain_body(request)
    return checked(loads(body), nul=b"\\u0000" in body)


def _lines(body: Any) -> list[str]:
    lines = [body] if isinstance(body, str) else body
    if not isinstance(lines, list) or not lines or not all(isinstance(line, str) for line in lines):
        raise InvalidInput("Log lines are sent as a JSON text or a list of texts, at least one.")
    return lines


class OutputsTreeView(ItemView):
    """Files and folders of one folder of the outputs."""

    @extend_schema(parameters=[PATH], responses=TREE)
    def get(self, request: Request, **kwargs: Any) -> Response:
        try:
            tree = storage.outputs().tree(outputs_path(self.item), request.query_params.get("path", ""))
        except OutputsNotFound as error:
            return invalid(error)
        return Response({"files": [[name, size] for name, size in tree.files], "dirs": tree.dirs})


class OutputsFileView(ItemView):
    """One file of the outputs."""

    @extend_schema(parameters=[PATH], responses=FILE)
    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        path = request.query_params.get("path", "")
        if not path:
            raise InvalidInput("Name a file with `?path=`.")
        file, size = storage.outputs().open(outputs_path(self.item), path)
        return file_attachment(file, size, path)


class OutputsDownloadView(ItemView):
    """All outputs as tar.gz."""

    @extend_schema(responses=ARCHIVE)
    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        try:
            pieces = storage.outputs().archive(outputs_path(self.item))
        except OutputsNotFound as error:
            return invalid(error)
        return attachment(pieces, f"{self.item.unique_name.replace('.', '_')}.tar.gz")


def outputs_path(item: Any) -> str:
    """Where the outputs of a run are: a resumed run goes on in its original's folder."""
    owner = item.outputs_owner
    if owner is not item and owner.project_id == item.project_id:
        owner.project = item.project
    return str(owner.sub_path)
