"""Final statuses that helpers of a run reported and that count if nothing better is known in time."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class StatusReport(models.Model):
    """Of the row `object_id` of one kind of run, or of a replica. Gone once it was looked at."""

    kind = models.CharField(max_length=32)
    object_id = models.BigIntegerField()
    status = models.CharField(max_length=32)
    # When the run was seen to have that status.
    reported_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} reported as {self.status}"
