"""How far the logs of runs have been stored: of what pods wrote, and of what clients posted (done from the start).

`polyaxon.actions.log_shipments` writes these rows.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class LogShipment(models.Model):
    """One run's log. What its file holds beyond `size` was never acknowledged, and is written again."""

    run = models.UUIDField(unique=True)
    kind = models.CharField(max_length=16)  # name of the run's model
    path = models.CharField(max_length=512)  # in the log store
    has_roles = models.BooleanField(default=False)  # lines say which replica wrote them
    size = models.BigIntegerField(default=0)  # bytes
    sizes = models.JSONField(default=dict)  # the same of each replica's own log, by its role and number
    created_at = models.DateTimeField(default=timezone.now)
    # The process that follows the pods, until then. Several at once would store nothing twice, only work for nothing.
    owner = models.CharField(max_length=64, blank=True, default="")
    owned_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, default="")  # why something may be missing; empty: nothing is

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(done_at=None), name="shipment_open")]

    def __str__(self) -> str:
        return f"log of {self.kind} {self.run.hex}"


class LogStream(models.Model):
    """One start of one container, and how much of what it wrote is stored: a `monitors.logs.position.Position`."""

    shipment = models.ForeignKey(LogShipment, on_delete=models.CASCADE, related_name="streams")
    uid = models.CharField(max_length=64)  # of the pod
    pod = models.CharField(max_length=253)
    container = models.CharField(max_length=253)
    restart = models.PositiveIntegerField(default=0)
    role = models.CharField(max_length=80, blank=True, default="")
    lines = models.BigIntegerField(default=0)
    since = models.BigIntegerField(null=True, blank=True)  # seconds since 1970
    first = models.CharField(max_length=40, blank=True, default="")
    taken = models.BigIntegerField(default=0)
    last = models.CharField(max_length=40, blank=True, default="")
    done_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shipment", "uid", "container", "restart"], name="log_stream_container")
        ]

    def __str__(self) -> str:
        return f"{self.container} of {self.pod}"
