"""What goes by itself: old activity, what lay in the archive for long, bookmarks of what is gone."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from polyaxon import options
from polyaxon.actions.projects import ITEMS
from polyaxon.db.models import BOOKMARKABLE, ActivityLog, Bookmark, Event, Experiment, IdempotencyKey, Project
from polyaxon.db.models.events import EventFields

AT_ONCE = 5000


def expire() -> None:
    """Forget what nobody asks for any more, and ask for what was archived long ago to be deleted."""
    _forget_older(ActivityLog, _days_ago("ACTIVITY_LOGS"))
    _forget_older(Event, _days_ago("EVENTS"))
    hours = settings.CONFIG.cleaning.idempotency_hours
    _forget_older(IdempotencyKey, timezone.now() - timedelta(hours=hours))
    _expire_archives(_days_ago("ARCHIVES"))
    _forget_bookmarks()


def _forget_older(model: type[EventFields | IdempotencyKey], limit: datetime) -> None:
    """In parts: others write to the table meanwhile. Rows are made in order of time, or nearly so."""
    old = model._default_manager.filter(created_at__lt=limit)
    while part := list(old.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        old.filter(pk__gte=part[0], pk__lte=part[-1]).delete()


def _expire_archives(limit: datetime) -> None:
    """By the last change. Items of an archived project go with it, trials with their search."""
    old = {"deleted": True, "delete_requested_at": None, "updated_at__lt": limit}
    now = timezone.now()
    for model in ITEMS:
        rows = model._base_manager.filter(**old, project__deleted=False)
        if model is Experiment:
            rows = rows.exclude(pk__in=Experiment.objects.exclude(experiment_group=None))
        rows.update(delete_requested_at=now)
    Project.objects.filter(**old).update(delete_requested_at=now)
    for model in ITEMS:
        going = model._base_manager.filter(project__delete_requested_at__isnull=False, delete_requested_at=None)
        going.update(deleted=True, delete_requested_at=now)


def _forget_bookmarks() -> None:
    """Bookmarks of rows that are gone. Until then no list shows them."""
    for kind, model in BOOKMARKABLE.items():
        Bookmark.objects.filter(kind=kind).exclude(object_id__in=model._base_manager.values("pk")).delete()


def _days_ago(kind: str) -> datetime:
    return timezone.now() - timedelta(days=options.value(f"CLEANING_INTERVALS:{kind}"))
