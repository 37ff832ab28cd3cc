"""What a user has archived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from drf_spectacular.utils import extend_schema

from api import query
from api.bookmarks.views import SORT
from api.kinds import KINDS, Kind, asked_user
from api.permissions import readable_projects, writable_archived_projects
from api.views import BaseView
from polyaxon.db.models import Project

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class ArchivesView(BaseView):
    """Archived rows of one kind that a user made. What is to be deleted cannot be restored, so it is not shown."""

    lists = True
    kind: Kind = KINDS["projects"]

    @extend_schema(parameters=[SORT])
    def get(self, request: Request, username: str) -> Response:
        user = asked_user(request, username)
        rows = self.kind.model.objects.filter(deleted=True, delete_requested_at=None)
        rows = rows.filter(self._permitted(), user=user) if user else rows.none()
        page = self.paginate_queryset(self.kind.listed(query.ordered(rows, request.query_params.get("sort")))) or []
        context = {**self.get_serializer_context(), **self.kind.context(page)}
        return self.get_paginated_response(self.get_serializer_class()(page, many=True, context=context).data)

    def _permitted(self) -> Q:
        """Who made a row may have lost the right to see it."""
        archived = writable_archived_projects(self.request)
        if self.kind.model is Project:
            return Q(pk__in=archived)
        return Q(project__in=readable_projects(self.request)) | Q(project__in=archived)
