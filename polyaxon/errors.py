"""Errors that a person caused. Each carries one sentence that says what, where and what to do."""

from __future__ import annotations


class UserError(Exception):
    """The request cannot be done as asked. `field` names the part of the input that is wrong, if one is."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        self.message = message
        self.field = field
        super().__init__(message)


class InvalidInput(UserError):
    """Wrong input: 400."""


class Refused(UserError):
    """Right input at the wrong time or place: 403."""
