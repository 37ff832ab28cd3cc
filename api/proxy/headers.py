"""Headers on their way through the proxy. Pure.

A notebook is somebody else's program at our own address. It must not learn what lets people into the platform, and
its pages must reach nothing of the platform but themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit, urlunsplit

Headers = list[tuple[bytes, bytes]]

# Of one connection, not of the message (RFC 9110, 7.6.1).
_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade"}
)  # fmt: skip
# What speaks for whoever asks, what was said of the way here, and what is checked here already.
_KEPT_BACK = frozenset(
    {b"host", b"authorization", b"cookie", b"origin", b"forwarded", b"x-real-ip", b"x-csrftoken",
     b"x-polyaxon-internal", b"expect"}
)  # fmt: skip
_OWN_PREFIXES = (b"x-forwarded-", b"sec-websocket-")
# What would speak for the whole of our host.
_OF_THE_HOST = frozenset(
    {b"service-worker-allowed", b"clear-site-data", b"strict-transport-security", b"alt-svc", b"nel", b"report-to",
     b"reporting-endpoints", b"public-key-pins", b"cross-origin-opener-policy", b"set-cookie", b"location",
     b"x-frame-options", b"server", b"refresh"}
)  # fmt: skip
_CROSS_ORIGIN = b"access-control-"
# Names of cookies that are the platform's, however they are called in the settings.
PLATFORM_COOKIES = frozenset({"sessionid", "csrftoken", "token", "user", "messages"})
_GUARDED_PREFIXES = ("__host-", "__secure-")


def to_service(headers: Iterable[tuple[bytes, bytes]], *, token: str | None, scheme: str) -> Headers:
    """What the service is told: all but credentials and what concerns one connection only."""
    given = [(name.lower(), value) for name, value in headers]
    dropped = _HOP | _KEPT_BACK | _named_in_connection(given)
    found = [(n, v) for n, v in given if n not in dropped and not n.startswith(_OWN_PREFIXES)]
    host = dict(given).get(b"host", b"")
    found += [(b"host", host), (b"x-forwarded-host", host), (b"x-forwarded-proto", scheme.encode())]
    if cookies := _services_cookies(value for name, value in given if name == b"cookie"):
        found.append((b"cookie", cookies))
    if token:
        found.append((b"authorization", f"token {token}".encode()))
    return found


def _named_in_connection(headers: Headers) -> set[bytes]:
    values = b",".join(value for name, value in headers if name == b"connection")
    return {name.strip().lower() for name in values.split(b",")}


def _services_cookies(lines: Iterable[bytes]) -> bytes:
    pairs = [pair.strip() for line in lines for pair in line.split(b";")]
    return b"; ".join(pair for pair in pairs if pair and not _is_platforms(pair.partition(b"=")[0]))


def _is_platforms(name: bytes) -> bool:
    text = name.decode("latin-1").strip().lower()
    return not text or text in PLATFORM_COOKIES or text.startswith(_GUARDED_PREFIXES)


class LeadsOut(Exception):
    """The service sent its client to another place of this host."""


def from_service(
    headers: Iterable[tuple[bytes, bytes]], *, host: str, path: str, address: str, secure: bool
) -> Headers:
    """What the client is told. Raises `LeadsOut`.

    A redirection within this host must stay below `path`: after one, browsers look at the host alone, so that a page
    would reach by it what its policy keeps from it.
    """
    given = [(name.lower(), value) for name, value in headers]
    dropped = _HOP | _OF_THE_HOST | _named_in_connection(given)
    found = [(n, v) for n, v in given if n not in dropped and not n.startswith(_CROSS_ORIGIN)]
    for name, value in given:
        if name == b"set-cookie" and (cookie := scoped_cookie(value.decode("latin-1"), path, secure=secure)):
            found.append((name, cookie.encode("latin-1")))
        elif name == b"location":
            found.append((name, _location(value.decode("latin-1"), host, path, address).encode("latin-1")))
    return [*found, *policy(host, path)]


def policy(host: str, path: str) -> Headers:
    """Pages of the service fetch, send forms and are framed below its own path only.

    That comes on top of what the service says itself: browsers heed both.
    """
    own = f"{host}{path}"
    rules = (
        f"connect-src {own} ws://{own} wss://{own} data: blob:",
        f"form-action {own}",
        f"frame-src {own} data: blob:",
        f"worker-src {own} blob: data:",
        "object-src 'none'",
        "frame-ancestors 'self'",
    )
    return [
        (b"content-security-policy", "; ".join(rules).encode("latin-1")),
        (b"x-frame-options", b"SAMEORIGIN"),
        (b"referrer-policy", b"same-origin"),
    ]


def scoped_cookie(cookie: str, path: str, *, secure: bool) -> str | None:
    """A cookie of the service, for its own path; None for one with a name that is the platform's."""
    pair, *attributes = [part.strip() for part in cookie.split(";")]
    if "=" not in pair or _is_platforms(pair.partition("=")[0].encode("latin-1", "replace")):
        return None
    kept = list(_kept(attributes))
    wanted = next((value for name, value in kept if name == "path"), path)
    own = wanted if wanted.startswith(path) and ".." not in wanted else path
    parts = [pair, *(f"{name}={value}" if value else name for name, value in kept if name != "path")]
    if secure and not any(name == "secure" for name, _ in kept):
        parts.append("secure")
    if not any(name == "samesite" for name, _ in kept):
        parts.append("samesite=Lax")
    return "; ".join([*parts, f"path={own}"])


def _kept(attributes: list[str]) -> Iterator[tuple[str, str]]:
    for attribute in attributes:
        name, _, value = attribute.partition("=")
        if name.lower() in {"path", "expires", "max-age", "secure", "httponly", "samesite"}:
            yield name.lower(), value.strip()


def _location(target: str, host: str, path: str, address: str) -> str:
    """The same target without our own host, or the service's."""
    parts = urlsplit(target.replace("\\", "/"))
    if parts.scheme and not parts.netloc:
        raise LeadsOut(target)  # javascript:, data:, or a slash short of a host
    if parts.netloc and parts.netloc.lower() not in {host.lower(), address.lower()}:
        return target
    inside = target if not parts.netloc else urlunsplit(("", "", parts.path, parts.query, parts.fragment))
    is_relative = not parts.netloc and not parts.path.startswith("/")
    if ".." in unquote(parts.path) or not (is_relative or parts.path.startswith(path)):
        raise LeadsOut(target)
    return inside
