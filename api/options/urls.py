"""Addresses of options."""

from __future__ import annotations

from api.options import views
from api.routes import route

urlpatterns = [
    route("options", views.OptionsView),
    route("<str:owner>/options", views.OwnerOptionsView),
]
