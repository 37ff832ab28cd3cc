"""Webhooks: who is told, and where."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from polyaxon.db.models import Project, User, Webhook
from polyaxon.errors import InvalidInput
from polyaxon.events.registry import ACTIONS, SUBJECTS
from polyaxon.security.encryption import encrypt

SECRET_BYTES = 32


def create_webhook(
    project: Project, user: User | None, *, url: str, events: list[str], enabled: bool = True, secret: str = ""
) -> tuple[Webhook, str]:
    """The webhook and its secret, which is made unless one is given, and shown only now. Raises `InvalidInput`."""
    secret = secret or secrets.token_hex(SECRET_BYTES)
    hook = Webhook.objects.create(
        project=project,
        user=user,
        url=checked_url(url),
        events=checked_events(events),
        enabled=enabled,
        secret=encrypt(secret),
    )
    return hook, secret


def update_webhook(hook: Webhook, changes: dict[str, Any]) -> None:
    """Change address, events, secret or whether it is enabled. Raises `InvalidInput`."""
    if "url" in changes:
        changes["url"] = checked_url(changes["url"])
    if "events" in changes:
        changes["events"] = checked_events(changes["events"])
    if "secret" in changes:
        changes["secret"] = encrypt(changes["secret"])
    for name, value in changes.items():
        setattr(hook, name, value)
    hook.save(update_fields=[*changes, "updated_at"])


def checked_events(events: list[str]) -> list[str]:
    """Patterns of known subjects and actions; all events if none is named."""
    for pattern in events:
        subject, _, action = ("*", ".", "*") if pattern == "*" else pattern.partition(".")
        if subject not in {"*", *SUBJECTS.values()} or action not in {"*", *ACTIONS}:
            raise InvalidInput(
                f"{pattern!r} is no event. Write `*`, `experiment.*`, `*.done`, or `experiment.done`.", field="events"
            )
    return events or ["*"]


def checked_url(url: str) -> str:
    """An http or https address without credentials, and none inside of this network if it names one by number."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidInput(f"{url!r} is no address.", field="url") from None
    if parts.scheme not in {"http", "https"} or not host or any(char <= " " or char == "\x7f" for char in url):
        raise InvalidInput("The address must begin with http:// or https:// and name a host.", field="url")
    if parts.username or parts.password:
        raise InvalidInput("An address holds no user and no password: what is sent is signed.", field="url")
    try:
        check_reachable(host)
    except ValueError as error:
        raise InvalidInput(f"{error}", field="url") from error
    return url


def check_reachable(address: str) -> None:
    """Raise ValueError for an IP address that is not public, unless the configuration allows it. Names pass."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return
    mapped = getattr(found, "ipv4_mapped", None) or found
    if settings.CONFIG.webhooks.webhooks_allow_private:
        return
    if not mapped.is_global or mapped.is_multicast:
        raise ValueError(
            f"{address} is not a public address. POLYAXON_WEBHOOKS_ALLOW_PRIVATE lets webhooks reach such ones."
        )
