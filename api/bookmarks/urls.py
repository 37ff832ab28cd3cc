"""Addresses of bookmarks."""

from __future__ import annotations

from api.bookmarks import views
from api.kinds import KINDS
from api.routes import project_route, route
from polyaxon.db.models import BuildJob, Experiment, ExperimentGroup, Job

# What can be bookmarked below a project.
ITEMS = {"groups": ExperimentGroup, "experiments": Experiment, "jobs": Job, "builds": BuildJob}

urlpatterns = [
    *(
        route(
            f"bookmarks/<str:username>/{name}",
            views.BookmarksView,
            kind=kind,
            serializer_class=views.content_serializer(kind),
        )
        for name, kind in KINDS.items()
    ),
    project_route("bookmark", views.BookmarkProjectView),
    project_route("unbookmark", views.UnbookmarkProjectView),
    *(project_route(f"{name}/<int:id>/bookmark", views.BookmarkView, model=model) for name, model in ITEMS.items()),
    *(project_route(f"{name}/<int:id>/unbookmark", views.UnbookmarkView, model=model) for name, model in ITEMS.items()),
]
