"""Addresses of the activity log."""

from __future__ import annotations

from api.activity import views
from api.routes import PROJECT, route

urlpatterns = [
    route("activitylogs", views.ActivityView),
    route("historylogs", views.HistoryView),
    route(f"activitylogs/{PROJECT}", views.ProjectActivityView),
]
