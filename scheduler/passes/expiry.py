"""What is kept for a number of days only: activity, and what lies in the archive."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from polyaxon import options
from polyaxon.actions.projects import ITEMS
from polyaxon.db.models import ActivityLog, Experiment, Project


def expire() -> None:
    """Forget old activity, and ask for what was archived long ago to be deleted."""
    ActivityLog.objects.filter(created_at__lt=_days_ago("ACTIVITY_LOGS")).delete()
    _expire_archives(_days_ago("ARCHIVES"))


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


def _days_ago(kind: str) -> datetime:
    return timezone.now() - timedelta(days=options.value(f"CLEANING_INTERVALS:{kind}"))
