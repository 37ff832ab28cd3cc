"""The server as a WSGI application."""

from __future__ import annotations

import os
from functools import lru_cache

import django
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest
from django.urls import ResolverMatch, get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyaxon.settings")

PATHS_KNOWN = 4096
LONGEST_KNOWN = 256  # characters


class Handler(WSGIHandler):
    """Django's, which remembers which view a path has: to find it takes as long as a small answer."""

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """The view and its arguments. Raises `Resolver404`."""
        path = request.path_info
        match = _view_of(path) if len(path) <= LONGEST_KNOWN else get_resolver().resolve(path)
        request.resolver_match = match
        return match


@lru_cache(maxsize=PATHS_KNOWN)
def _view_of(path: str) -> ResolverMatch:
    return get_resolver().resolve(path)


django.setup(set_prefix=False)
application = Handler()
