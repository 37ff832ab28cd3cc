"""How long a search has gone on."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from polyaxon.db.models import ExperimentGroup
from polyaxon.lifecycles import tables as s


def hours_spent(group: ExperimentGroup) -> float:
    """Hours in which `group` was running; those between its end and its resuming do not count."""
    total, since = timedelta(), None
    for status, at in group.statuses.order_by("id").values_list("status", "created_at"):
        if status == s.RUNNING and since is None:
            since = at
        elif status in group.LIFECYCLE.done and since is not None:
            total, since = total + (at - since), None
    if since is not None:
        total += timezone.now() - since
    return total / timedelta(hours=1)
