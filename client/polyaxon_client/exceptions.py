"""Errors of the client. Every one prints as one line that says what happened, where, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class PolyaxonClientException(Exception):
    """Base of everything this package raises."""


class PolyaxonShouldExitError(PolyaxonClientException):
    """There is no point in going on: the server cannot be reached or the settings are incomplete."""


class ConfigurationError(PolyaxonShouldExitError):
    """A setting is missing or unusable."""


class ConnectionFailed(PolyaxonShouldExitError):
    """The server could not be reached, or broke off the answer."""


class PolyaxonHTTPError(PolyaxonClientException):
    """The server answered with an error.

    Attributes:
        status: the HTTP status code.
        url: the address that was asked.
        messages: what the server said, one text per problem; empty when it said nothing readable.
        body: the decoded JSON body, or ``None``.
    """

    hint = ""

    def __init__(self, status: int, url: str, body: Any = None) -> None:
        self.status = status
        self.status_code = status
        self.url = url
        self.body = body
        self.messages = flatten_messages(body)
        super().__init__(self._text())

    def _text(self) -> str:
        said = "; ".join(self.messages) or self.hint
        return f"{self.status} on {self.url}" + (f": {said}" if said else ".")


class ValidationError(PolyaxonHTTPError):
    """400: the request is refused. ``errors`` maps a field to its messages (others: ``non_field_errors``)."""

    hint = "the server refused the request"

    @property
    def errors(self) -> dict[str, list[str]]:
        if isinstance(self.body, Mapping):
            return {str(key): flatten_messages(value) for key, value in self.body.items()}
        return {"non_field_errors": self.messages} if self.messages else {}


class AuthenticationError(PolyaxonHTTPError):
    """401: no token, or one that is unknown or expired."""

    hint = "the token is missing, unknown or expired; log in again with `polyaxon login`"


class ForbiddenError(PolyaxonHTTPError):
    """403: known, but not allowed."""

    hint = "you are not allowed to do this"


class NotFoundError(PolyaxonHTTPError):
    """404: no such thing."""

    hint = "not found"


class TooManyRequestsError(PolyaxonHTTPError):
    """429: slow down."""

    hint = "too many requests; try again later"


class ServerError(PolyaxonHTTPError):
    """5xx: the server failed, or something in front of it did."""

    hint = "the server failed; its log has the reason"


_BY_STATUS = {
    400: ValidationError,
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    429: TooManyRequestsError,
}
_SERVER_ERRORS = 500


def http_error(status: int, url: str, body: Any = None) -> PolyaxonHTTPError:
    """The error object for a status code."""
    fallback = ServerError if status >= _SERVER_ERRORS else PolyaxonHTTPError
    return _BY_STATUS.get(status, fallback)(status, url, body)


def flatten_messages(body: Any, prefix: str | None = None) -> list[str]:
    """All texts in an error body: lists, ``{"detail": text}`` and ``{"field": [text]}``, nested at will."""
    if body is None or body == "":
        return []
    if isinstance(body, Mapping):
        return [text for key, value in body.items() for text in flatten_messages(value, _join(prefix, str(key)))]
    if isinstance(body, (list, tuple)):
        return [text for value in body for text in flatten_messages(value, prefix)]
    return [f"{prefix}: {body}" if prefix else str(body)]


def _join(prefix: str | None, key: str) -> str | None:
    if key in {"detail", "non_field_errors"}:
        return prefix
    return f"{prefix}.{key}" if prefix else key
