"""Catalogs. One set of views for all of them; the address says which."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from api.catalogs.serializers import EntryNameSerializer, SecretSerializer
from api.pagination import LargePagination
from api.permissions import RunTokenKeepsToItsRun
from api.platform.access import AdminsWrite, NeverUnauthorized
from polyaxon import options
from polyaxon.actions import catalogs
from polyaxon.db.models import CatalogEntry, GitAccess, K8SSecret, RegistryAccess

if TYPE_CHECKING:
    from rest_framework.request import Request

DEFAULTS: dict[type[CatalogEntry], str] = {GitAccess: "ACCESS:GIT", RegistryAccess: "ACCESS:REGISTRY"}


class _CatalogView(NeverUnauthorized):
    permission_classes = (IsAuthenticated, RunTokenKeepsToItsRun, AdminsWrite)
    queryset = K8SSecret.objects.none()
    serializer_class: Any = SecretSerializer
    model: type[CatalogEntry] = K8SSecret

    def entries(self) -> QuerySet[Any]:
        return self.model._default_manager.filter(deleted=False)

    def get_serializer_context(self) -> dict[str, Any]:
        key = DEFAULTS.get(self.model)
        return {**super().get_serializer_context(), "default": options.value(key) if key else None}


class CatalogView(_CatalogView):
    """Entries of a catalog, the last changed first."""

    lists = True

    def get(self, request: Request) -> Response:
        return self.paged(self.entries().order_by("-updated_at", "-id"), self.serializer_class)

    def post(self, request: Request) -> Response:
        entry = catalogs.create_entry(self.model, self.valid(self.serializer_class))
        return Response(self.get_serializer(entry).data, status=status.HTTP_201_CREATED)


class CatalogNamesView(_CatalogView):
    """Names of all entries."""

    lists = True
    serializer_class = EntryNameSerializer
    pagination_class = LargePagination

    def get(self, request: Request) -> Response:
        return self.paged(self.entries().order_by("-updated_at", "-id").values("id", "name"), EntryNameSerializer)


class CatalogEntryView(_CatalogView):
    """One entry."""

    def get(self, request: Request, name: str) -> Response:
        return Response(self.get_serializer(self.entry(name)).data)

    def patch(self, request: Request, name: str) -> Response:
        return self._change(name, partial=True)

    def put(self, request: Request, name: str) -> Response:
        return self._change(name, partial=False)

    def delete(self, request: Request, name: str) -> Response:
        self.entry(name).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def entry(self, name: str) -> CatalogEntry:
        entry: CatalogEntry | None = self.entries().filter(name=name).first()
        if entry is None:
            raise Http404(f"The catalog has no entry {name}.")
        return entry

    def _change(self, name: str, *, partial: bool) -> Response:
        entry = self.entry(name)
        changed = catalogs.update_entry(entry, self.valid(self.serializer_class, partial=partial))
        return Response(self.get_serializer(changed).data)
