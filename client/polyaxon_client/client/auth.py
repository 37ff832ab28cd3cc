"""Who is asking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyaxon_client.client.run_tokens import RunTokensApi
from polyaxon_client.transport import Transport


class AuthApi(RunTokensApi):
    def get_user(self, token: str | None = None) -> Any:
        """The account of the current token, or of the one given: ``{username, email, is_superuser}``."""
        if token is None:
            return self._get("users/")
        other = self._client.settings.connection(**{**self._client._address, "token": token})  # noqa: SLF001
        with Transport(other) as transport:
            return self._shape(self._try(lambda: transport.get("users/")))

    def login(self, credentials: Mapping[str, str] | Any, set_token: bool = False) -> str | None:
        """Exchange ``username`` and ``password`` for a token.

        Raises:
            ValidationError: they are wrong (with ``reraise``).
        """
        pair = credentials if isinstance(credentials, Mapping) else vars(credentials)
        form = {"username": pair["username"], "password": pair["password"]}
        answer = self._try(lambda: self.transport.post_form("users/token/", form))
        token = answer.get("token") if answer else None
        if token and set_token:
            self._client.set_token(token)
        return token
