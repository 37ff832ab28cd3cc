"""Projects."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from polyaxon.db.models.abstract import Archivable, ArchivableQuerySet, Timestamped
from polyaxon.db.models.users import Owner


class Project(Timestamped, Archivable):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=128)
    description = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire
    readme = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire
    tags = models.JSONField(null=True, blank=True)
    is_public = models.BooleanField(default=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="projects")
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="projects")

    objects = ArchivableQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="project_owner_name")]

    def __str__(self) -> str:
        return self.unique_name

    @property
    def unique_name(self) -> str:
        """`<owner>.<project>`. Needs `owner` selected to stay free of queries."""
        return f"{self.owner.name}.{self.name}"
