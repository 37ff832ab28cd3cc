"""Signing in and out, passwords, new accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth import views as auth
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.views.generic import FormView, TemplateView, View

from api.pages.base import Page, message_page
from api.pages.forms import SignupForm
from api.throttling import LOGIN_RATES, LoginRate
from api.users.views import forget_cookies, set_cookies
from polyaxon.actions.passwords import change_password
from polyaxon.actions.users import create_user
from polyaxon.db.models import User
from polyaxon.security import tokens

if TYPE_CHECKING:
    from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

HOME = "/"
FORM = "pages/form.html"


class HomePage(Page, TemplateView):
    """Who is signed in, and where to go."""

    title = "Polyaxon"
    template_name = "pages/home.html"


class LoginPage(Page, auth.LoginView):
    """Opens a session; `next` says where to go on, within this server."""

    title = "Sign in"
    template_name = FORM
    next_page = HOME
    redirect_authenticated_user = True
    rates = LOGIN_RATES
    extra_context = {"button": "Sign in"}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        user = form.get_user()
        set_cookies(response, token=tokens.issue(user), user=user.get_username())
        return response


class LogoutPage(Page):
    """Ends the session. By GET as in 0.6: no other site's picture or frame does it, for those send no cookie."""

    def get(self, request: HttpRequest) -> HttpResponse:
        logout(request)
        response = HttpResponseRedirect(settings.LOGIN_URL)
        forget_cookies(response)
        return response

    post = get


class AdminLoginPage(View):
    """Where 0.6 had another one."""

    def get(self, request: HttpRequest) -> HttpResponse:
        query = QueryDict(request.META.get("QUERY_STRING", "")).urlencode()
        return HttpResponseRedirect(f"{settings.LOGIN_URL}{'?' if query else ''}{query}", status=301)


class PasswordPage(Page, LoginRequiredMixin, auth.PasswordChangeView):
    """A new password. The user's tokens and other sessions end."""

    title = "Change your password"
    template_name = FORM
    rates = LOGIN_RATES
    extra_context = {"button": "Change"}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        user = cast("User", self.request.user)
        change_password(user, form.cleaned_data["old_password"], form.cleaned_data["new_password1"])
        update_session_auth_hash(self.request, user)
        return HttpResponseRedirect("/users/password_change/done/")


class PasswordChangedPage(LoginRequiredMixin, View):
    """What follows."""

    def get(self, request: HttpRequest) -> HttpResponse:
        text = "Your password is changed. Your API tokens have ended; log in again where you use them."
        return message_page(request, "Password changed", text)


class RegisterPage(Page, FormView):  # type: ignore[type-arg]
    """Asks for an account, which an administrator then activates. Only if the settings allow it."""

    title = "Create an account"
    template_name = FORM
    form_class = SignupForm
    rates = (LoginRate,)
    extra_context = {"button": "Create"}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            return HttpResponseRedirect(HOME)
        if not settings.CONFIG.security.signup_enabled:
            text = "This server takes no registrations. Ask its administrator for an account."
            return message_page(request, "Registration is closed", text, status=403)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: SignupForm) -> HttpResponse:
        values = form.cleaned_data
        create_user(values["username"], values["password1"], email=values["email"], active=False)
        return HttpResponseRedirect("/users/register/complete")


class RegisteredPage(View):
    """What follows."""

    def get(self, request: HttpRequest) -> HttpResponse:
        text = "Your account is made. You can sign in as soon as an administrator has activated it."
        return message_page(request, "Account made", text)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that another site sent, or that a browser without cookies did."""
    del reason
    text = "The form could not be verified. Allow cookies for this site, load the page again, and send it once more."
    return message_page(request, "Not verified", text, status=403)
