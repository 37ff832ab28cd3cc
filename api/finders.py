"""The queries by which requests find their project and item: prepared, because every request runs one.

Whether the caller may read what was found is mostly seen by its project, and asked of the database only otherwise:
planning one query that knew all the ways to a project took longer than all else in it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from api.authentication import InternalUser
from polyaxon.db.models import Project
from polyaxon.db.prepared import Prepared
from polyaxon.security.permissions import may, may_read
from polyaxon.security.scopes import Verb

if TYPE_CHECKING:
    from polyaxon.db.models.abstract import ArchivableQuerySet
    from polyaxon.security.permissions import Caller

# What deciding needs of an item's project, and its address.
_PROJECT_COLUMNS = ("project__is_public", "project__owner__user")


def find_project(user: Caller, owner: str, name: str, *, archived: bool = False) -> Project | None:
    """The project, if `user` may read it; with `archived` also one that `user` may restore."""
    project = _projects(archived).first(owner=owner, name=name)
    if project is not None and project.deleted:
        return project if _restores(user, project) else None
    return project if _shows(user, project) else None


def find_item(
    user: Caller,
    model: type[Any],
    address: tuple[str, str, int],
    related: tuple[str, ...],
    columns: tuple[str, ...],
    *,
    archived: bool = False,
) -> Any:
    """The item at owner, project and id, if `user` may read it; with `archived` also an archived one."""
    owner, project, key = address
    item = _items(cast("Any", model), related, columns, archived).first(owner=owner, project=project, item=key)
    return item if _shows(user, item and item.project) else None


def _shows(user: Caller, project: Project | None) -> bool:
    return project is not None if isinstance(user, InternalUser) else may_read(user, project)


def _restores(user: Caller, project: Project) -> bool:
    return not isinstance(user, InternalUser) and may(user, project, Verb.ADMIN)


@cache
def _projects(archived: bool) -> Prepared[Project]:
    def build(owner: str, name: str) -> ArchivableQuerySet[Project]:
        rows = Project.objects.filter(delete_requested_at=None) if archived else Project.objects.live()
        return rows.filter(owner__name=owner, name=name).select_related("owner", "user")

    return Prepared(build, owner=str, name=str)


@cache
def _items(model: type[Any], related: tuple[str, ...], columns: tuple[str, ...], archived: bool) -> Prepared[Any]:
    def build(owner: str, project: str, item: int) -> Any:
        rows = model.objects.filter(pk=item, project__owner__name=owner, project__name=project, project__deleted=False)
        rows = rows.filter(delete_requested_at=None) if archived else rows.filter(deleted=False)
        rows = rows.select_related(*related)
        return rows.only(*columns, *_PROJECT_COLUMNS) if columns else rows

    return Prepared(build, owner=str, project=str, item=int)
