"""`polyaxon user` and `superuser`: accounts, for administrators."""

from __future__ import annotations

import click

from polyaxon_cli.options import Group
from polyaxon_cli.session import Session, pass_session

__all__ = ["superuser", "user"]


@click.group(cls=Group)
def user() -> None:
    """Activate and delete accounts, as an administrator."""


@user.command()
@click.argument("username")
@pass_session
def activate(session: Session, username: str) -> None:
    """Let a user log in."""
    session.http.post(session.http.path("users", "activate", username))
    session.out.success(f"User `{username}` was activated with success.")


@user.command()
@click.argument("username")
@pass_session
def delete(session: Session, username: str) -> None:
    """Delete an account."""
    session.http.delete(session.http.path("users", "delete", username))
    session.out.success(f"User `{username}` was deleted with success.")


@click.group(cls=Group)
def superuser() -> None:
    """Grant and revoke the rights of administrators."""


@superuser.command()
@click.argument("username")
@pass_session
def grant(session: Session, username: str) -> None:
    """Make a user an administrator."""
    session.http.post(session.http.path("superusers", "grant", username))
    session.out.success(f"User `{username}` is an administrator now.")


@superuser.command()
@click.argument("username")
@pass_session
def revoke(session: Session, username: str) -> None:
    """Make an administrator a plain user."""
    session.http.post(session.http.path("superusers", "revoke", username))
    session.out.success(f"User `{username}` is no administrator any more.")
