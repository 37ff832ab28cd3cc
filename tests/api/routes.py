"""The routes that the URL configuration has, with addresses into a world of rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, get_resolver

METHODS = ("get", "post", "put", "patch", "delete")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Route:
    """One address pattern and one method. `pattern` is without prefix and converters: `{owner}/{project}`."""

    method: str
    pattern: str
    view: Any

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.pattern}"

    @property
    def in_project(self) -> bool:
        return "{owner}/{project}" in self.pattern

    def path(self, values: dict[str, Any]) -> str:
        """The address. A parameter's value goes by the pattern up to it, the fixed word before it, or its name."""
        words: list[str] = []
        pattern = self.pattern.split("/")
        for place, word in enumerate(pattern):
            name = word.strip("{}")
            before = pattern[place - 1] if place else ""
            keys = ("/".join(pattern[: place + 1]), f"{before}/{name}", name)
            found = next((values[key] for key in keys if key in values), 1)
            words.append(word if word == name else str(found))
        return "/api/v1/" + "/".join(words)


def all_routes() -> list[Route]:
    """Every method of every route below /api/v1."""
    found = [
        Route(method, _PARAMETER.sub(r"{\1}", text.removeprefix("api/v1/")), _view(pattern))
        for text, pattern in _patterns(get_resolver().url_patterns)
        if text.startswith("api/v1/")
        for method in METHODS
        if hasattr(_view(pattern), method)
    ]
    return sorted(found, key=lambda route: route.name)


def _view(pattern: URLPattern) -> Any:
    return getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)


def _patterns(patterns: Any, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        text = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield text, pattern
        else:
            yield from _patterns(pattern.url_patterns, text)
