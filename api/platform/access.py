"""Who may use what belongs to the whole platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission

from api.authentication import run_token
from api.views import BaseView
from polyaxon.db.models import User
from polyaxon.security.permissions import is_platform_admin

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class AdminsWrite(BasePermission):
    """Everybody with an account reads, administrators of the platform change."""

    message = "Only administrators of the platform may change this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        del view
        return request.method in SAFE_METHODS or (isinstance(request.user, User) and is_platform_admin(request.user))


class NoRuns(BasePermission):
    """No run, whoever started it: what runs is code of anybody."""

    message = "Runs may not read or change this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        del view
        return run_token(request) is None


class NeverUnauthorized(BaseView):
    """Answers 403 where others answer 401, as these addresses did in 0.6."""

    def get_authenticate_header(self, request: Request) -> str:
        del request
        return ""
