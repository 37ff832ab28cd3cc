"""Routes of the REST interface: each also answers with a slash at its end and with the suffix `.json`."""

from __future__ import annotations

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
    """A route that is written in one form and matches all of them."""

    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        if "\x00" in path:  # no name has it, and Postgres refuses to look for it
            return None
        for form in _FORMS:
            path = path.removesuffix(form)
        return super().match(path)


def route(pattern: str, view: type[View], **initial: Any) -> URLPattern:
    """Address `pattern` (Django's path syntax, no slash at the end) answered by `view`."""
    handler: Callable[..., HttpResponseBase] = view.as_view(**initial)
    return URLPattern(ApiRoute(pattern, is_endpoint=True), handler)


def project_route(pattern: str, view: type[View], **initial: Any) -> URLPattern:
    """The same below `{owner}/{project}`."""
    return route(f"{PROJECT}/{pattern}", view, **initial)
