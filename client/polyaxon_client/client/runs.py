"""What experiments and jobs have in common: both run, write a log and leave outputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from polyaxon_client.client.base import BaseApi, to_content, without_none

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polyaxon_client.transport import DownloadProgress


class RunApi(BaseApi):
    """Methods take the user name, the project's name and the run's id first. ``kind`` is the path segment."""

    kind = ""

    def path(self, username: str, project_name: str, run_id: int, *more: object) -> str:
        """``{user}/{project}/{kind}/{id}/...``"""
        return self.transport.path(username, project_name, self.kind, run_id, *more)

    def get_statuses(self, username: str, project_name: str, run_id: int, page: int = 1) -> Any:
        return self._list(self.path(username, project_name, run_id, "statuses"), page=page)

    def create_status(
        self,
        username: str,
        project_name: str,
        run_id: int,
        status: str,
        message: str | None = None,
        traceback: str | None = None,
        background: bool = False,
    ) -> Any:
        body = {"status": status, **without_none(message=message, traceback=traceback)}
        return self._post(self.path(username, project_name, run_id, "statuses"), body, background=background)

    def get_code_reference(self, username: str, project_name: str, run_id: int) -> Any:
        return self._get(self.path(username, project_name, run_id, "coderef"))

    def create_code_reference(
        self,
        username: str,
        project_name: str,
        run_id: int,
        coderef: Mapping[str, Any],
        background: bool = False,
    ) -> Any:
        return self._post(self.path(username, project_name, run_id, "coderef"), dict(coderef), background=background)

    def send_logs(
        self,
        username: str,
        project_name: str,
        run_id: int,
        log_lines: str | list[str],
        background: bool = False,
        periodic: bool = False,
    ) -> Any:
        text = log_lines if isinstance(log_lines, str) else "\n".join(log_lines)
        path = self.path(username, project_name, run_id, "logs")
        return self._post(path, text, background=background or periodic)

    def get_logs(self, username: str, project_name: str, run_id: int) -> str | None:
        """The whole log as text."""
        path = self.path(username, project_name, run_id, "logs")
        text: str | None = self._try(lambda: self.transport.text(path))
        return text

    def follow_logs(
        self,
        username: str,
        project_name: str,
        run_id: int,
        is_done: Callable[[], bool],
        interval: float = 1.0,
    ) -> Iterator[str]:
        """Lines of the log as they come; failures are always raised."""
        return self.transport.follow_logs(self.path(username, project_name, run_id, "logs"), is_done, interval)

    def logs(
        self,
        username: str,
        project_name: str,
        run_id: int,
        stream: bool = True,
        message_handler: Callable[[str], Any] | None = None,
    ) -> Any:
        """Without ``stream`` the whole log as text; with it each line is given to ``message_handler``."""
        if not stream:
            return self.get_logs(username, project_name, run_id)
        show = message_handler or print
        for line in self.follow_logs(username, project_name, run_id, self._ended(username, project_name, run_id)):
            show(line)
        return None

    def resources(
        self,
        username: str,
        project_name: str,
        run_id: int,
        message_handler: Callable[[Any], Any] | None = None,
    ) -> Any:
        """The last sample of what the run, or each of its replicas, takes; each is given to ``message_handler``."""
        found = self._get(self.path(username, project_name, run_id, "resources"))
        if message_handler is not None:
            for sample in found if isinstance(found, list) else [found]:
                message_handler(sample)
        return found

    def stop(self, username: str, project_name: str, run_id: int, background: bool = False) -> Any:
        return self._post(self.path(username, project_name, run_id, "stop"), background=background)

    def restart(
        self,
        username: str,
        project_name: str,
        run_id: int,
        content: Any = None,
        update_code: bool | None = None,
        background: bool = False,
    ) -> Any:
        return self._clone("restart", username, project_name, run_id, content, update_code, background)

    def resume(
        self,
        username: str,
        project_name: str,
        run_id: int,
        content: Any = None,
        update_code: bool | None = None,
        background: bool = False,
    ) -> Any:
        return self._clone("resume", username, project_name, run_id, content, update_code, background)

    def copy(
        self,
        username: str,
        project_name: str,
        run_id: int,
        content: Any = None,
        update_code: bool | None = None,
        background: bool = False,
    ) -> Any:
        return self._clone("copy", username, project_name, run_id, content, update_code, background)

    def bookmark(self, username: str, project_name: str, run_id: int, background: bool = False) -> Any:
        return self._post(self.path(username, project_name, run_id, "bookmark"), background=background)

    def unbookmark(self, username: str, project_name: str, run_id: int, background: bool = False) -> Any:
        return self._delete(self.path(username, project_name, run_id, "unbookmark"), background=background)

    def outputs_tree(self, username: str, project_name: str, run_id: int, path: str | None = None) -> Any:
        """``{"files": [[name, size], ...], "dirs": [name, ...]}`` of a folder in the outputs."""
        return self._get(self.path(username, project_name, run_id, "outputs/tree"), {"path": path})

    def download_outputs_file(
        self,
        username: str,
        project_name: str,
        run_id: int,
        path: str,
        destination: Path,
        progress: DownloadProgress | None = None,
    ) -> Path | None:
        """One file of the outputs."""
        source = self.path(username, project_name, run_id, "outputs/files")
        params = {"path": path}
        return self._download(source, destination, params, progress)

    def download_outputs(
        self,
        username: str,
        project_name: str,
        run_id: int,
        destination: Path | None = None,
        progress: DownloadProgress | None = None,
    ) -> Path | None:
        """All outputs as a ``.tar.gz``, by default ``./{user}.{project}.{id}.tar.gz``."""
        target = destination or Path(f"{username}.{project_name}.{run_id}.tar.gz")
        return self._download(self.path(username, project_name, run_id, "outputs/download"), target, None, progress)

    def get_heartbeat_url(self, username: str, project_name: str, run_id: int) -> str:
        return self.transport.base_url + self.path(username, project_name, run_id, "_heartbeat")

    def _download(
        self,
        path: str,
        target: Path,
        params: Mapping[str, Any] | None,
        progress: DownloadProgress | None,
    ) -> Path | None:
        done: Path | None = self._try(lambda: self.transport.download(path, target, params=params, progress=progress))
        return done

    def _clone(
        self,
        how: str,
        username: str,
        project_name: str,
        run_id: int,
        content: Any,
        update_code: bool | None,
        background: bool,
    ) -> Any:
        body = without_none(content=to_content(content), update_code=update_code)
        return self._create(self.path(username, project_name, run_id, how), body, background=background)

    def _ended(self, username: str, project_name: str, run_id: int) -> Callable[[], bool]:
        path = self.path(username, project_name, run_id)
        return lambda: self.transport.get(path).get("last_status") in DONE


DONE = frozenset({"succeeded", "failed", "upstream_failed", "stopped", "skipped", "done"})
"""Statuses after which nothing more happens to a run or group."""
