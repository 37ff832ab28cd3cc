"""Which registry built images go to, and what it is called by whom."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from polyaxon import options
from polyaxon.db.models import RegistryAccess
from polyaxon.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Registry:
    """Nodes pull from it, pods push to it."""

    pull_host: str
    push_host: str
    is_insecure: bool = False
    secret: str | None = None  # of the namespace, of type dockerconfigjson


def registry() -> Registry:
    """The entry of the catalog that the option ACCESS:REGISTRY names, else that of the settings.

    Raises `InvalidInput` where there is neither.
    """
    found = configured()
    if found is None:
        raise InvalidInput(
            "There is no registry for built images. Set POLYAXON_REGISTRY_LOCALHOST, or the option "
            "ACCESS:REGISTRY to an entry of the registry catalog."
        )
    return found


def configured() -> Registry | None:
    """The same, or None."""
    chosen = options.value("ACCESS:REGISTRY")
    entry = RegistryAccess.objects.filter(pk=chosen, deleted=False).first() if chosen else None
    secret = entry.k8s_secret.k8s_ref if entry and entry.k8s_secret else None
    if entry and entry.host:
        host = entry.host.rstrip("/")
        return Registry(host, host, bool(entry.insecure), secret)
    given = settings.CONFIG.kubernetes
    pull = given.registry_localhost.rstrip("/")
    if not pull:
        return None
    return Registry(pull, given.registry_host.rstrip("/") or pull, given.registry_insecure, secret)
