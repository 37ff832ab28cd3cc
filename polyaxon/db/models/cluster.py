"""Where the platform runs: the cluster, its nodes and their GPUs, and what the cluster complained about."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from polyaxon.db.models.abstract import Timestamped

THE_ONE = 1


class Cluster(Timestamped):
    """There is one row; `actions.cluster.the_cluster` makes it when it is first asked for."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # What the Kubernetes version API says; empty where there is none.
    version_api = models.JSONField(default=dict, blank=True)
    # When a periodic pass last looked: also the sign that periodic passes happen at all.
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=THE_ONE), name="cluster_is_one")]

    def __str__(self) -> str:
        return f"cluster {self.uuid.hex}"


class ClusterNode(Timestamped):
    """A machine. One that vanished stays as a row that is not current."""

    MASTER, AGENT = "master", "agent"
    ROLES = (MASTER, AGENT)
    UNKNOWN, READY, NOT_READY, DELETED = "unknown", "ready", "notReady", "deleted"
    STATUSES = (UNKNOWN, READY, NOT_READY, DELETED)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="nodes")
    sequence = models.PositiveIntegerField(help_text="From 1 within the cluster; never used twice.")
    name = models.CharField(max_length=256)
    hostname = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001 - null on the wire
    role = models.CharField(max_length=16, choices=[(role, role) for role in ROLES])
    memory = models.BigIntegerField(help_text="Bytes.")
    cpu = models.FloatField(help_text="Cores.")
    n_gpus = models.PositiveIntegerField()
    docker_version = models.CharField(max_length=128, null=True, blank=True)  # noqa: DJ001 - null on the wire
    kubelet_version = models.CharField(max_length=64, blank=True, default="")
    os_image = models.CharField(max_length=128, blank=True, default="")
    kernel_version = models.CharField(max_length=128, blank=True, default="")
    schedulable_taints = models.BooleanField(default=False)
    schedulable_state = models.BooleanField(default=False)
    status = models.CharField(max_length=16, default=UNKNOWN, choices=[(status, status) for status in STATUSES])
    is_current = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster", "sequence"], name="node_cluster_sequence")]

    def __str__(self) -> str:
        return self.name


class NodeGPU(Timestamped):
    """One GPU of a node."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cluster_node = models.ForeignKey(ClusterNode, on_delete=models.CASCADE, related_name="gpus")
    index = models.PositiveIntegerField()
    serial = models.CharField(max_length=256, blank=True, default="")
    name = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001 - null on the wire
    memory = models.BigIntegerField(default=0, help_text="Bytes.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cluster_node", "index"], name="gpu_node_index")]

    def __str__(self) -> str:
        return f"gpu {self.index} of node {self.cluster_node_id}"


class ClusterEvent(models.Model):
    """A warning or an error that the cluster reported about the platform's own objects."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="events")
    data = models.JSONField(default=dict)
    meta = models.JSONField(default=dict)
    level = models.CharField(max_length=16)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.level} of {self.created_at:%Y-%m-%d %H:%M:%S}"
