"""The server's own pages, as a browser uses them."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from polyaxon.db.models import Token, User
from polyaxon.security import tokens
from tests.factories import PASSWORD, make_user

LOGIN, REGISTER = "/users/login/", "/users/register"
CREDENTIALS = {"username": "olga", "password": PASSWORD}
ACCOUNT = {"username": "nina", "email": "nina@example.com", "password1": PASSWORD, "tos": "on"}


@pytest.fixture
def browser() -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def signup(settings: Any) -> None:
    security = settings.CONFIG.security.model_copy(update={"signup_enabled": True})
    settings.CONFIG = replace(settings.CONFIG, security=security)


def send(browser: Client, path: str, **values: str) -> Any:
    """Load the form, and send it as a browser does."""
    page = browser.get(path).content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found is not None
    return browser.post(path, {**values, "csrfmiddlewaretoken": found[1]})


def test_signing_in_and_out(browser: Client, owner: User) -> None:
    answer = send(browser, LOGIN, **CREDENTIALS)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert answer.cookies["user"].value == "olga"
    assert tokens.find(answer.cookies["token"].value).user == owner  # type: ignore[union-attr]
    assert "signed in as olga" in browser.get("/").content.decode()
    assert browser.get("/api/v1/users").json()["username"] == "olga"
    assert browser.get(LOGIN)["Location"] == "/"
    answer = browser.get("/users/logout/")
    assert (answer["Location"], answer.cookies["token"].value) == (LOGIN, "")
    assert browser.get("/api/v1/users").status_code == 401
    assert "Sign in" in browser.get("/").content.decode()


def test_wrong_passwords_are_told_without_saying_which_half_was_wrong(browser: Client, owner: User) -> None:
    wrong = send(browser, LOGIN, username="olga", password="no").content.decode()
    unknown = send(browser, LOGIN, username="nobody", password="no").content.decode()
    alert = re.search(r'<ul class="errorlist.*?</ul>', wrong, re.DOTALL)
    assert alert is not None
    assert alert[0] in unknown
    assert 'role="alert"' in wrong
    assert browser.get("/api/v1/users").status_code == 401


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/app/olga", "/app/olga"),
        ("https://evil.example.com/", "/"),
        ("//evil.example.com", "/"),
        ("javascript:1", "/"),
    ],
)
def test_next_stays_on_this_server(browser: Client, owner: User, wanted: str, target: str) -> None:
    answer = send(browser, LOGIN, **CREDENTIALS, next=wanted)
    assert (answer.status_code, answer["Location"]) == (302, target)


@pytest.mark.parametrize("path", [LOGIN, "/users/password_change/", REGISTER])
def test_forms_of_other_sites_are_refused(browser: Client, owner: User, path: str, signup: None) -> None:
    if "password" in path:
        browser.force_login(owner)
    answer = browser.post(path, {**CREDENTIALS, **ACCOUNT})
    assert answer.status_code == 403
    assert "could not be verified" in answer.content.decode()
    assert not User.objects.filter(username="nina").exists()


@pytest.mark.parametrize("path", ["/", LOGIN, REGISTER, "/users/register/complete", "/users/password_change/"])
def test_pages_let_nothing_in_but_their_own_style(browser: Client, owner: User, path: str, signup: None) -> None:
    if "password" in path:
        browser.force_login(owner)
    answer = browser.get(path)
    page, policy = answer.content.decode(), answer["Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in page
    assert 'lang="en"' in page
    assert page.count("<h1>") == 1


def test_every_field_has_a_label(browser: Client, signup: None, db: None) -> None:
    for path in (LOGIN, REGISTER):
        page = browser.get(path).content.decode()
        fields = re.findall(r'<input(?![^>]*type="hidden")[^>]*id="(\w+)"', page)
        assert len(fields) >= 2
        assert all(f'<label for="{field}">' in page for field in fields)


def test_guessing_meets_the_limit_of_the_api(browser: Client, owner: User) -> None:
    answers = [send(browser, LOGIN, username="olga", password=f"guess {number}") for number in range(12)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1]["Retry-After"]) > 0
    assert send(browser, LOGIN, **CREDENTIALS).status_code == 429


def test_a_new_password_ends_tokens_and_other_sessions(browser: Client, owner: User) -> None:
    elsewhere, key = Client(), tokens.issue(owner)
    for each in (browser, elsewhere):
        each.force_login(owner)
    new = "another horse, another staple"
    path = "/users/password_change/"
    weak = send(browser, path, old_password=PASSWORD, new_password1="1234", new_password2="1234")
    assert "errorlist" in weak.content.decode()
    wrong = send(browser, path, old_password="no", new_password1=new, new_password2=new)
    assert "errorlist" in wrong.content.decode()
    answer = send(browser, path, old_password=PASSWORD, new_password1=new, new_password2=new)
    assert "is changed" in browser.get(answer["Location"]).content.decode()
    assert tokens.find(key) is None
    assert (browser.get("/api/v1/users").status_code, elsewhere.get("/api/v1/users").status_code) == (200, 401)
    owner.refresh_from_db()
    assert owner.check_password(new)


def test_passwords_are_changed_by_those_who_are_signed_in(browser: Client, db: None) -> None:
    answer = browser.get("/users/password_change/")
    assert (answer.status_code, answer["Location"]) == (302, f"{LOGIN}?next=/users/password_change/")


def test_nobody_registers_unless_the_settings_say_so(browser: Client, db: None) -> None:
    assert browser.get(REGISTER).status_code == 403
    assert Client().post(REGISTER, ACCOUNT).status_code == 403
    assert not User.objects.exists()


def test_a_registered_account_waits_for_an_administrator(browser: Client, signup: None, admin: User) -> None:
    answer = send(browser, REGISTER, **ACCOUNT)
    assert (answer.status_code, answer["Location"]) == (302, "/users/register/complete")
    assert "administrator has activated" in browser.get(answer["Location"]).content.decode()
    credentials = {"username": "nina", "password": PASSWORD}
    assert send(browser, LOGIN, **credentials).status_code == 200
    assert not Token.objects.filter(user__username="nina").exists()
    activated = Client()
    activated.force_login(admin)
    assert activated.post("/api/v1/users/activate/nina").status_code == 200
    assert send(browser, LOGIN, **credentials).status_code == 302


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "Olga"},
        {"username": "experiments"},
        {"username": "webhooks"},
        {"username": "a b"},
        {"username": ""},
        {"email": "OLGA@example.com"},
        {"email": "nobody"},
        {"password1": "12345678"},
        {"password1": "nina@example.com"},
        {"tos": ""},
    ],
)
def test_what_a_registration_may_not_say(browser: Client, signup: None, wrong: dict[str, str], db: None) -> None:
    make_user("olga", email="olga@example.com")
    answer = send(browser, REGISTER, **{**ACCOUNT, **wrong})
    assert (answer.status_code, User.objects.count()) == (200, 1)
    assert "errorlist" in answer.content.decode()


def test_old_addresses(browser: Client, owner: User) -> None:
    answer = browser.get("/_admin/login/?next=/app%0d%0aX: 1")
    assert answer.status_code == 301
    assert answer["Location"] == f"{LOGIN}?next=%2Fapp%0D%0AX%3A+1"
    browser.force_login(owner)
    assert browser.get("/_admin/logout/")["Location"] == LOGIN
    assert browser.get("/api/v1/users").status_code == 401
