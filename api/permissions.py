"""What the one who asks may read and write, decided on querysets so that nothing leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission

from api.authentication import InternalUser, run_token
from polyaxon.db.models import Project
from polyaxon.security.permissions import is_platform_admin, may_write, visible_projects

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from polyaxon.db.models.abstract import ArchivableQuerySet, Stateful

RUN_ONLY = "The token of a run writes to that run only."


class RunTokenKeepsToItsRun(BasePermission):
    """A run's token reads what its user reads; writing needs a view that checks which run is written to."""

    message = RUN_ONLY

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS or run_token(request) is None:
            return True
        return bool(getattr(view, "run_token_writes", False))


def readable_projects(request: Request) -> ArchivableQuerySet[Project]:
    """Live projects that the one who asks may read."""
    if isinstance(request.user, InternalUser):
        return Project.objects.live()
    return visible_projects(request.user)


def writable_archived_projects(request: Request) -> ArchivableQuerySet[Project]:
    """Archived projects that are not to be deleted, for those who may restore them."""
    projects = Project.objects.archived().filter(delete_requested_at=None)
    if isinstance(request.user, AnonymousUser):
        return projects.none()
    return projects if is_platform_admin(request.user) else projects.filter(owner__user=request.user)


def check_write(request: Request, project: Project, item: Stateful | None = None) -> None:
    """Raise 403 unless the one who asks may change `project`, or, being a run, this `item` of it."""
    if isinstance(request.user, InternalUser):
        return
    token = run_token(request)
    if token is not None and (item is None or item.uuid != token.run):
        raise PermissionDenied(RUN_ONLY)
    if not may_write(request.user, project):
        raise PermissionDenied("Only the owner of a project may change it.")
