"""Bookmarks."""

from __future__ import annotations

from django.db import connection, models, transaction
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
    if not ids:
        return set()
    sql = f"""
    SELECT object_id FROM {Bookmark._meta.db_table}
    WHERE user_id = %s AND kind = %s AND enabled AND object_id IN ({", ".join(map(str, ids))})
    """  # noqa: S608 - numbers
    with connection.cursor() as cursor:
        cursor.execute(sql, [user.pk, kind_of(model)])
        return {identifier for (identifier,) in cursor.fetchall()}
