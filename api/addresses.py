"""Where a request comes from."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request

Network = IPv4Network | IPv6Network


def client_address(request: Request | HttpRequest) -> str:
    """The address of the client: the peer's, or what trusted proxies say of it.

    X-Forwarded-For is read from its end, where the nearest proxy wrote, up to the first address that is no trusted
    proxy: what stands before that came from the client, who may write anything.
    """
    address = str(request.META.get("REMOTE_ADDR") or "")
    trusted = _networks(tuple(settings.CONFIG.server.trusted_proxies))
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR") or "").split(",")
    while _is_in(address, trusted) and forwarded:
        said = forwarded.pop().strip()
        if not _is_address(said):
            break
        address = said
    return address


@lru_cache(maxsize=4)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    if not networks or not _is_address(address):
        return False
    parsed = ip_address(address)
    return any(parsed in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
