"""What experiments, jobs and groups have in common."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from polyaxon_client.exceptions import http_error
from polyaxon_client.tracking import environment
from polyaxon_client.tracking.environment import tracked
from polyaxon_client.tracking.keeping import Keeping
from polyaxon_client.tracking.names import RunName, parse_project, parse_run
from polyaxon_client.workers.delivery import is_passing
from polyaxon_client.workers.process import hooks
from polyaxon_client.workers.recorder import recorder_for
from polyaxon_client.workers.sender import Sender, sender_for
from polyaxon_client.workers.target import Target, Unresolved
from polyaxon_client.workers.wire import Unreachable, Wire

if TYPE_CHECKING:
    from polyaxon_client.client import PolyaxonClient
    from polyaxon_client.settings import Connection

logger = logging.getLogger("polyaxon_client.tracking")
FINAL = frozenset({"succeeded", "failed", "upstream_failed", "stopped", "skipped", "done"})


class Run(Keeping):
    """A tracked thing on the server. Everything but the constructor and ``create`` only queues.

    Args:
        project: ``name``, ``user/name`` or ``user.name``; inside of a managed run it is known.
        client: a ``PolyaxonClient`` whose address and identity are used instead of the settings.
        track_logs: forward the records of :mod:`logging` (runs outside of the platform).
        track_code: send the git state of the current folder. track_git: the same by its documented name.
        track_env: send interpreter, packages, command and the like.
        outputs_store: an object with ``upload_file(path)`` and ``upload_dir(path)`` that takes artifacts.

    Raises:
        ConfigurationError: no server is known, or the project's name is unusable.
    """

    kind = ""
    info_variable = ""
    info_key = ""
    success = "succeeded"

    def __init__(
        self,
        project: str | None = None,
        entity_id: int | None = None,
        client: PolyaxonClient | None = None,
        track_logs: bool = True,
        track_code: bool = True,
        track_env: bool = True,
        outputs_store: Any = None,
        track_git: bool | None = None,
    ) -> None:
        self.settings = environment.settings()
        self.track_logs = track_logs
        self.track_code = track_code if track_git is None else track_git
        self.track_env = track_env
        self.outputs_store = outputs_store
        self.outputs_path: str | None = None
        self.last_status: str | None = None
        self._given_client = client
        self._warned: set[str] = set()
        self._sender: Sender | None = None
        if not self.settings.no_op:
            self._set_up(project, entity_id)

    def _set_up(self, project: str | None, entity_id: int | None) -> None:
        run = self._own_run() if entity_id is None else None
        self.is_managed = run is not None
        if run is not None:
            self._target = Target(run.user, run.project, self.kind, run.id)
            self.outputs_path = self.settings.text("POLYAXON_RUN_OUTPUTS_PATH")
            if self.settings.text("POLYAXON_SECRET_EPHEMERAL_TOKEN") and not self.settings.is_offline:
                from polyaxon_client.tracking.one_time import trade_token  # noqa: PLC0415 - few runs have one

                trade_token(self.settings, run)
        else:
            name = parse_project(project or self._project_around())
            self._target = Target(name.user, name.project, self.kind, entity_id)
        self._connect()
        if self.is_managed:
            self._begin_managed()

    def _connect(self) -> None:
        hooks.install(self.settings.timeout)
        if self.settings.is_offline:
            self._sender = recorder_for(self.settings.offline_path)
        else:
            self._sender = sender_for(self._connection(), **self.settings.sending())

    def _connection(self) -> Connection:
        if self._given_client is not None:
            return self._given_client.transport.connection
        return self.settings.connection()

    def _own_run(self) -> RunName | None:
        info = self.settings.json(self.info_variable) if self.info_variable else None
        return parse_run(info, self.info_key) if self.settings.is_managed else None

    def _project_around(self) -> str | None:
        for name in ("POLYAXON_EXPERIMENT_INFO", "POLYAXON_JOB_INFO", "POLYAXON_NOTEBOOK_INFO"):
            info = self.settings.json(name) if self.settings.is_managed else None
            if isinstance(info, Mapping) and info.get("project_name"):
                return str(info["project_name"])
        return None

    def _begin_managed(self) -> None:
        if self._sender is not None:
            self._sender.keep_alive(self._target)
        if self.track_env:
            self.log_run_env()

    @property
    def entity_id(self) -> int | None:
        """The id on the server; ``None`` before the run was created."""
        return None if self.settings.no_op else self._target.entity_id or self._target.local_id

    @property
    def username(self) -> str | None:
        return None if self.settings.no_op else self._target.username

    @property
    def project_name(self) -> str | None:
        return None if self.settings.no_op else self._target.project

    @property
    def client(self) -> PolyaxonClient | None:
        """A client of the whole API with the same address and identity (needs the package's dependencies)."""
        if self.settings.no_op or self.settings.is_offline:
            return None
        if self._given_client is None:
            from polyaxon_client.client import PolyaxonClient  # noqa: PLC0415 - tracking alone needs no httpx

            self._given_client = PolyaxonClient(api_config=self.settings)
        return self._given_client

    @tracked
    def get_entity_data(self) -> Any:
        """The run as the server has it, a dict; ``None`` when it cannot be had now."""
        if self._sender is None or self.settings.is_offline or self.entity_id is None:
            return None
        wire = Wire(self._sender.connection)
        try:
            reply = wire.call("GET", self._target.path(wire))
        except (Unreachable, Unresolved) as error:
            self._warn("entity", f"cannot read the run: {error}")
            return None
        finally:
            wire.close()
        return json.loads(reply.body) if reply.ok else None

    @tracked
    def log_status(self, status: str, message: str | None = None, traceback: str | None = None) -> None:
        """Send a status; nothing after a final one was sent."""
        if self.last_status in FINAL:
            return
        self.last_status = status
        body = {"status": status, "message": message and message[:256], "traceback": traceback}
        self._update("POST", "statuses/", {key: value for key, value in body.items() if value is not None})

    @tracked
    def start(self) -> None:
        self.log_status("running")

    @tracked
    def end(self, status: str, message: str | None = None, traceback: str | None = None) -> None:
        """Send a final status and stop the heartbeat."""
        self.log_status(self.success if status == "succeeded" else status, message, traceback)
        if self._sender is not None:
            self._sender.let_go(self._target)

    @tracked
    def log_succeeded(self) -> None:
        self.end(self.success)

    @tracked
    def log_stopped(self) -> None:
        self.end("stopped")

    @tracked
    def log_failed(self, message: str | None = None, traceback: str | None = None) -> None:
        self.end("failed", message, traceback)

    succeeded = log_succeeded
    stop = log_stopped
    failed = log_failed

    @tracked
    def log_params(self, reset: bool = False, **params: Any) -> None:
        """Add parameters, or with ``reset`` replace them all."""
        self._patch_merged("params", params, reset)

    @tracked
    def log_tags(self, tags: str | Iterable[str], reset: bool = False) -> None:
        """Add tags, a list or a text with commas, or with ``reset`` replace them all."""
        parts = tags.split(",") if isinstance(tags, str) else [str(tag) for tag in tags]
        self._patch_merged("tags", [part.strip() for part in parts if part.strip()], reset)

    @tracked
    def log_data_ref(self, data: Any, data_name: str = "data", reset: bool = False) -> None:
        """Record a short hash of the data, by which runs on the same data are found."""
        digest = hashlib.md5(str(data).encode("utf-8", errors="replace"))  # noqa: S324 - a name, not a secret
        self._patch_merged("data_refs", {data_name: digest.hexdigest()[: self.settings.hash_length]}, reset)

    @tracked
    def log_build(self, build_id: int) -> None:
        """Name the build whose image this run uses."""
        self._patch("build_job", str(build_id))

    @tracked
    def log_backend(self, backend: str) -> None:
        self._patch("backend", backend)

    @tracked
    def set_name(self, name: str) -> None:
        self._patch("name", name)

    @tracked
    def set_description(self, description: str) -> None:
        self._patch("description", description)

    @tracked
    def log_run_env(self) -> None:
        """Send the environment of this process, collected in the background."""
        from polyaxon_client.tracking.run_env import Launch, get_run_env  # noqa: PLC0415

        launch, managed = Launch.current(), self.is_managed
        self._update("PATCH", "", lambda: {"run_env": get_run_env(launch, only_tracked=managed)})

    @tracked
    def set_outputs_store(
        self, outputs_store: Any = None, outputs_path: str | None = None, set_env_vars: bool = False
    ) -> None:
        """Say where artifacts go: an object that uploads, or a folder."""
        self.outputs_store = outputs_store or self.outputs_store
        self.outputs_path = outputs_path or self.outputs_path
        if set_env_vars and outputs_path:
            environment.export("POLYAXON_RUN_OUTPUTS_PATH", outputs_path)

    @tracked
    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was logged has reached the server; false after ``timeout`` seconds."""
        if self._sender is None:
            return True
        return self._sender.flush(self.settings.timeout if timeout is None else timeout)

    def _patch(self, key: str, value: Any) -> None:
        self._update("PATCH", "", {key: value})

    def _patch_merged(self, key: str, value: Any, reset: bool) -> None:
        self._update("PATCH", "", {key: value} if reset else {key: value, "merge": True})

    def _update(self, method: str, suffix: str, body: Any) -> None:
        if self._sender is None:
            return
        try:
            self._sender.update(self._target, method, suffix, body)
        except Exception as error:  # noqa: BLE001 - a value that has no JSON form; training goes on
            self._warn("encode", f"an update is left out, it cannot be written as JSON: {error!r}")

    def _create(self, body: dict[str, Any]) -> None:
        """Create the run now; when the server is away, as soon as it is back.

        Raises:
            PolyaxonHTTPError: the server refuses.
        """
        from uuid import uuid4  # noqa: PLC0415 - not needed inside of the platform

        once = str(uuid4())
        if self._sender is None:
            return
        if self.settings.is_offline:
            self._target.local_id = int(time.time())
            self._sender.create(self._target, body, once)
            return
        wire = Wire(self._sender.connection)
        try:
            path = self._target.collection(wire)
            reply = wire.call("POST", path, json_body(body), {"Idempotency-Key": once})
        except Unreachable as error:
            self._create_later(body, str(error), once)
            return
        except Unresolved as error:
            if is_passing(error.status):
                self._create_later(body, str(error), once)
                return
            raise http_error(error.status, f"{self._sender.connection.base_url}users/") from error
        finally:
            wire.close()
        if reply.ok:
            self._target.adopt(reply.body)
        elif is_passing(reply.status):
            self._create_later(body, f"it answers {reply.status}", once)
        else:
            raise http_error(reply.status, f"{self._sender.connection.base_url}{path}", _decoded(reply.body))

    def _create_later(self, body: dict[str, Any], reason: str, once: str) -> None:
        if self._sender is not None:
            self._warn("create", f"the server is away ({reason}): the run is created when it is back")
            self._sender.create(self._target, body, once)

    def _begin_unmanaged(self) -> None:
        """What a run outside of the platform does for itself: status, heartbeat, the end of the process."""
        if self._sender is None:
            return
        self.log_status("running")
        self._sender.keep_alive(self._target)
        hooks.finish_with(self._finish)

    def _finish(self, status: str, message: str | None, trace: str | None) -> None:
        self.end(status, message, trace)

    def _warn(self, kind: str, text: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            logger.warning("tracking: %s (said once)", text)


def json_body(body: Any) -> bytes:
    from polyaxon_client.workers.values import to_json  # noqa: PLC0415

    return to_json(body)


def text_content(content: Any) -> str | None:
    """The text of a polyaxonfile from text, a mapping or a specification."""
    if content is None or isinstance(content, str):
        return content
    return str(content.to_text()) if hasattr(content, "to_text") else json.dumps(content)


def given(**values: Any) -> dict[str, Any]:
    """The values that are not ``None``."""
    return {key: value for key, value in values.items() if value is not None}


def _decoded(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except ValueError:
        return None
