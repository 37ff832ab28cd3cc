"""Saved queries: each caller has their own."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from api import query
from api.bookmarks.views import SORT
from api.fields import TextField
from api.pagination import LargePagination
from api.views import ProjectView
from polyaxon.actions import searches
from polyaxon.db.models import Search
from polyaxon.db.models.abstract import NAME_LENGTH
from polyaxon.security.scopes import Verb

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


class SearchSerializer(serializers.ModelSerializer[Search]):
    class Meta:
        model = Search
        fields = ("id", "name", "query", "meta")


class NewSearchSerializer(serializers.Serializer[Any]):
    name = TextField(max_length=NAME_LENGTH)
    query = serializers.JSONField()
    meta = serializers.JSONField(required=False, allow_null=True, default=dict)


class _SearchMixin(ProjectView):
    kind = ""

    def mine(self) -> QuerySet[Search]:
        return Search.objects.filter(user=self.caller, project=self.project, kind=self.kind)


class SearchesView(_SearchMixin):
    """The caller's searches of one list of a project."""

    lists = True
    pagination_class = LargePagination
    serializer_class = SearchSerializer

    @extend_schema(parameters=[SORT])
    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.paged(query.ordered(self.mine(), request.query_params.get("sort")), SearchSerializer)

    @extend_schema(request=NewSearchSerializer, responses={201: SearchSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(NewSearchSerializer)
        search = searches.save_search(
            self.project,
            self.caller,
            self.kind,
            query=values["query"],
            name=values.get("name"),
            meta=values["meta"],
        )
        return Response(SearchSerializer(search).data, status=status.HTTP_201_CREATED)


class SearchView(_SearchMixin):
    """One saved query of the caller."""

    verbs = {"DELETE": Verb.RUN}  # one's own

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        search = self.mine().filter(pk=self.kwargs["search_id"]).first()
        if search is None:
            raise Http404(f"You have no search {self.kwargs['search_id']} of {self.kind} here.")
        searches.delete_search(search, self.caller)
        return Response(status=status.HTTP_204_NO_CONTENT)
