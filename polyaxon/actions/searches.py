"""Saved queries."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from polyaxon.actions.names import check_name
from polyaxon.db.models import Project, Search, User
from polyaxon.errors import InvalidInput
from polyaxon.events import emit


def save_search(project: Project, user: User, kind: str, *, query: Any, name: str | None, meta: Any) -> Search:
    """Keep a query of the list `kind`. Raises `InvalidInput` when the name is wrong or taken."""
    if name:
        check_name(name)
    try:
        with transaction.atomic():
            search = Search.objects.create(
                project=project, user=user, kind=kind, query=query, name=name or None, meta=meta
            )
            emit("created", search, actor=user, context={"kind": kind})
    except IntegrityError as error:
        raise InvalidInput(f"You have a search named {name} in this project already. Choose another name.") from error
    return search


@transaction.atomic
def delete_search(search: Search, user: User) -> None:
    emit("deleted", search, actor=user, context={"kind": search.kind})
    search.delete()
