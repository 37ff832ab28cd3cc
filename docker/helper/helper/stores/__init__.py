"""Object stores by the scheme of their address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from helper.problems import Problem
from helper.stores.azure import AzureStore
from helper.stores.gcs import GoogleStore
from helper.stores.s3 import S3Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helper.stores.base import ObjectStore

_STORES: Mapping[str, type[S3Store | GoogleStore | AzureStore]] = {
    "s3": S3Store,
    "gs": GoogleStore,
    "wasb": AzureStore,
    "wasbs": AzureStore,
}


def open_store(url: str, credentials: str | None) -> ObjectStore:
    """The store at `url`. `credentials`: JSON, as the store's secret holds it; None: whatever the pod may do anyway."""
    scheme, _, rest = url.partition("://")
    if scheme not in _STORES:
        raise Problem(f"{url}: stores are {', '.join(f'{known}://' for known in _STORES)}")
    place, _, prefix = rest.partition("/")
    return _STORES[scheme](place, prefix.strip("/"), _parsed(url, credentials))


def _parsed(url: str, credentials: str | None) -> dict[str, Any]:
    if not credentials:
        return {}
    try:
        found = json.loads(credentials)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Problem(f"{url}: the secret of the store must be a JSON object")
    return found
