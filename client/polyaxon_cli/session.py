"""What one call of the tool knows: its flags, the server, the project and the runs that are meant."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from polyaxon_cli import state
from polyaxon_cli.errors import CliError
from polyaxon_cli.output import Output

if TYPE_CHECKING:
    from polyaxon_client.transport import Transport

__all__ = ["PAGE_SIZE", "ProjectRef", "Session", "pass_session"]

PAGE_SIZE = 20
RETRIES = 3
USER = re.compile(r"[-\w]+\Z")
NAME = re.compile(r"[-a-zA-Z0-9_]+\Z")
FLAGS = {"experiment": "-xp", "group": "-g", "job": "-j", "build": "-b"}


@dataclass(frozen=True)
class ProjectRef:
    """A project by its owner's and its own name."""

    user: str
    name: str

    def __str__(self) -> str:
        return f"{self.user}/{self.name}"

    def path(self, *parts: object) -> str:
        """API path below the project: `user/name/part/part/`."""
        return "/".join(str(part) for part in (self.user, self.name, *parts)) + "/"


@dataclass
class Session:
    """Made by the root command and handed to every command; talks to the server only when asked to."""

    verbose: bool = False
    debug: bool = False
    out: Output = field(default_factory=Output)
    project_name: str | None = None
    # Seconds for each request, tried once; None for the usual patience.
    patience: float | None = None
    run_ids: dict[str, int] = field(default_factory=dict)

    @property
    def as_json(self) -> bool:
        """Whether answers are printed as JSON."""
        return self.out.as_json

    @cached_property
    def http(self) -> Transport:
        """The server of `config set`, as the user of `login`; nothing is sent yet."""
        return connect(token=state.AUTH.read().get("token"), patience=self.patience)

    def user(self) -> str:
        """Name of the logged-in user."""
        name = state.AUTH.read().get("username")
        if not name:
            raise CliError("You are not logged in", "Run `polyaxon login -u USER`")
        return str(name)

    def project(self) -> ProjectRef:
        """The project of `-p`, else the one initialised in this folder."""
        if self.project_name is not None:
            return self.parse_project(self.project_name)
        cached = state.PROJECT.read()
        if not cached.get("name"):
            raise CliError(
                "No project is given and none is initialised in this folder",
                "Add `-p PROJECT`, or run `polyaxon init PROJECT` here",
            )
        return ProjectRef(str(cached.get("user") or cached.get("owner") or self.user()), str(cached["name"]))

    def parse_project(self, text: str) -> ProjectRef:
        """`name`, `user/name` or `user.name`; without a user the logged-in one."""
        user, separator, name = text.strip().partition("/" if "/" in text else ".")
        ref = ProjectRef(user, name) if separator else ProjectRef(self.user(), user)
        if not (USER.match(ref.user) and NAME.match(ref.name)):
            raise click.UsageError(
                f"{text!r} is not a project: give NAME, USER/NAME or USER.NAME (letters, digits, '-', '_')."
            )
        return ref

    def run_id(self, kind: str) -> int:
        """Id of the experiment, group or job that is meant: the option, else the last one seen here."""
        chosen = self.run_ids.get(kind) or self._cached_id(kind)
        if chosen is None:
            raise CliError(f"No {kind} is given and none was seen in this folder", f"Add `{FLAGS[kind]} ID`")
        return chosen

    def run_path(self, kind: str, *parts: object) -> str:
        """API path of the run that is meant: `user/name/experiments/3/logs/`."""
        return self.project().path(f"{kind}s", self.run_id(kind), *parts)

    def remember(self, kind: str, data: dict[str, Any]) -> None:
        """Keep the last seen run, where a project is initialised and it is that project's run."""
        if state.PROJECT.exists() and self._is_initialised_project():
            state.CACHES[kind].write(data)

    def forget(self, kind: str, run: int) -> None:
        """Drop the cache of a run that is deleted."""
        if state.CACHES[kind].read().get("id") == run:
            state.CACHES[kind].delete()

    def _cached_id(self, kind: str) -> int | None:
        # The last run of this folder's project means nothing in another project.
        if not self._is_initialised_project():
            return None
        value = state.CACHES[kind].read().get("id")
        return int(value) if isinstance(value, int) else None

    def _is_initialised_project(self) -> bool:
        cached = state.PROJECT.read()
        if self.project_name is None:
            return True
        wanted = self.parse_project(self.project_name)
        return wanted.name == cached.get("name") and wanted.user in (cached.get("user"), cached.get("owner"))


def connect(*, token: str | None, patience: float | None = None) -> Transport:
    """A transport to the configured server; `CliError` when none is configured."""
    from polyaxon_client.settings import load_settings
    from polyaxon_client.transport import Transport

    config = state.CONFIG.read()
    settings = load_settings()
    if not config.get("host") and not settings.host:
        raise CliError("No server is configured", "Run `polyaxon config set --host=HOST --port=PORT`")
    return Transport(
        settings.connection(
            host=config.get("host"),
            port=_port(config.get("port")),
            use_https=config.get("use_https"),
            verify_ssl=config.get("verify_ssl"),
            token=token,
            is_managed=False,
            timeout=patience,
        ),
        retries=RETRIES if patience is None else 0,
    )


def _port(value: Any) -> int | None:
    if value in (None, ""):
        return None
    if not str(value).isdigit():
        raise CliError(f"The configured port {value!r} is no number", "Run `polyaxon config set --port=PORT`")
    return int(value)


pass_session = click.make_pass_decorator(Session, ensure=True)
