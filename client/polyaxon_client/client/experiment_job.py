"""Replicas of an experiment."""

from __future__ import annotations

from typing import Any

from polyaxon_client.client.base import BaseApi


class ExperimentJobApi(BaseApi):
    def get_job(self, username: str, project_name: str, experiment_id: int, job_id: int) -> Any:
        return self._get(self._path(username, project_name, experiment_id, job_id))

    def get_statuses(self, username: str, project_name: str, experiment_id: int, job_id: int, page: int = 1) -> Any:
        return self._list(self._path(username, project_name, experiment_id, job_id, "statuses"), page=page)

    def logs(self, username: str, project_name: str, experiment_id: int, job_id: int) -> str | None:
        """The log of the replica as text."""
        path = self._path(username, project_name, experiment_id, job_id, "logs")
        text: str | None = self._try(lambda: self.transport.text(path))
        return text

    def resources(self, username: str, project_name: str, experiment_id: int, job_id: int) -> Any:
        """The last sample of what the replica takes."""
        return self._get(self._path(username, project_name, experiment_id, job_id, "resources"))

    def _path(self, username: str, project_name: str, experiment_id: int, job_id: int, *more: object) -> str:
        return self.transport.path(username, project_name, "experiments", experiment_id, "jobs", job_id, *more)
