"""Pods of runs as they were last seen. Rows never go backwards; `polyaxon.pods.database` writes them."""

from __future__ import annotations

from django.db import models


class PodState(models.Model):
    """One pod, also after it is gone. Fields: `polyaxon.pods.SeenPod`."""

    uid = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=253)
    run = models.UUIDField()
    attempt = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, blank=True, default="")
    role = models.CharField(max_length=64, blank=True, default="")
    index = models.PositiveIntegerField(default=0)
    phase = models.CharField(max_length=16)
    trouble = models.CharField(max_length=16, null=True, blank=True)  # noqa: DJ001 - none is none
    trouble_since = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=128, null=True, blank=True)  # noqa: DJ001 - none is none
    message = models.TextField(null=True, blank=True)  # noqa: DJ001 - none is none
    exit_code = models.IntegerField(null=True, blank=True)
    signal = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(null=True, blank=True)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    node = models.CharField(max_length=253, null=True, blank=True)  # noqa: DJ001 - none is none
    container_id = models.CharField(max_length=128, null=True, blank=True)  # noqa: DJ001 - none is none
    deleting_until = models.DateTimeField(null=True, blank=True)
    is_ready = models.BooleanField(default=False)
    is_over = models.BooleanField(default=False)
    is_gone = models.BooleanField(default=False)
    seen_at = models.DateTimeField(null=True, blank=True)
    # The run's rows are as if they were not. Kept for a while, since what is still to be seen of its pods comes late.
    forgotten_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["run", "attempt"], name="pod_run_attempt"),
            # What a list of the cluster's pods is compared with.
            models.Index(fields=["id"], condition=models.Q(is_gone=False, forgotten_at=None), name="pod_not_gone"),
        ]

    def __str__(self) -> str:
        return f"pod {self.name}"


class PodWatch(models.Model):
    """A namespace whose pods are being watched. While `alive_at` is recent, the rows of its pods are what is so."""

    namespace = models.CharField(max_length=63, primary_key=True)
    alive_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"watch of {self.namespace}"
