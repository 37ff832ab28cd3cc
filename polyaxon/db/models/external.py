"""Code that lives elsewhere, and what is to be done when it changes."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from polyaxon.db.models.abstract import Timestamped
from polyaxon.db.models.projects import Project

URL_LENGTH = 200


class ExternalRepo(Timestamped):
    """A git repository of another server, of which the platform keeps a mirror. The address has no credentials."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="external_repo")
    git_url = models.CharField(max_length=URL_LENGTH)
    is_public = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.git_url


class CI(Timestamped):
    """New commits of the project's code run its polyaxonfile."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="ci")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    config = models.JSONField(null=True, blank=True)
    # The commit that it ran last.
    code_reference = models.ForeignKey(
        "db.CodeReference", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"CI of project {self.project_id}"
