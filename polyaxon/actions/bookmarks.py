"""Bookmarks."""

from __future__ import annotations

from django.db import models, transaction
from django.utils import timezone

from polyaxon.db.models import Bookmark, User
from polyaxon.db.models.bookmarks import kind_of
from polyaxon.events import emit


@transaction.atomic
def add_bookmark(user: User, instance: models.Model) -> None:
    """Bookmark `instance` for `user`; once more changes nothing."""
    bookmark, made = Bookmark.objects.get_or_create(user=user, kind=kind_of(type(instance)), object_id=instance.pk)
    if not made and bookmark.enabled:
        return
    Bookmark.objects.filter(pk=bookmark.pk).update(enabled=True, updated_at=timezone.now())
    emit("bookmarked", instance, actor=user)


@transaction.atomic
def remove_bookmark(user: User, instance: models.Model) -> bool:
    """Remove it. False if `user` never bookmarked `instance`; having removed it before is no error."""
    rows = Bookmark.objects.filter(user=user, kind=kind_of(type(instance)), object_id=instance.pk)
    if rows.filter(enabled=True).update(enabled=False, updated_at=timezone.now()):
        emit("unbookmarked", instance, actor=user)
        return True
    return rows.exists()


def bookmarked_ids(user: User, model: type[models.Model], ids: list[int]) -> set[int]:
    """Which of the rows `ids` the user has bookmarked, in one query."""
    rows = Bookmark.objects.filter(user=user, kind=kind_of(model), object_id__in=ids, enabled=True)
    return set(rows.values_list("object_id", flat=True))
