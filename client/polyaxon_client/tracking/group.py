"""Groups of experiments that are tracked, not scheduled, by the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.base import Run, given, text_content
from polyaxon_client.tracking.environment import chained, get_base_outputs_path, tracked
from polyaxon_client.tracking.experiment import Experiment

if TYPE_CHECKING:
    from polyaxon_client.client import PolyaxonClient


class Group(Run):
    """A group made outside of the platform; success is told to the server as ``done``."""

    kind = "groups"
    success = "done"

    def __init__(
        self,
        project: str | None = None,
        group_id: int | None = None,
        client: PolyaxonClient | None = None,
        track_logs: bool = True,
        track_code: bool = True,
        track_env: bool = True,
        outputs_store: Any = None,
        track_git: bool | None = None,
    ) -> None:
        self.base_outputs_path: str | None = None
        super().__init__(project, group_id, client, track_logs, track_code, track_env, outputs_store, track_git)

    @property
    def group_id(self) -> int | None:
        return self.entity_id

    @chained
    def create(
        self,
        name: str | None = None,
        tags: Any = None,
        description: str | None = None,
        content: Any = None,
        base_outputs_path: str | None = None,
    ) -> Group:
        """Create the group. Returns itself.

        Raises:
            PolyaxonHTTPError: the server refuses.
        """
        self.base_outputs_path = base_outputs_path or get_base_outputs_path()
        body = given(name=name, tags=tags, description=description, content=text_content(content))
        self._create({**body, "is_managed": False})
        self._begin_unmanaged()
        return self

    @tracked
    def log_status(self, status: str, message: str | None = None, traceback: str | None = None) -> None:
        """Send a status. Success is called ``done``; of a trace the last line becomes the message."""
        text = message or (traceback.strip().rpartition("\n")[2] if traceback else None)
        super().log_status(self.success if status == "succeeded" else status, text)

    def create_experiment(
        self,
        name: str | None = None,
        framework: str | None = None,
        tags: Any = None,
        description: str | None = None,
        content: Any = None,
    ) -> Experiment:
        """Create an experiment of this group, tracked the same way."""
        experiment = Experiment(
            self._project_text(),
            group_id=self.group_id,
            client=self._given_client,
            track_logs=self.track_logs,
            track_code=self.track_code,
            track_env=self.track_env,
            outputs_store=self.outputs_store,
        )
        return experiment.create(
            name=name,
            framework=framework,
            tags=tags,
            description=description,
            content=content,
            base_outputs_path=self.base_outputs_path,
        )

    def _project_text(self) -> str:
        return f"{self.username}/{self.project_name}" if self.username else str(self.project_name)
