"""Content of requests: a polyaxonfile of the right kind, or an error that names what is wrong."""

from __future__ import annotations

from django.conf import settings

from polyaxon.errors import InvalidInput
from polyaxon_schemas import PolyaxonfileError, Rendered, Specification, parse


def parse_content(content: str, *, kind: str) -> Specification:
    """The specification in `content`. Raises `InvalidInput` with one line per problem."""
    try:
        return parse(content, kind=kind, strict=settings.CONFIG.core.strict_templates)
    except PolyaxonfileError as error:
        raise InvalidInput(str(error)) from error


def check_renders(specification: Specification) -> Rendered:
    """Its final values. Raises `InvalidInput` when the file cannot be turned into a command."""
    try:
        return specification.render()
    except PolyaxonfileError as error:
        raise InvalidInput(str(error)) from error
