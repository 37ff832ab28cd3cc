"""Permissions as querysets: what a user may see and change. Each is one query, however many teams there are."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from polyaxon.db.models import MemberRole, Membership, Organization, Project, TeamProject, User
from polyaxon.db.models.abstract import ArchivableQuerySet
from polyaxon.db.prepared import Prepared
from polyaxon.security.scopes import Verb, roles_for

Caller = User | AnonymousUser


def permitted_projects(user: Caller, verb: Verb) -> ArchivableQuerySet[Project]:
    """Projects, archived ones too, to which `user` may do `verb`."""
    projects = Project.objects.all()
    if not user.is_authenticated:
        return projects.none()
    return projects if is_platform_admin(user) else projects.filter(_granted(user, verb))


def visible_projects(user: Caller) -> ArchivableQuerySet[Project]:
    """Live projects that `user` may read: public, own, and those of their organizations and teams; staff see all."""
    return permitted_projects(user, Verb.READ).live()


def may(user: Caller, project: Project, verb: Verb) -> bool:
    """Whether `user` may do `verb` to `project`. Asks the database only about people who do not own it."""
    if not user.is_authenticated:
        return False
    if is_platform_admin(user) or project.owner.user_id == user.pk or (verb is Verb.READ and project.is_public):
        return True
    return _is_permitted(user, project.pk, verb)


def may_read(user: Caller, project: Project | None) -> bool:
    """Whether there is a `project` that `user` may read. Takes equally long when there is none and when not."""
    if project is None:
        _is_permitted(user, 0, Verb.READ)
        return False
    return may(user, project, Verb.READ)


def may_write(user: Caller, project: Project) -> bool:
    """Whether `user` may change `project` and its items."""
    return may(user, project, Verb.MAINTAIN)


def visible_organizations(user: Caller) -> Q:
    """Condition on `Organization`: those of which `user` is a member."""
    if is_platform_admin(user):
        return Q()
    return Q(pk__in=Membership.objects.filter(user=user.pk).values("organization"))


def visible_owners(user: Caller) -> Q:
    """Condition on `Owner`: every user, and the organizations of which `user` may know.

    Those are the ones that `user` is a member of, and those with a project that `user` may read.
    """
    if is_platform_admin(user):
        return Q()
    known = Organization.objects.filter(visible_organizations(user)).values("owner")
    return Q(organization=None) | Q(pk__in=known) | Q(pk__in=visible_projects(user).values("owner"))


def creating_owners(user: Caller) -> Q:
    """Condition on `Owner`: names under which `user` may create projects."""
    own = Q(user=user.pk)
    return own | (Q(organization__isnull=False) if is_platform_admin(user) else Q(pk__in=_led_by(user)))


def leads(user: Caller, organization: Organization) -> bool:
    """Whether `user` may change the organization, its members and teams."""
    return is_platform_admin(user) or organization.memberships.filter(user=user.pk, role=MemberRole.OWNER).exists()


def is_platform_admin(user: Caller) -> bool:
    return bool(user.is_staff or user.is_superuser)


def _is_permitted(user: Caller, project: int, verb: Verb) -> bool:
    return bool(user.pk and _permitted(verb).first(project=project, user=user.pk))


@cache
def _permitted(verb: Verb) -> Prepared[Project]:
    def build(project: int, user: int) -> ArchivableQuerySet[Project]:
        return permitted_projects(User(pk=user), verb).filter(pk=project).only("pk")

    return Prepared(build, project=int, user=int)


def _granted(user: Caller, verb: Verb) -> Q:
    by_team = TeamProject.objects.filter(team__members__user=user.pk, role__in=roles_for(verb))
    granted = Q(owner__user=user) | Q(owner__in=_led_by(user)) | Q(pk__in=by_team.values("project"))
    return granted | Q(is_public=True) if verb is Verb.READ else granted


def _led_by(user: Caller) -> Any:
    """Owner ids of the organizations that `user` owns."""
    rows = Membership.objects.filter(user=user.pk, role=MemberRole.OWNER)
    return rows.values("organization__owner")
