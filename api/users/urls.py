"""Addresses of accounts."""

from __future__ import annotations

from api.routes import route
from api.users import sessions, tokens, views

urlpatterns = [
    route("users", views.UserView),
    route("users/token", views.TokenView),
    route("users/logout", views.LogoutView),
    route("users/tokens", tokens.TokensView),
    route("users/tokens/<int:id>", tokens.TokenRowView),
    route("users/password", sessions.PasswordView),
    route("users/session", sessions.SessionView),
    route("users/session/refresh", views.SessionRefreshView),
    route("users/activate/<str:username>", views.ActivateView),
    route("users/delete/<str:username>", views.DeleteView),
    route("superusers/grant/<str:username>", views.GrantView),
    route("superusers/revoke/<str:username>", views.RevokeView),
]
