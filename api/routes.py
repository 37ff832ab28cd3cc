"""Routes of the REST interface: each also answers with a slash at its end and with the suffix `.json`."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.urls import URLPattern
from django.urls.resolvers import RoutePattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponseBase
    from django.views import View

PROJECT = "<str:owner>/<str:project>"

_FORMS = ("/", ".json")


class ApiRoute(RoutePattern):
    """A route that is written in one form and matches all of them.

    A request meets most routes before its own, so what cannot match is seen by its number of parts and its last word
    before any expression is tried.
    """

    def __init__(self, route: str) -> None:
        super().__init__(route, is_endpoint=True)
        last = route.rpartition("/")[2]
        self._slashes = None if "<path:" in route else route.count("/")
        self._last = "" if "<" in last else last

    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        plain, slashes = _plain(path)
        if plain is None or self._slashes not in (None, slashes) or not plain.endswith(self._last):
            return None
        return super().match(plain)


@lru_cache(maxsize=256)
def _plain(path: str) -> tuple[str | None, int]:
    """The path in the form in which routes are written, and its number of slashes."""
    if "\x00" in path:  # no name has it, and Postgres refuses to look for it
        return None, 0
    for form in _FORMS:
        path = path.removesuffix(form)
    return path, path.count("/")


def route(pattern: str, view: type[View], **initial: Any) -> URLPattern:
    """Address `pattern` (Django's path syntax, no slash at the end) answered by `view`."""
    handler: Callable[..., HttpResponseBase] = view.as_view(**initial)
    return URLPattern(ApiRoute(pattern), handler)


def project_route(pattern: str, view: type[View], **initial: Any) -> URLPattern:
    """The same below `{owner}/{project}`."""
    return route(f"{PROJECT}/{pattern}", view, **initial)
