"""Addresses of accounts."""

from __future__ import annotations

from api.routes import route
from api.users import views

urlpatterns = [
    route("users", views.UserView),
    route("users/token", views.TokenView),
    route("users/logout", views.LogoutView),
]
