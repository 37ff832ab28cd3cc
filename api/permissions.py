"""What the one who asks may read and write, decided on querysets so that nothing leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission

from api.authentication import InternalUser, run_token
from polyaxon.db.models import Project, Token
from polyaxon.security.permissions import may, permitted_projects, visible_projects
from polyaxon.security.scopes import SCOPES, Verb, allows

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from polyaxon.db.models.abstract import ArchivableQuerySet, Stateful

RUN_ONLY = "The token of a run writes to that run only."

_NEEDED = {
    Verb.RUN: "a role from contributor up",
    Verb.MAINTAIN: "a role from maintainer up",
    Verb.ADMIN: "its owner or an admin of it",
}


class RunTokenKeepsToItsRun(BasePermission):
    """A run's token reads what its user reads; writing needs a view that checks which run is written to."""

    message = RUN_ONLY

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS or run_token(request) is None:
            return True
        return bool(getattr(view, "run_token_writes", False))


class StaffOnly(BasePermission):
    """Staff and superusers of the platform."""

    message = "Only administrators of the platform may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        del view
        return bool(request.user and (request.user.is_staff or request.user.is_superuser))


def readable_projects(request: Request) -> ArchivableQuerySet[Project]:
    """Live projects that the one who asks may read."""
    if isinstance(request.user, InternalUser):
        return Project.objects.live()
    return visible_projects(request.user)


def writable_archived_projects(request: Request) -> ArchivableQuerySet[Project]:
    """Archived projects that are not to be deleted, for those who may restore them."""
    if isinstance(request.user, InternalUser):
        return Project.objects.none()
    return permitted_projects(request.user, Verb.ADMIN).archived().filter(delete_requested_at=None)


def default_verb(request: Request) -> Verb:
    """What a request below a project does when its view says nothing else: POST starts something new."""
    if request.method in SAFE_METHODS:
        return Verb.READ
    return Verb.RUN if request.method == "POST" else Verb.MAINTAIN


def check_scopes(request: Request, verb: Verb) -> None:
    """Raise 403 when the caller came with a token whose scopes do not reach as far as `verb`."""
    token = request.auth
    if not isinstance(token, Token) or allows(token.scopes, verb):
        return
    needed = next(scope for scope, most in SCOPES.items() if most is verb)
    raise PermissionDenied(f"This needs a token with the scope `{needed}`; this one has {', '.join(token.scopes)}.")


def check_write(request: Request, project: Project, item: Stateful | None = None, verb: Verb | None = None) -> None:
    """Raise 403 unless the one who asks may do `verb` to `project`, or, being a run, to this `item` of it."""
    if isinstance(request.user, InternalUser):
        return
    verb = verb or default_verb(request)
    token = run_token(request)
    if token is not None and (item is None or item.uuid != token.run):
        raise PermissionDenied(RUN_ONLY)
    check_scopes(request, verb)
    if isinstance(request.user, AnonymousUser) or not may(request.user, project, verb):
        raise PermissionDenied(f"Changing this project so needs {_NEEDED.get(verb, 'the right to read it')}.")
