"""Experiments and jobs on this machine: in a container, or in an environment of conda, tracked by the server."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyaxon_cli import state
from polyaxon_cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polyaxon_cli.session import Session
    from polyaxon_schemas import Specification

__all__ = ["run_locally"]

CODE = "/code"
HOME_INSIDE = "/tmp/.polyaxon"  # noqa: S108  where clients in containers look
OUTPUTS_INSIDE = "/tmp/outputs"  # noqa: S108  the path that 0.6 used
HASH_LENGTH = 12


@dataclass(frozen=True)
class Local:
    """A run of this machine: `path` is its address below the API, empty offline."""

    ident: int
    name: str
    path: str
    outputs: Path


def run_locally(session: Session, spec: Specification, given: Mapping[str, Any], *, conda: str | None) -> int:
    """Run what the file defines here. Returns the exit code of its command."""
    rendered = spec.render()
    if not rendered.command:
        raise CliError("The file has no run section", "Local runs need run.cmd")
    prepare, start = _conda(conda) if conda else _docker(spec)
    run = _created(session, spec, given)
    session.out.success(f"{spec.kind.capitalize()} `{run.ident}` runs on this machine; outputs: {run.outputs}")
    environment = _environment(spec.kind, run, rendered.params)
    try:
        for command in prepare:
            _checked(command)
        _tell(session, run, "running")
        code = _call(start(run, environment, rendered.command), environment if conda else None)
    except BaseException:
        _tell(session, run, "stopped")
        raise
    _tell(session, run, "failed" if code else "succeeded", f"exit code {code}" if code else None)
    return code


def _created(session: Session, spec: Specification, given: Mapping[str, Any]) -> Local:
    """An unmanaged run on the server; offline one that only this machine knows."""
    outputs = state.global_folder() / "outputs"
    if os.environ.get("POLYAXON_IS_OFFLINE") == "true":
        ident = int(time.time())
        return Local(ident, f"offline.{ident}", "", _made(outputs / "offline" / str(ident)))
    ref = session.project()
    body = {**given, "content": spec.to_text(), "is_managed": False}
    created = session.http.create(ref.path(f"{spec.kind}s"), body)
    session.remember(spec.kind, created)
    ident = int(created["id"])
    path = ref.path(f"{spec.kind}s", ident)
    return Local(ident, str(created["unique_name"]), path, _made(outputs / ref.user / ref.name / str(ident)))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _tell(session: Session, run: Local, status: str, message: str | None = None) -> None:
    if run.path:
        session.http.post(f"{run.path}statuses/", {"status": status, **({"message": message} if message else {})})


def _environment(kind: str, run: Local, params: Mapping[str, Any]) -> dict[str, str]:
    """What the tracking client finds in the process of the run."""
    return {
        "POLYAXON_IS_MANAGED": "true",
        "POLYAXON_IS_LOCAL": "true",
        f"POLYAXON_{kind.upper()}_INFO": json.dumps(
            {"project_name": ".".join(run.name.split(".")[:2]), f"{kind}_name": run.name}
        ),
        "POLYAXON_PARAMS": json.dumps(params, default=str),
        "POLYAXON_RUN_DATA_PATHS": json.dumps({}),
        "POLYAXON_RUN_OUTPUTS_PATH": str(run.outputs),
    }


def _docker(spec: Specification) -> tuple[list[list[str]], Any]:
    _need("docker", "Install Docker, or give --conda_env FILE")
    build = dict(spec.raw.get("build") or {})
    image = build.get("image")
    if not image:
        raise CliError("The file names no image", "Local runs need build.image")
    steps = [str(step) for step in build.get("build_steps") or []]
    prepare: list[list[str]] = []
    if steps:
        text = "\n".join([f"FROM {image}", *[f"RUN {step}" for step in steps]])
        image = f"polyaxon-local:{_hash(text)}"
        folder = _made(state.global_folder() / "builds" / _hash(text))
        state.write_atomic(folder / "Dockerfile", f"{text}\n")
        prepare.append(["docker", "build", "--tag", image, str(folder)])

    def start(run: Local, environment: Mapping[str, str], command: str) -> list[str]:
        inside = {**environment, "POLYAXON_RUN_OUTPUTS_PATH": OUTPUTS_INSIDE}
        volumes = {Path.cwd(): CODE, state.global_folder(): HOME_INSIDE, run.outputs: OUTPUTS_INSIDE}
        options = [f"--env={name}={value}" for name, value in inside.items()]
        options += [f"--volume={outside}:{target}" for outside, target in volumes.items()]
        return [
            "docker",
            "run",
            "--rm",
            "--network=host",
            f"--workdir={CODE}",
            *options,
            image,
            "/bin/bash",
            "-c",
            command,
        ]

    return prepare, start


def _conda(file: str) -> tuple[list[list[str]], Any]:
    _need("conda", "Install conda, or leave out --conda_env to run in a container")
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"Cannot read {file}: {getattr(error, 'strerror', None) or 'no text'}") from error
    prefix = state.global_folder() / "conda" / _hash(text)
    exists = (prefix / "conda-meta").is_dir()
    prepare = [] if exists else [["conda", "env", "create", "--quiet", "--prefix", str(prefix), "--file", file]]

    def start(run: Local, environment: Mapping[str, str], command: str) -> list[str]:
        del run, environment
        return ["conda", "run", "--no-capture-output", "--prefix", str(prefix), "/bin/bash", "-c", command]

    return prepare, start


def _need(tool: str, remedy: str) -> None:
    if shutil.which(tool) is None:
        raise CliError(f"{tool} is not installed", remedy)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


def _call(command: Sequence[str], environment: Mapping[str, str] | None) -> int:
    """The exit code of a command that prints to this terminal; 128 plus the number of the signal that ended it."""
    done = subprocess.run(command, env={**os.environ, **(environment or {})}, check=False)  # noqa: S603  the person's
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def _checked(command: Sequence[str]) -> None:
    code = _call(command, None)
    if code:
        raise CliError(f"`{' '.join(command[:3])}` ended with exit code {code}", "Its messages above tell why")
