"""Builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.client.runs import RunApi

if TYPE_CHECKING:
    from collections.abc import Mapping


class BuildJobApi(RunApi):
    kind = "builds"

    def get_build(self, username: str, project_name: str, job_id: int) -> Any:
        return self._get(self.path(username, project_name, job_id))

    def update_build(
        self,
        username: str,
        project_name: str,
        job_id: int,
        patch_dict: Mapping[str, Any],
        background: bool = False,
    ) -> Any:
        return self._patch(self.path(username, project_name, job_id), dict(patch_dict), background=background)

    def delete_build(self, username: str, project_name: str, job_id: int, background: bool = False) -> Any:
        return self._delete(self.path(username, project_name, job_id), background=background)

    def invalidate(self, username: str, project_name: str, job_id: int, background: bool = False) -> Any:
        """Have the next run that needs it build anew."""
        return self._post(self.path(username, project_name, job_id, "invalidate"), background=background)
