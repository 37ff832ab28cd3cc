"""Experiment groups: searches and selections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.client.base import BaseApi, without_none

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExperimentGroupApi(BaseApi):
    def path(self, username: str, project_name: str, group_id: int, *more: object) -> str:
        return self.transport.path(username, project_name, "groups", group_id, *more)

    def get_experiment_group(self, username: str, project_name: str, group_id: int) -> Any:
        return self._get(self.path(username, project_name, group_id))

    def list_experiments(
        self,
        username: str,
        project_name: str,
        group_id: int,
        metrics: bool | None = None,
        params: bool | None = None,
        query: str | None = None,
        sort: str | None = None,
        page: int = 1,
        limit: int | None = None,
    ) -> Any:
        """Experiments of the group; with ``metrics`` or ``params`` rows that hold just those."""
        path = self.transport.path(username, project_name, "experiments")
        filters = {"group": group_id, "metrics": metrics or None, "params": params or None}
        return self._list(path, query=query, sort=sort, page=page, limit=limit, **filters)

    def update_experiment_group(
        self,
        username: str,
        project_name: str,
        group_id: int,
        patch_dict: Mapping[str, Any],
        background: bool = False,
    ) -> Any:
        path = self.path(username, project_name, group_id)
        return self._patch(path, dict(patch_dict), background=background)

    def delete_experiment_group(self, username: str, project_name: str, group_id: int, background: bool = False) -> Any:
        return self._delete(self.path(username, project_name, group_id), background=background)

    def get_statuses(self, username: str, project_name: str, group_id: int, page: int = 1) -> Any:
        return self._list(self.path(username, project_name, group_id, "statuses"), page=page)

    def create_status(
        self,
        username: str,
        project_name: str,
        group_id: int,
        status: str,
        message: str | None = None,
        background: bool = False,
    ) -> Any:
        body = {"status": status, **without_none(message=message)}
        return self._post(self.path(username, project_name, group_id, "statuses"), body, background=background)

    def stop(
        self, username: str, project_name: str, group_id: int, pending: bool = False, background: bool = False
    ) -> Any:
        """Stop the group; with ``pending`` only its experiments that have not started."""
        body = {"pending": True} if pending else None
        return self._post(self.path(username, project_name, group_id, "stop"), body, background=background)

    def start_tensorboard(
        self, username: str, project_name: str, group_id: int, content: Any = None, background: bool = False
    ) -> Any:
        path = self.path(username, project_name, group_id, "tensorboard/start")
        return self._post(path, without_none(content=content), background=background)

    def stop_tensorboard(self, username: str, project_name: str, group_id: int, background: bool = False) -> Any:
        return self._post(self.path(username, project_name, group_id, "tensorboard/stop"), background=background)

    def bookmark(self, username: str, project_name: str, group_id: int, background: bool = False) -> Any:
        return self._post(self.path(username, project_name, group_id, "bookmark"), background=background)

    def unbookmark(self, username: str, project_name: str, group_id: int, background: bool = False) -> Any:
        return self._delete(self.path(username, project_name, group_id, "unbookmark"), background=background)
