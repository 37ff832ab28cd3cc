"""Repositories of uploaded code, and references to commits."""

from __future__ import annotations

from django.db import models

from polyaxon.db.models.abstract import Timestamped
from polyaxon.db.models.projects import Project


class Repo(Timestamped):
    """The internal git repository of a project; its folder derives from the project's uuid."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="repo")
    is_public = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"repo of project {self.project_id}"


class CodeReference(Timestamped):
    """A commit. Of an internal or external repository, or, with neither, as a client reported it."""

    repo = models.ForeignKey(Repo, on_delete=models.SET_NULL, null=True, blank=True, related_name="references")
    external_repo = models.ForeignKey(
        "db.ExternalRepo", on_delete=models.SET_NULL, null=True, blank=True, related_name="references"
    )
    branch = models.CharField(max_length=124, null=True, blank=True, default="master")  # noqa: DJ001
    commit = models.CharField(max_length=40, null=True, blank=True)  # noqa: DJ001
    head = models.CharField(max_length=40, null=True, blank=True)  # noqa: DJ001
    is_dirty = models.BooleanField(default=False)
    git_url = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repo", "commit"], condition=models.Q(repo__isnull=False), name="code_repo_commit"
            ),
            models.UniqueConstraint(
                fields=["external_repo", "commit"],
                condition=models.Q(external_repo__isnull=False),
                name="code_external_repo_commit",
            ),
        ]

    def __str__(self) -> str:
        return self.commit or "no commit"
