"""How runs and services get the token of a run."""

from __future__ import annotations

from typing import Any

from polyaxon_client.client.base import BaseApi
from polyaxon_client.tracking.one_time import keep_token
from polyaxon_client.transport import Transport


class RunTokensApi(BaseApi):
    def login_experiment_ephemeral_token(
        self,
        username: str,
        project_name: str,
        experiment_id: int,
        ephemeral_token: str,
        set_token: bool = True,
        persist_token: bool = True,
    ) -> str | None:
        """Trade a token for one use for the run's own, and go on with that."""
        path = self.transport.path(username, project_name, "experiments", experiment_id, "ephemeraltoken")
        token = self._asked(path, "EphemeralToken", ephemeral_token)
        if token and set_token:
            self._client.set_token(token)
        if token and persist_token:
            keep_token(token)
        return token

    def login_experiment_impersonate_token(
        self, username: str, project_name: str, experiment_id: int, internal_token: str, set_token: bool = True
    ) -> str | None:
        return self._impersonated(internal_token, set_token, username, project_name, "experiments", experiment_id)

    def login_job_impersonate_token(
        self, username: str, project_name: str, job_id: int, internal_token: str, set_token: bool = True
    ) -> str | None:
        return self._impersonated(internal_token, set_token, username, project_name, "jobs", job_id)

    def login_build_impersonate_token(
        self, username: str, project_name: str, job_id: int, internal_token: str, set_token: bool = True
    ) -> str | None:
        return self._impersonated(internal_token, set_token, username, project_name, "builds", job_id)

    def login_notebook_impersonate_token(
        self, username: str, project_name: str, internal_token: str, set_token: bool = True
    ) -> str | None:
        return self._impersonated(internal_token, set_token, username, project_name, "notebook")

    def _impersonated(self, secret: str, set_token: bool, *parts: object) -> str | None:
        token = self._asked(self.transport.path(*parts, "impersonatetoken"), "Internaltoken", secret)
        if token and set_token:
            self._client.set_token(token)
        return token

    def _asked(self, path: str, word: str, secret: str) -> str | None:
        address = {**self._client._address, "token": secret, "authentication_type": word}  # noqa: SLF001
        connection = self._client.settings.connection(**address)
        headers = {**self._client.settings.internal_header, **connection.headers}
        with Transport(connection) as transport:
            answer: Any = self._try(lambda: transport.request("POST", path, headers=headers).json())
        return answer.get("token") if isinstance(answer, dict) else None
