"""Accounts."""

from __future__ import annotations

from django.db import transaction

from polyaxon.db.models import Owner, User
from polyaxon.errors import InvalidInput
from polyaxon.events import emit


@transaction.atomic
def create_user(username: str, password: str, *, email: str = "", superuser: bool = False) -> User:
    """A new account and the owner record under which its projects live."""
    if Owner.objects.filter(name__iexact=username).exists():
        raise InvalidInput(f"The name {username} is taken. Choose another one.", field="username")
    user = User(username=username, email=email, is_staff=superuser, is_superuser=superuser)
    user.set_password(password)
    user.save()
    Owner.objects.create(name=username, user=user)
    emit("registered", user, actor=user)
    return user
