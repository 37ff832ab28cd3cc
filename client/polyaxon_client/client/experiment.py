"""Experiments."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from polyaxon_client.client.base import without_none
from polyaxon_client.client.runs import RunApi

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExperimentApi(RunApi):
    kind = "experiments"

    def list_experiments(self, page: int = 1) -> Any:
        """Experiments of all projects that one may see."""
        return self._list("experiments/", page=page)

    def get_experiment(self, username: str, project_name: str, experiment_id: int) -> Any:
        return self._get(self.path(username, project_name, experiment_id))

    def update_experiment(
        self,
        username: str,
        project_name: str,
        experiment_id: int,
        patch_dict: Mapping[str, Any],
        background: bool = False,
    ) -> Any:
        path = self.path(username, project_name, experiment_id)
        return self._patch(path, dict(patch_dict), background=background)

    def delete_experiment(self, username: str, project_name: str, experiment_id: int, background: bool = False) -> Any:
        return self._delete(self.path(username, project_name, experiment_id), background=background)

    def get_metrics(self, username: str, project_name: str, experiment_id: int, page: int = 1) -> Any:
        """Recorded points, oldest first: ``results`` of ``{id, created_at, values, experiment}``."""
        return self._list(self.path(username, project_name, experiment_id, "metrics"), page=page)

    def create_metric(
        self,
        username: str,
        project_name: str,
        experiment_id: int,
        values: Mapping[str, float | None],
        created_at: datetime | str | None = None,
        step: int | None = None,
        background: bool = False,
        periodic: bool = False,
    ) -> Any:
        """Record one point. NaN and infinite values travel as the texts ``NaN``, ``Infinity``,
        ``-Infinity``."""
        from polyaxon_client.workers.values import json_safe  # noqa: PLC0415

        when = created_at.isoformat(" ") if isinstance(created_at, datetime) else created_at
        body = {"values": json_safe(dict(values)), **without_none(created_at=when, step=step)}
        path = self.path(username, project_name, experiment_id, "metrics")
        return self._post(path, body, background=background or periodic)

    def list_jobs(self, username: str, project_name: str, experiment_id: int, page: int = 1) -> Any:
        return self._list(self.path(username, project_name, experiment_id, "jobs"), page=page)

    def start_tensorboard(
        self,
        username: str,
        project_name: str,
        experiment_id: int,
        content: Any = None,
        background: bool = False,
    ) -> Any:
        path = self.path(username, project_name, experiment_id, "tensorboard/start")
        return self._post(path, without_none(content=content), background=background)

    def stop_tensorboard(self, username: str, project_name: str, experiment_id: int, background: bool = False) -> Any:
        path = self.path(username, project_name, experiment_id, "tensorboard/stop")
        return self._post(path, background=background)
