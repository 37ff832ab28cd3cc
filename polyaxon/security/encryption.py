"""Encryption of stored secrets.

A stored secret reads `<marker><label>$<base64 of a Fernet token>`. The label names the key, so that a value
written with another key is told from a damaged one. Text without the marker was stored in clear and is returned as
it is.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from polyaxon.errors import UserError
from polyaxon.settings import secrets_file

MARKER = "\u00ef\u00bb\u00bf"
KEY_FILE = "encryption-key"


class Undecryptable(UserError):
    """The stored secret cannot be read with this installation's key."""


def encrypt(text: str) -> str:
    """The stored form of `text`."""
    token = base64.b64encode(_fernet().encrypt(text.encode())).decode()
    return f"{MARKER}{settings.CONFIG.security.encryption_key}${token}"


def decrypt(stored: str) -> str:
    """What `encrypt` was given. Raises `Undecryptable`."""
    if not stored.startswith(MARKER):
        return stored
    label, _, token = stored.removeprefix(MARKER).rpartition("$")
    own = settings.CONFIG.security.encryption_key
    if label != own:
        raise Undecryptable(
            f"A secret was stored with the key {label!r}, and this server has {own!r}."
            " Start it with that key and label, or store the secret again."
        )
    try:
        return _fernet().decrypt(base64.b64decode(token)).decode()
    except (InvalidToken, ValueError) as error:
        raise Undecryptable(
            "A secret was stored with another key than POLYAXON_ENCRYPTION_SECRET, or is damaged."
            " Start the server with the right key, or store the secret again."
        ) from error


def _fernet() -> Fernet:
    return _made(settings.CONFIG.security.encryption_secret or _generated())


def _generated() -> str:
    return secrets_file.read_or_create(settings.CONFIG.data_dir, KEY_FILE, lambda: Fernet.generate_key().decode())


@lru_cache(maxsize=4)
def _made(key: str) -> Fernet:
    return Fernet(key)
