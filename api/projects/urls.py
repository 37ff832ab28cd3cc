"""Addresses of projects. They come last: an owner and a project may have almost any name."""

from __future__ import annotations

from api.projects import views
from api.routes import PROJECT, project_route, route

urlpatterns = [
    route("projects", views.ProjectsView),
    route("<str:owner>/projects/names", views.ProjectNamesView),
    route("<str:owner>/projects/name", views.ProjectNamesView),
    project_route("archive", views.ArchiveProjectView),
    project_route("restore", views.RestoreProjectView),
    route("<str:owner>", views.OwnerView),
    route(PROJECT, views.ProjectDetailView),
]
