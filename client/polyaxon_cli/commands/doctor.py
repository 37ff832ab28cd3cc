"""`polyaxon doctor`: whether everything between this machine and the runs works."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Callable

import click

from polyaxon_cli import __version__, state
from polyaxon_cli.errors import CliError
from polyaxon_cli.failures import explain
from polyaxon_cli.options import Command, project_option
from polyaxon_cli.session import Session, pass_session
from polyaxon_cli.versions import parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

__all__ = ["doctor"]

# Seconds between the clocks of this machine and the server that are worth a word: dates have full seconds only.
CLOCKS_APART = 10.0
SLOW = 2.0
STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}
# Seconds; the state of the workers is asked for through the queue.
PATIENCE = 15.0


@dataclass(frozen=True)
class Finding:
    """What one check found: `ok`, `warning` or `failed`."""

    check: str
    result: str
    message: str


@click.command(cls=Command)
@project_option()
@pass_session
def doctor(session: Session) -> None:
    """Check connection, versions, login, permissions, clock and cluster; exit code 1 when something fails."""
    session.patience = PATIENCE
    findings = []
    for finding in _examine(session):
        findings.append(finding)
        if not session.as_json:
            click.secho(f"{finding.result:<8}", fg=STYLES[finding.result], nl=False)
            click.echo(f"{finding.check:<12}{finding.message}")
    if session.as_json:
        session.out.raw([asdict(finding) for finding in findings])
    failed = [finding.check for finding in findings if finding.result == "failed"]
    if failed:
        raise CliError(f"Something fails: {', '.join(failed)}", "See above what to do")


def _examine(session: Session) -> Iterator[Finding]:
    """The checks in order; without a connection there is nothing more to ask."""
    began = time.monotonic()
    answer = _guarded("connection", lambda: session.http.request("GET", "versions/cli/"))
    if isinstance(answer, Finding):
        yield answer
        return
    yield _connection(session, time.monotonic() - began)
    yield _clock(answer)
    yield _versions(answer)
    user = _guarded("login", lambda: _who(session))
    if isinstance(user, Finding):
        yield user
        return
    yield Finding("login", "ok", f"You are {user['username']}{_role(user)}.")
    yield from _permissions(session)
    yield from _components(session)
    yield from _nodes(session)


def _guarded(check: str, ask: Callable[[], Any]) -> Any:
    """The answer, or the finding that there is none."""
    try:
        return ask()
    except Exception as error:  # whatever it is, it is what the person wants to know
        told = error if isinstance(error, CliError) else explain(error)
        if told is None:
            raise
        return Finding(check, "failed", told.message)


def _connection(session: Session, seconds: float) -> Finding:
    slow = seconds > SLOW
    text = f"{session.http.root_url} answers after {seconds * 1000:.0f} ms."
    return Finding("connection", "warning" if slow else "ok", text)


def _clock(answer: httpx.Response) -> Finding:
    date = answer.headers.get("Date")
    if not date:
        return Finding("clock", "warning", "The server does not tell its time.")
    apart = (datetime.now(timezone.utc) - parsedate_to_datetime(date)).total_seconds()
    if abs(apart) <= CLOCKS_APART:
        return Finding("clock", "ok", "The clocks of this machine and the server agree.")
    way = "ahead of" if apart > 0 else "behind"
    told = f"The clock of this machine is {abs(apart):.0f} s {way} the server's: ages and estimates are wrong. Set it."
    return Finding("clock", "warning", told)


def _versions(answer: httpx.Response) -> Finding:
    wanted = answer.json()
    own, least, latest = (parts(text) for text in (__version__, wanted["min_version"], wanted["latest_version"]))
    told = f"This tool is {__version__}; the server takes {wanted['min_version']} to {wanted['latest_version']}."
    if own < least:
        return Finding("versions", "failed", f"{told} Run `polyaxon upgrade`.")
    if own < latest:
        return Finding("versions", "warning", f"{told} `polyaxon upgrade` brings the newest.")
    return Finding("versions", "ok", told)


def _who(session: Session) -> dict[str, Any]:
    session.user()
    user: dict[str, Any] = session.http.get("users/")
    return user


def _role(user: dict[str, Any]) -> str:
    return ", an administrator" if user.get("is_superuser") else ""


def _permissions(session: Session) -> Iterator[Finding]:
    if session.project_name is None and not state.PROJECT.exists():
        yield Finding("project", "ok", "This folder is linked to none.")
        return
    found = _guarded("project", lambda: session.http.get(session.project().path()))
    if isinstance(found, Finding):
        yield found
        return
    yield Finding("project", "ok", f"You may see {session.project()}.")
    may = _guarded("permissions", lambda: _may_run(session))
    if isinstance(may, Finding):
        yield may
    elif may:
        yield Finding("permissions", "ok", f"You may run in {session.project()}.")
    else:
        yield Finding("permissions", "warning", f"You may look at {session.project()}, but run nothing in it.")


def _may_run(session: Session) -> bool:
    """Whether this user may steer the project's runs: asked by stopping none of them."""
    from polyaxon_client.exceptions import ForbiddenError, ValidationError

    try:
        session.http.post(session.project().path("experiments", "stop"), {"ids": []})
    except ForbiddenError:
        return False
    except ValidationError:
        return True  # allowed, but there is nothing to stop
    return True


def _components(session: Session) -> Iterator[Finding]:
    found = _guarded("server", lambda: session.http.get("status/"))
    if isinstance(found, Finding):
        yield found
        return
    broken = {name: str(report["message"]) for name, report in found.items() if not report["is_healthy"]}
    for name, message in broken.items():
        yield Finding(name.lower(), "failed", message)
    if not broken:
        yield Finding("server", "ok", f"All {len(found)} parts of the server work.")


def _nodes(session: Session) -> Iterator[Finding]:
    cluster = _guarded("cluster", lambda: session.http.get("cluster/"))
    if isinstance(cluster, Finding):
        yield cluster
        return
    nodes = cluster.get("nodes") or []
    if not cluster.get("version_api"):
        yield Finding("cluster", "ok", "Runs are processes of the server's machine.")
    elif nodes:
        yield Finding("cluster", "ok", f"Kubernetes {cluster['version_api'].get('git_version')}, {len(nodes)} nodes.")
    else:
        yield Finding("cluster", "failed", "The cluster has no node that takes runs. Ask its administrator.")
