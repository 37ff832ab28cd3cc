"""`polyaxon login`, `logout`, `whoami` and `version`."""

from __future__ import annotations

import sys
from typing import Any

import click

from polyaxon_cli import __version__, state
from polyaxon_cli.errors import CliError
from polyaxon_cli.options import Command
from polyaxon_cli.session import Session, connect, pass_session
from polyaxon_cli.versions import answer_of

__all__ = ["login", "logout", "version", "whoami"]

WRONG_CREDENTIALS = 400


@click.command(cls=Command)
@click.option("-u", "--username", help="User name.")
@click.option("-p", "--password", help="Password; asked for when missing. Others may see it in the process list.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("-t", "--token", help="Use this token instead of a password.")
@pass_session
def login(
    session: Session,
    username: str | None,
    password: str | None,
    password_stdin: bool,
    token: str | None,
) -> None:
    """Log in to the server and keep the token in ~/.polyaxon/.polyaxonauth."""
    if username and not token:
        token = _token_of(username, _password(password, from_stdin=password_stdin))
    elif not token:
        token = _ask_token(session)
    user = _whois(token)
    state.AUTH.write({"username": user["username"], "token": token})
    _keep_versions(token)
    session.out.success(f"Login successful: you are {user['username']}.")


@click.command(cls=Command)
@pass_session
def logout(session: Session) -> None:
    """Forget the login; the token stays valid on the server."""
    state.AUTH.delete()
    state.CLI.delete()
    session.out.success("You are logged out.")


@click.command(cls=Command)
@pass_session
def whoami(session: Session) -> None:
    """Show who is logged in."""
    session.user()
    user = session.http.get("users/")
    if session.as_json:
        session.out.raw(user)
    else:
        session.out.details({"username": user.get("username"), "email": user.get("email")})


@click.command(cls=Command)
@click.option("--cli", "of_cli", is_flag=True, help="Which versions of this tool the server wants (the default).")
@click.option("--platform", "of_platform", is_flag=True, help="Version of the server.")
@pass_session
def version(session: Session, of_cli: bool, of_platform: bool) -> None:  # noqa: ARG001  the default
    """Show the version of this tool, and what the server says about versions."""
    kind = "platform" if of_platform else "cli"
    if not of_platform:
        session.out.message(f"polyaxon {__version__}")
        if not state.CONFIG.exists():
            return
    data = session.http.get(f"versions/{kind}/")
    if of_platform:
        data["chart_version"] = session.http.get("versions/chart/").get("version")
    if session.as_json:
        session.out.raw(data)
    else:
        session.out.details(data, title=f"Versions ({kind}) according to the server:")


def _password(given: str | None, *, from_stdin: bool) -> str:
    if given:
        return given
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise CliError("There is no password on stdin", "Pipe it in, or use -p")
        return password
    return str(click.prompt("Password", hide_input=True))


def _ask_token(session: Session) -> str:
    address = f"{session.http.root_url}/app/token"
    if click.confirm(f"Your token is shown at {address}. Open it in the browser?", default=True):
        click.launch(address)
    return str(click.prompt("Token", hide_input=True)).strip()


def _token_of(username: str, password: str) -> str:
    from polyaxon_client.exceptions import AuthenticationError, ValidationError

    with connect(token=None) as http:
        try:
            # The 0.6 servers take the login as a form only.
            answer = http.request("POST", "users/token/", data={"username": username, "password": password}).json()
        except (AuthenticationError, ValidationError) as error:
            said = "; ".join(error.messages) or "wrong user name or password"
            raise CliError(f"Login failed: {said}", "Check the user name and the password") from error
    return str(answer["token"])


def _whois(token: str) -> dict[str, Any]:
    from polyaxon_client.exceptions import AuthenticationError

    with connect(token=token) as http:
        try:
            user: dict[str, Any] = http.get("users/")
        except AuthenticationError as error:
            raise CliError("The server does not accept this token", "Copy it again, it may have expired") from error
    return user


def _keep_versions(token: str) -> None:
    """Store what the server says about versions and crash reports; a server that says nothing is fine."""
    from polyaxon_client.exceptions import PolyaxonClientException

    known: dict[str, Any] = {
        "check_count": 0,
        "current_version": __version__,
        "min_version": None,
        "log_handler": None,
    }
    with connect(token=token) as http:
        try:
            known |= answer_of(http.get("versions/cli/"))
            known["log_handler"] = http.get("log_handler/")
        except (PolyaxonClientException, KeyError):
            pass
    state.CLI.write(known)
