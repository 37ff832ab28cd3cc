"""Permissions as querysets: what a user may see and change."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from polyaxon.db.models import Project, User
from polyaxon.db.models.abstract import ArchivableQuerySet


def visible_projects(user: User | AnonymousUser) -> ArchivableQuerySet[Project]:
    """Live projects that `user` may read: their own and public ones; staff see all."""
    projects = Project.objects.live()
    if not user.is_authenticated:
        return projects.none()
    if is_platform_admin(user):
        return projects
    return projects.filter(Q(is_public=True) | Q(owner__user=user))


def may_write(user: User | AnonymousUser, project: Project) -> bool:
    """Whether `user` may change `project` and its items."""
    if not user.is_authenticated:
        return False
    return is_platform_admin(user) or project.owner.user_id == user.pk


def is_platform_admin(user: User | AnonymousUser) -> bool:
    return bool(user.is_staff or user.is_superuser)
