"""Accounts."""

from __future__ import annotations

from functools import partial

from django.db import transaction

from polyaxon import storage
from polyaxon.actions.names import check_name
from polyaxon.actions.organizations import SHADOWED
from polyaxon.actions.projects import ITEMS
from polyaxon.actions.runs import request_stop
from polyaxon.db.models import Owner, Project, User
from polyaxon.errors import InvalidInput, Refused
from polyaxon.events import emit


@transaction.atomic
def create_user(username: str, password: str, *, email: str = "", superuser: bool = False, active: bool = True) -> User:
    """A new account and the owner record under which its projects live. Without `active` it has to be activated."""
    _check_free(username)
    user = User(username=username, email=email, is_staff=superuser, is_superuser=superuser, is_active=active)
    user.set_password(password)
    user.save()
    Owner.objects.create(name=username, user=user)
    emit("registered", user, actor=user)
    return user


def check_new_account(username: str, email: str) -> None:
    """Raise `InvalidInput` when an account that somebody asks for may not have this name or address."""
    check_name(username, field="username")
    if username.lower() in SHADOWED:
        raise InvalidInput(f"The name {username} is reserved. Choose another one.", field="username")
    _check_free(username)
    if User.objects.filter(email__iexact=email).exists():
        raise InvalidInput("There is an account with this address already.", field="email")


def _check_free(username: str) -> None:
    if Owner.objects.filter(name__iexact=username).exists():
        raise InvalidInput(f"The name {username} is taken. Choose another one.", field="username")


@transaction.atomic
def activate(user: User, actor: User) -> None:
    """Let `user` log in."""
    user.is_active = True
    user.save(update_fields=["is_active"])
    emit("activated", user, actor=actor)


@transaction.atomic
def grant_superuser(user: User, actor: User) -> None:
    """Make `user` an administrator of the platform."""
    _set_superuser(user, value=True)
    emit("granted", user, actor=actor, subject="superuser")


@transaction.atomic
def revoke_superuser(user: User, actor: User) -> None:
    """Make `user` a plain account. Raises `Refused` when nobody would be left to administer the platform."""
    _check_another_superuser(user)
    _set_superuser(user, value=False)
    emit("revoked", user, actor=actor, subject="superuser")


def _set_superuser(user: User, *, value: bool) -> None:
    user.is_staff = user.is_superuser = value
    user.save(update_fields=["is_staff", "is_superuser"])


def _check_another_superuser(user: User) -> None:
    others = User.objects.select_for_update(no_key=True).filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not others:
        raise Refused(f"{user.username} is the only active superuser. Grant the right to somebody else first.")


@transaction.atomic
def delete_user(user: User, actor: User) -> None:
    """Delete an account with its projects, their runs and files. What it started elsewhere goes to the project's owner.

    Raises `Refused` when `actor` is the user: so somebody is always left to administer the platform.
    """
    if user == actor:
        raise Refused("You cannot delete your own account. Another administrator has to.")
    projects = list(Project.objects.filter(owner__user=user).select_related("owner"))
    for project in projects:
        _end_and_forget(project, actor)
    _hand_over(user, actor)
    emit("deleted", user, actor=actor)
    user.delete()


def _end_and_forget(project: Project, actor: User) -> None:
    """Ask for the project's runs to end, and delete its files when its rows are gone."""
    for model in ITEMS:
        for item in model.objects.filter(project=project).exclude(status__in=model.LIFECYCLE.done):
            request_stop(item, actor)
    place = f"{project.owner.name}/{project.name}"
    for delete in (storage.outputs().delete, storage.logs().delete):
        transaction.on_commit(partial(delete, place))
    transaction.on_commit(storage.repository(project).delete)


def _hand_over(user: User, actor: User) -> None:
    """Nobody else's project loses a run because the account that started it goes."""
    for model in ITEMS:
        rows = model.objects.filter(user=user).exclude(project__owner__user=user).select_related("project__owner")
        for item in rows:
            model.objects.filter(pk=item.pk).update(user=item.project.owner.user or actor)
