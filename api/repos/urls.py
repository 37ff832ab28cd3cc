"""Addresses of a project's code."""

from __future__ import annotations

from api.repos import external, views
from api.routes import project_route

urlpatterns = [
    project_route("repo", views.RepoView),
    project_route("repo/upload", views.UploadView),
    project_route("repo/download", views.RepoDownloadView),
    project_route("repo/external", external.ExternalRepoView),
    project_route("repo/sync", external.SyncView),
    project_route("ci", external.CIView),
]
