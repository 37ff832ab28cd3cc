"""Bookmarks: setting and removing them, and their lists."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import Q
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from api import query
from api.kinds import KINDS, Kind, asked_user, reshaped
from api.permissions import readable_projects
from api.views import BaseView, ItemView, ProjectView
from polyaxon.actions.bookmarks import add_bookmark, remove_bookmark
from polyaxon.db.models import Bookmark, Project
from polyaxon.db.models.bookmarks import kind_of

if TYPE_CHECKING:
    from django.db import models
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer

SORT = OpenApiParameter("sort", str, description="`created_at` or `updated_at`, with `-` the last one first.")


def content_serializer(kind: Kind) -> type[BaseSerializer[Any]]:
    """`{"content_object": row}`, the row without `bookmarked`: here it always is."""
    row = reshaped(kind, "Plain", leave_out=("bookmarked",))
    fields = {"content_object": row(source="*", read_only=True)}
    return type(f"Bookmarked{kind.serializer.__name__}", (serializers.Serializer,), fields)


class _SubjectMixin(ProjectView):
    """Readers may bookmark what they read. A run has no bookmarks."""

    reader_methods: ClassVar[frozenset[str]] = frozenset({"POST", "DELETE"})
    run_token_writes = False

    def subject(self) -> models.Model:
        return self.project


class _MarkMixin(_SubjectMixin):
    @extend_schema(request=None, responses={201: None})
    def post(self, request: Request, **kwargs: Any) -> Response:
        add_bookmark(self.caller, self.subject())
        return Response(None, status=status.HTTP_201_CREATED)


class _UnmarkMixin(_SubjectMixin):
    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        if not remove_bookmark(self.caller, self.subject()):
            raise Http404("You have never bookmarked this.")
        return Response(status=status.HTTP_204_NO_CONTENT)


class _ItemMixin(ItemView):
    run_token_writes = False

    def subject(self) -> models.Model:
        item: models.Model = self.item
        return item


class BookmarkProjectView(_MarkMixin):
    """Bookmarks a project for the caller."""


class UnbookmarkProjectView(_UnmarkMixin):
    """Removes the caller's bookmark of a project."""


class BookmarkView(_ItemMixin, _MarkMixin):
    """Bookmarks an item for the caller."""


class UnbookmarkView(_ItemMixin, _UnmarkMixin):
    """Removes the caller's bookmark of an item."""


class BookmarksView(BaseView):
    """What a user has bookmarked of one kind, as far as it is there and the caller may read it."""

    lists = True
    kind: Kind = KINDS["projects"]

    @extend_schema(parameters=[SORT])
    def get(self, request: Request, username: str) -> Response:
        model = self.kind.model
        user = asked_user(request, username)
        rows = Bookmark.objects.filter(user=user, kind=kind_of(model), enabled=True, object_id__in=self._shown())
        marks = self.paginate_queryset(query.ordered(rows, request.query_params.get("sort"))) or []
        ids = [mark.object_id for mark in marks]
        found = {row.pk: row for row in self.kind.listed(model.objects.filter(pk__in=ids))}
        page = [found[pk] for pk in ids if pk in found]
        context = {**self.get_serializer_context(), **self.kind.context(page)}
        return self.get_paginated_response(self.get_serializer_class()(page, many=True, context=context).data)

    def _shown(self) -> Any:
        projects = readable_projects(self.request)
        if self.kind.model is Project:
            return projects.values("pk")
        return self.kind.model.objects.filter(Q(project__in=projects), deleted=False).values("pk")
