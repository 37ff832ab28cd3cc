"""Catalogs: things outside of the platform that runs refer to by name. All of them belong to the cluster."""

from __future__ import annotations

import uuid

from django.db import models

from polyaxon.db.models.abstract import NAME_LENGTH, Timestamped


class CatalogEntry(Timestamped):
    """An entry of any catalog."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=NAME_LENGTH, unique=True)
    description = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire
    readme = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire
    tags = models.JSONField(null=True, blank=True)
    deleted = models.BooleanField(default=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class KubernetesReference(CatalogEntry):
    """A Kubernetes object. `items` names the keys of it that are meant; none means all."""

    k8s_ref = models.CharField(max_length=256)
    items = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True


class K8SSecret(KubernetesReference):
    pass


class K8SConfigMap(KubernetesReference):
    pass


class WithSecret(CatalogEntry):
    """Reached with the credentials of a secret."""

    k8s_secret = models.ForeignKey(K8SSecret, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        abstract = True


class DataStore(WithSecret):
    """A place with data: a folder of the hosts, a volume claim, or a bucket."""

    TYPES = ("host_path", "volume_claim", "gcs", "s3", "azure")

    type = models.CharField(max_length=16, null=True, blank=True, choices=[(kind, kind) for kind in TYPES])  # noqa: DJ001 - null on the wire
    mount_path = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001 - null on the wire
    host_path = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001 - null on the wire
    volume_claim = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001 - null on the wire
    bucket = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001 - null on the wire
    read_only = models.BooleanField(null=True, blank=True, default=False)


class Access(WithSecret):
    """A host that wants credentials. Which entry is the default one is an option."""

    host = models.CharField(max_length=256, blank=True, default="")

    class Meta:
        abstract = True


class GitAccess(Access):
    pass


class RegistryAccess(Access):
    insecure = models.BooleanField(null=True, blank=True, default=False)
