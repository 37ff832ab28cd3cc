"""Accounts, for administrators."""

from __future__ import annotations

from typing import Any

from polyaxon_client.client.base import BaseApi


class UserApi(BaseApi):
    def activate_user(self, username: str) -> Any:
        return self._post(self.transport.path("users/activate", username))

    def delete_user(self, username: str) -> Any:
        return self._delete(self.transport.path("users/delete", username))

    def grant_superuser(self, username: str) -> Any:
        return self._post(self.transport.path("superusers/grant", username))

    def revoke_superuser(self, username: str) -> Any:
        return self._post(self.transport.path("superusers/revoke", username))
