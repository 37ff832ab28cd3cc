"""Errors in the shapes of the 0.6 interface."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_handler
from rest_framework.views import set_rollback

from polyaxon.errors import InvalidInput, Refused, UserError
from polyaxon.stores import OutputsNotFound, PathRefused


class TooLarge(APIException):
    """413."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request's body is too large."


class LengthRequired(APIException):
    """411."""

    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_detail = "Send the body with its Content-Length, not in chunks of unknown number."


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an error that a person caused; None for a defect of ours, which becomes a 500."""
    if isinstance(error, UserError):
        set_rollback()
        return _user_error(error)
    if isinstance(error, RequestDataTooBig):
        error = TooLarge()
    return rest_handler(error, context)


def _user_error(error: UserError) -> Response:
    if isinstance(error, OutputsNotFound):
        return Response(error.message, status=status.HTTP_404_NOT_FOUND)
    if isinstance(error, Refused):
        return Response({"detail": error.message}, status=status.HTTP_403_FORBIDDEN)
    return invalid(error)


def invalid(error: UserError) -> Response:
    """400: a list for the whole request, an object when one field is wrong."""
    named = isinstance(error, InvalidInput) and error.field and not isinstance(error, PathRefused)
    body: Any = {error.field: [error.message]} if named else [error.message]
    return Response(body, status=status.HTTP_400_BAD_REQUEST)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 outside of the views, such as a Host header that is not allowed."""
    del request, exception
    return JsonResponse({"detail": "Bad request."}, status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 of an address that does not exist."""
    del exception
    return JsonResponse({"detail": f"There is nothing at {request.path}."}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500. What happened stands in the server's log."""
    del request
    return JsonResponse({"detail": "The server failed. Its log tells why."}, status=500)
