"""The administrator's account of a new installation."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.conf import settings

from polyaxon.actions.users import create_user
from polyaxon.db.models import User
from polyaxon.settings import secrets_file

PASSWORD_FILE = "admin-password"  # noqa: S105 - a file's name


def ensure_admin(folder: Path) -> str | None:
    """Make the account if it is missing. Returns a generated password, which is also kept in a 0600 file.

    A configured password is set at every start, so that changing it changes the account's.
    """
    core = settings.CONFIG.core
    user = User.objects.filter(username=core.admin_username).first()
    if user is not None:
        _keep_configured(user, core.admin_password)
        return None
    password = core.admin_password or secrets.token_urlsafe(12)
    if not core.admin_password:
        # First the file: a server killed in between leaves a password that is not valid yet, not a lost one.
        secrets_file.write(folder / PASSWORD_FILE, password + "\n")
    create_user(core.admin_username, password, email=core.admin_email, superuser=True)
    return None if core.admin_password else password


def _keep_configured(user: User, password: str) -> None:
    if password and not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
