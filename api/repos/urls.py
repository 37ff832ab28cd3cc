"""Addresses of a project's code."""

from __future__ import annotations

from api.repos import views
from api.routes import project_route

urlpatterns = [
    project_route("repo", views.RepoView),
    project_route("repo/upload", views.UploadView),
    project_route("repo/download", views.RepoDownloadView),
]
