"""Addresses of pages, those of 0.6."""

from __future__ import annotations

from api.pages import views
from api.routes import route

urlpatterns = [
    route("", views.HomePage),
    route("users/login", views.LoginPage),
    route("users/logout", views.LogoutPage),
    route("users/password_change", views.PasswordPage),
    route("users/password_change/done", views.PasswordChangedPage),
    route("users/register", views.RegisterPage),
    route("users/register/complete", views.RegisteredPage),
    route("_admin/login", views.AdminLoginPage),
    route("_admin/logout", views.LogoutPage),
]
