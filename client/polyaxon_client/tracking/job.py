"""Jobs: runs that are no training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking import environment
from polyaxon_client.tracking.base import given, text_content
from polyaxon_client.tracking.environment import chained, tracked
from polyaxon_client.tracking.executing import ExecutingRun

if TYPE_CHECKING:
    from polyaxon_client.client import PolyaxonClient


class Job(ExecutingRun):
    """A job. Inside of a managed job ``Job()`` is that job; elsewhere call ``create()`` first."""

    kind = "jobs"
    info_variable = "POLYAXON_JOB_INFO"
    info_key = "job_name"

    def __init__(
        self,
        project: str | None = None,
        job_id: int | None = None,
        client: PolyaxonClient | None = None,
        track_logs: bool = True,
        track_code: bool = True,
        track_env: bool = True,
        outputs_store: Any = None,
        track_git: bool | None = None,
    ) -> None:
        super().__init__(project, job_id, client, track_logs, track_code, track_env, outputs_store, track_git)

    @property
    def job_id(self) -> int | None:
        return self.entity_id

    @chained
    def create(
        self,
        name: str | None = None,
        backend: str | None = None,
        tags: Any = None,
        description: str | None = None,
        content: Any = None,
        build_id: int | None = None,
        base_outputs_path: str | None = None,
    ) -> Job:
        """Create the job outside of the platform; nothing inside of a managed one. Returns itself.

        Raises:
            PolyaxonHTTPError: the server refuses.
        """
        if self.is_managed:
            return self
        body = given(
            name=name,
            backend=backend or "other",
            tags=tags,
            description=description,
            content=text_content(content),
            build_job=None if build_id is None else str(build_id),
        )
        self._create({**body, "is_managed": False})
        if self.track_env:
            self.log_run_env()
        self._begin_executing(base_outputs_path, "jobs")
        return self

    @tracked
    def get_job_info(self) -> Any:
        """Names and uuids of this job and its project. Raises outside of a run."""
        return environment.get_info("JOB")
