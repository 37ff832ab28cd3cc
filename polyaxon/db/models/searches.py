"""Saved queries of a project's lists."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from polyaxon.db.models.abstract import NAME_LENGTH, Timestamped
from polyaxon.db.models.projects import Project


class Search(Timestamped):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="searches")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="searches")
    # Which list: `experiments`, `groups` … as in the address.
    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=NAME_LENGTH, null=True, blank=True)  # noqa: DJ001 - null on the wire
    query = models.JSONField()
    meta = models.JSONField(null=True, blank=True, default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "project", "name"], name="search_user_project_name")]
        verbose_name_plural = "searches"

    def __str__(self) -> str:
        return f"search {self.pk} of {self.kind}"
