"""Builds that are made outside of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.base import given, text_content
from polyaxon_client.tracking.environment import chained, tracked
from polyaxon_client.tracking.executing import ExecutingRun

if TYPE_CHECKING:
    from polyaxon_client.client import PolyaxonClient


class BuildJob(ExecutingRun):
    """A build. ``create()`` makes one; with ``job_id`` an existing one is gone on with."""

    kind = "builds"
    info_variable = "POLYAXON_JOB_INFO"
    info_key = "build_name"

    def __init__(
        self,
        project: str | None = None,
        job_id: int | None = None,
        client: PolyaxonClient | None = None,
        track_logs: bool = True,
        track_code: bool = True,
        track_env: bool = False,
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
    ) -> BuildJob:
        """Create the build outside of the platform; nothing inside of a managed one. Returns itself.

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
        )
        self._create({**body, "is_managed": False})
        self._begin_executing(None, "builds")
        return self

    @tracked
    def log_dockerfile(self, dockerfile: str) -> None:
        """Tell of what the image was built."""
        self._patch("dockerfile", dockerfile)
