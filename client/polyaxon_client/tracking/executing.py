"""What runs that execute code (experiments, jobs) have beyond groups: logs, code, outputs."""

from __future__ import annotations

import os
from typing import Any

from polyaxon_client.exceptions import PolyaxonClientException
from polyaxon_client.tracking import environment
from polyaxon_client.tracking.base import Run
from polyaxon_client.tracking.environment import tracked
from polyaxon_client.workers.lanes import LOGS, Item


class ExecutingRun(Run):
    @tracked
    def send_logs(self, log_line: str) -> None:
        """Send one line of log, or several separated by line ends."""
        if self._sender is not None:
            self._sender.submit(Item(LOGS, self._target, [str(log_line)], size=len(str(log_line)) + 4))

    @tracked
    def log_code_ref(self) -> None:
        """Send the git state of the current folder, if it has one; looked up in the background.

        What differs from the commit is kept as the artifact ``code.diff``.
        """
        cwd = os.getcwd()  # noqa: PTH109
        self._update("POST", "coderef/", lambda: self._code_ref(cwd))

    def _code_ref(self, cwd: str) -> Any:
        from polyaxon_client.tracking import code_ref  # noqa: PLC0415

        found = code_ref.get_code_ref(cwd)
        if found.get("is_dirty"):
            diff = code_ref.get_diff(cwd)
            if diff is not None:
                known = {"commit": found["commit"], "untracked": code_ref.get_untracked(cwd)}
                self._write(diff, "code.diff", "diff", None, known, "code.diff")
        return found or None

    @tracked
    def get_outputs_path(self) -> str | None:
        """Where this run puts what it produces.

        Raises:
            PolyaxonClientException: outside of the platform, when no base folder was given.
        """
        if self.outputs_path:
            return self.outputs_path
        if not (self.settings.is_managed or self.settings.in_cluster):
            raise PolyaxonClientException(
                "this run has no outputs path: give base_outputs_path to create(), or set POLYAXON_BASE_OUTPUTS_PATH"
            )
        return environment.get_outputs_path()

    @tracked
    def get_log_level(self) -> str | None:
        return environment.get_log_level()

    @tracked
    def get_data_paths(self) -> Any:
        return environment.get_data_paths()

    @tracked
    def get_outputs_refs_paths(self) -> Any:
        return environment.get_outputs_refs_paths()

    def _begin_executing(self, base_outputs_path: str | None, *middle: object) -> None:
        """After the creation outside of the platform: outputs folder, code reference, status, log
        forwarding."""
        base = base_outputs_path or environment.get_base_outputs_path()
        if base and self.entity_id is not None:
            parts = [self.username, self.project_name, *middle, self.entity_id]
            self.outputs_path = os.path.join(base, *(str(part) for part in parts if part is not None))  # noqa: PTH118
        if self._sender is None:
            return
        if self.track_code:
            self.log_code_ref()
        self._begin_unmanaged()
        if self.track_logs:
            from polyaxon_client.tracking.log_handler import forward_logs  # noqa: PLC0415

            forward_logs(self.send_logs, self.settings.text("POLYAXON_LOGS_LEVEL") or "")
