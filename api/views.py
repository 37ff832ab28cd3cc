"""Bases of the views: limits and checks first, then the project or item that the address names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated

from api.authentication import USER_AUTHENTICATION
from api.errors import LengthRequired, TooLarge
from api.finders import find_item, find_project
from api.pagination import Pagination
from api.permissions import (
    RunTokenKeepsToItsRun,
    check_scopes,
    check_write,
    default_verb,
)
from api.renderers import JSONWhateverIsAccepted
from api.schema import Schema
from api.throttling import AnonymousRate, InternalRate, UserRate
from polyaxon.db.models import BuildJob, Experiment, ExperimentGroup, Job, NotebookJob, Project, TensorboardJob, User
from polyaxon.security.scopes import Verb
from polyaxon.stores.errors import human_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.request import Request
    from rest_framework.response import Response
    from rest_framework.serializers import BaseSerializer
    from rest_framework.throttling import BaseThrottle

Item = Experiment | ExperimentGroup | Job | BuildJob | NotebookJob | TensorboardJob

# For routes whose request and answer have no body.
no_body = extend_schema(request=None, responses={200: None})


class BaseView(GenericAPIView[Any]):
    """Refuses bodies that are too large before they are read."""

    authentication_classes: Sequence[type[BaseAuthentication]] = USER_AUTHENTICATION
    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticated, RunTokenKeepsToItsRun)
    throttle_classes: Sequence[type[BaseThrottle]] = (AnonymousRate, UserRate, InternalRate)
    content_negotiation_class = JSONWhateverIsAccepted
    pagination_class = Pagination
    lists = False  # whether GET answers with a page
    schema = Schema()
    queryset: QuerySet[Any] | None = Project.objects.none()  # OpenAPI reads the types of path parameters from it
    # What methods take, where it is not the default of `verb`.
    verbs: ClassVar[Mapping[str, Verb]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.check_length(request)
        super().initial(request, *args, **kwargs)

    def verb(self, request: Request) -> Verb:
        """What the request takes of role and token scopes. Outside of projects every change is the admins' kind."""
        default = Verb.READ if request.method in SAFE_METHODS else Verb.ADMIN
        return self.verbs.get(request.method or "", default)

    def least_verb(self, request: Request) -> Verb:
        """The same as far as it can be told before anything is looked up."""
        return self.verb(request)

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        check_scopes(request, self.least_verb(request))

    def max_bytes(self) -> int:
        """Most bytes of a body."""
        return int(settings.CONFIG.limits.body_max_bytes)

    def check_length(self, request: Request) -> None:
        """Raise 413 or 411 by what the headers say."""
        length = request.META.get("CONTENT_LENGTH") or ""
        if not length and request.META.get("HTTP_TRANSFER_ENCODING"):
            raise LengthRequired
        if length.isdecimal() and int(length) > self.max_bytes():
            limit = human_bytes(self.max_bytes())
            raise TooLarge(f"The body has {human_bytes(int(length))}; at most {limit} are accepted here.")

    @property
    def caller(self) -> User:
        """The user who asks. Only for views that no service may use."""
        return cast("User", self.request.user)

    @property
    def actor(self) -> User | None:
        """The user who asks; None for a service."""
        user = self.request.user
        return user if isinstance(user, User) else None

    def paged(self, rows: Any, serializer: type[BaseSerializer[Any]], **context: Any) -> Response:
        """The page of `rows` that the request asks for."""
        page = self.paginate_queryset(rows)
        data = serializer(page, many=True, context={**self.get_serializer_context(), **context}).data
        return self.get_paginated_response(data)

    def valid(self, serializer: type[BaseSerializer[Any]], **options: Any) -> dict[str, Any]:
        """The body as `serializer` understands it. Raises 400."""
        checked = serializer(data=self.request.data, context=self.get_serializer_context(), **options)
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)


class ProjectView(BaseView):
    """Below `/{owner}/{project}`. An unreadable project is answered as one that does not exist."""

    project: Project
    # Methods other than reading that every reader may use.
    reader_methods: ClassVar[frozenset[str]] = frozenset()
    # Also finds what is archived: restore.
    finds_archived: ClassVar[bool] = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if hasattr(self, (request.method or "").lower()):  # otherwise 405
            self.load(request)

    def load(self, request: Request) -> None:
        """Find the project, and refuse writing to those who may only read it."""
        self.project = self.find_project(request)
        if self.writes(request):
            check_write(request, self.project, verb=self.verb(request))

    def verb(self, request: Request) -> Verb:
        return self.verbs.get(request.method or "", default_verb(request))

    def least_verb(self, request: Request) -> Verb:
        # What every reader may do, such as bookmarking, is still no reading.
        return Verb.READ if request.method in SAFE_METHODS else Verb.RUN

    def writes(self, request: Request) -> bool:
        return request.method not in SAFE_METHODS and request.method not in self.reader_methods

    def find_project(self, request: Request) -> Project:
        names = (self.kwargs["owner"], self.kwargs["project"])
        project = find_project(request.user, *names, archived=self.finds_archived)
        if project is None:
            raise Http404("There is no such project.")
        return project


class ItemView(ProjectView):
    """Below one experiment, group or job: project and item in one query."""

    model: type[Item] = Experiment
    run_token_writes = True  # to itself: checked once the item is known; deleting is the user's
    related: ClassVar[tuple[str, ...]] = ("user", "project__owner", "project__user")
    # Columns to load; all if empty.
    columns: ClassVar[tuple[str, ...]] = ()
    item: Any

    def load(self, request: Request) -> None:
        self.item = self.find_item(request)
        self.project = self.item.project
        if self.writes(request):
            by_run = self.run_token_writes and request.method != "DELETE"
            check_write(request, self.project, self.item if by_run else None, self.verb(request))

    def verb(self, request: Request) -> Verb:
        """Who starts a run also describes it: tags, params and metrics of one's own take no more than running."""
        default = super().verb(request)
        own = request.method in ("PATCH", "PUT") and self.item.user_id == request.user.pk
        return Verb.RUN if own and request.method not in self.verbs else default

    def find_item(self, request: Request) -> Item:
        address = (self.kwargs["owner"], self.kwargs["project"], int(self.kwargs["id"]))
        item: Item | None = find_item(
            request.user, self.model, address, self.related, self.columns, archived=self.finds_archived
        )
        if item is None:
            raise Http404(f"The project has no {self.model._meta.verbose_name} {self.kwargs['id']}.")
        return item
