"""Passwords."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from polyaxon.db.models import Token, User
from polyaxon.errors import InvalidInput
from polyaxon.events import emit
from polyaxon.security import tokens


@transaction.atomic
def change_password(user: User, old: str, new: str, *, keep: Token | None = None) -> None:
    """Set a password that the validators accept, and end the user's other tokens; sessions end by themselves.

    Raises `InvalidInput` for a wrong old password or a weak new one.
    """
    if not user.check_password(old):
        raise InvalidInput("The old password is wrong.", field="old")
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages), field="new") from error
    user.set_password(new)
    user.save(update_fields=["password"])
    tokens.revoke_all(user, but=keep)
    emit("updated", user, actor=user, subject="user")  # a session's user is a lazy object
