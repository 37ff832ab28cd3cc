"""Projects, their code, and the creation and listing of what belongs to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyaxon_client.client.base import BaseApi, to_body, to_content, without_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polyaxon_client.transport import DownloadProgress, UploadProgress


class ProjectApi(BaseApi):
    def path(self, username: str, project_name: str, *more: object) -> str:
        return self.transport.path(username, project_name, *more)

    def list_projects(self, username: str, page: int = 1) -> Any:
        return self._list(self.transport.path(username), page=page)

    def get_project(self, username: str, project_name: str) -> Any:
        return self._get(self.path(username, project_name))

    def create_project(self, project_config: Any, background: bool = False) -> Any:
        return self._create("projects/", to_body(project_config), background=background)

    def update_project(
        self, username: str, project_name: str, patch_dict: Mapping[str, Any], background: bool = False
    ) -> Any:
        return self._patch(self.path(username, project_name), dict(patch_dict), background=background)

    def delete_project(self, username: str, project_name: str, background: bool = False) -> Any:
        return self._delete(self.path(username, project_name), background=background)

    def enable_ci(self, username: str, project_name: str, config: Any = None, background: bool = False) -> Any:
        body = {"config": config} if config else {}
        return self._post(self.path(username, project_name, "ci"), body, background=background)

    def disable_ci(self, username: str, project_name: str, background: bool = False) -> Any:
        return self._delete(self.path(username, project_name, "ci"), background=background)

    def set_repo(
        self, username: str, project_name: str, git_url: str, is_public: bool = True, background: bool = False
    ) -> Any:
        body = {"git_url": git_url, "is_public": is_public}
        return self._post(self.path(username, project_name, "repo/external"), body, background=background)

    def sync_repo(self, username: str, project_name: str, background: bool = False) -> Any:
        return self._post(self.path(username, project_name, "repo/sync"), background=background)

    def upload_repo(
        self,
        username: str,
        project_name: str,
        archive: Path,
        sync: bool = False,
        progress: UploadProgress | None = None,
    ) -> Any:
        """Send a gzip tar of the code, streamed; ``sync`` also triggers the project's CI.

        Returns ``None`` when the server accepted without a word, else its answer.
        """
        data = {"json": json.dumps({"sync": True})} if sync else None
        path = self.path(username, project_name, "repo/upload")
        return self._try(lambda: self.transport.upload(path, archive, data=data, progress=progress))

    def download_repo(
        self,
        username: str,
        project_name: str,
        commit: str | None = None,
        destination: Path | None = None,
        progress: DownloadProgress | None = None,
    ) -> Path | None:
        """The code at a commit as a ``.tar.gz``, by default ``./repo.tar.gz``."""
        path = self.path(username, project_name, "repo/download")
        target = destination or Path("repo.tar.gz")
        done: Path | None = self._try(
            lambda: self.transport.download(path, target, params={"commit": commit}, progress=progress)
        )
        return done

    def list_experiment_groups(
        self,
        username: str,
        project_name: str,
        query: str | None = None,
        sort: str | None = None,
        page: int = 1,
        limit: int | None = None,
    ) -> Any:
        path = self.path(username, project_name, "groups")
        return self._list(path, query=query, sort=sort, page=page, limit=limit)

    def create_experiment_group(
        self, username: str, project_name: str, experiment_group_config: Any, background: bool = False
    ) -> Any:
        body = to_body(experiment_group_config)
        return self._create(self.path(username, project_name, "groups"), body, background=background)

    def list_experiments(
        self,
        username: str,
        project_name: str,
        independent: bool | None = None,
        group: int | None = None,
        metrics: bool | None = None,
        params: bool | None = None,
        query: str | None = None,
        sort: str | None = None,
        page: int = 1,
        limit: int | None = None,
    ) -> Any:
        """Experiments; with ``metrics`` or ``params`` rows that hold just those."""
        filters = {"independent": independent or None, "metrics": metrics or None, "params": params or None}
        path = self.path(username, project_name, "experiments")
        return self._list(path, query=query, sort=sort, page=page, limit=limit, group=group, **filters)

    def create_experiment(
        self,
        username: str,
        project_name: str,
        experiment_config: Any,
        group: int | None = None,
        background: bool = False,
    ) -> Any:
        body = {**to_body(experiment_config), **without_none(experiment_group=group)}
        return self._create(self.path(username, project_name, "experiments"), body, background=background)

    def list_jobs(
        self,
        username: str,
        project_name: str,
        query: str | None = None,
        sort: str | None = None,
        page: int = 1,
        limit: int | None = None,
    ) -> Any:
        path = self.path(username, project_name, "jobs")
        return self._list(path, query=query, sort=sort, page=page, limit=limit)

    def create_job(self, username: str, project_name: str, job_config: Any, background: bool = False) -> Any:
        return self._create(self.path(username, project_name, "jobs"), to_body(job_config), background=background)

    def list_builds(
        self,
        username: str,
        project_name: str,
        query: str | None = None,
        sort: str | None = None,
        page: int = 1,
        limit: int | None = None,
    ) -> Any:
        path = self.path(username, project_name, "builds")
        return self._list(path, query=query, sort=sort, page=page, limit=limit)

    def create_build(self, username: str, project_name: str, job_config: Any, background: bool = False) -> Any:
        return self._create(self.path(username, project_name, "builds"), to_body(job_config), background=background)

    def invalidate_builds(self, username: str, project_name: str, background: bool = False) -> Any:
        """Have runs build anew what they need."""
        return self._post(self.path(username, project_name, "builds/invalidate"), background=background)

    def list_tensorboards(
        self,
        username: str,
        project_name: str,
        query: str | None = None,
        sort: str | None = None,
        page: int = 1,
        limit: int | None = None,
    ) -> Any:
        path = self.path(username, project_name, "tensorboards")
        return self._list(path, query=query, sort=sort, page=page, limit=limit)

    def start_tensorboard(
        self, username: str, project_name: str, content: Any = None, is_managed: bool = True, background: bool = False
    ) -> Any:
        return self._start("tensorboard", username, project_name, content, is_managed, background)

    def stop_tensorboard(self, username: str, project_name: str, background: bool = False) -> Any:
        return self._post(self.path(username, project_name, "tensorboard/stop"), background=background)

    def start_notebook(
        self, username: str, project_name: str, content: Any = None, is_managed: bool = True, background: bool = False
    ) -> Any:
        return self._start("notebook", username, project_name, content, is_managed, background)

    def stop_notebook(
        self, username: str, project_name: str, commit: bool | None = True, background: bool = False
    ) -> Any:
        """Stop the notebook; with ``commit`` false its changes are given up."""
        body = {"commit": False} if commit is False else None
        return self._post(self.path(username, project_name, "notebook/stop"), body, background=background)

    def bookmark(self, username: str, project_name: str, background: bool = False) -> Any:
        return self._post(self.path(username, project_name, "bookmark"), background=background)

    def unbookmark(self, username: str, project_name: str, background: bool = False) -> Any:
        return self._delete(self.path(username, project_name, "unbookmark"), background=background)

    def _start(
        self, what: str, username: str, project_name: str, content: Any, is_managed: bool, background: bool
    ) -> Any:
        body = {"content": to_content(content), "is_managed": is_managed} if content else {}
        return self._post(self.path(username, project_name, f"{what}/start"), body, background=background)
