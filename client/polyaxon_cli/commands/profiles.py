"""`polyaxon config profile`: several servers and logins, one of which is in use.

The one in use lies where the tool of 0.6 and the tracking client look for it, so that both follow a change.
"""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from polyaxon_cli import state
from polyaxon_cli.errors import CliError
from polyaxon_cli.options import Group
from polyaxon_cli.session import NAME, Session, pass_session

__all__ = ["add_profiles"]

COLUMNS = ("in_use", "name", "host", "port", "use_https", "username")


def add_profiles(config: click.Group) -> None:
    """`profile` with its sub-commands."""
    config.add_command(profile)


@click.group(cls=Group, aliases={"ls": "list"})
def profile() -> None:
    """Keep several servers, and change between them.

    \b
    Example:
      polyaxon config profile save work
      polyaxon config profile use laptop
    """


def _complete_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    del ctx, param
    try:
        return [CompletionItem(name) for name in _kept() if name.startswith(incomplete)]
    except CliError:
        return []


name_argument = click.argument("name", shell_complete=_complete_names)


@profile.command("list")
@pass_session
def list_(session: Session) -> None:
    """List the servers that are kept (alias: ls)."""
    used = _in_use()
    rows = [
        {"in_use": "*" if name == used else "", "name": name, **kept.get("config", {}), "username": _user(kept)}
        for name, kept in _kept().items()
    ]
    if session.as_json:
        session.out.raw([{key: row.get(key) for key in COLUMNS[1:]} | {"in_use": bool(row["in_use"])} for row in rows])
    elif rows:
        session.out.rows(rows, COLUMNS, keep_empty=True)
    else:
        session.out.message("No profile is kept: `polyaxon config profile save NAME` keeps the present server.")


@profile.command()
@name_argument
@pass_session
def save(session: Session, name: str) -> None:
    """Keep the present server and login under a name, which is in use from then on."""
    if not NAME.match(name):
        raise CliError(f"{name!r} cannot be the name of a profile", "Use letters, digits, '-' and '_' only")
    if not state.CONFIG.exists():
        raise CliError("No server is configured", "Run `polyaxon config set --host=HOST --port=PORT`")
    _write({**_kept(), name: _present()}, name)
    session.out.success(f"The server is kept as `{name}`.")


@profile.command()
@name_argument
@pass_session
def use(session: Session, name: str) -> None:
    """Change to another server; what changed in the present one is kept."""
    kept = _kept()
    chosen = _named(kept, name)
    used = _in_use()
    if used in kept and used != name:
        kept[used] = _present()
    state.CLI.delete()
    for file, key in ((state.CONFIG, "config"), (state.AUTH, "auth")):
        if chosen.get(key):
            file.write(chosen[key])
        else:
            file.delete()
    _write(kept, name)
    user = _user(chosen)
    session.out.success(f"`{name}` is in use{f', as {user}' if user else ''}.")
    if not user:
        session.out.message("Nobody is logged in there: run `polyaxon login`.")


@profile.command()
@name_argument
@pass_session
def delete(session: Session, name: str) -> None:
    """Forget a server that was kept. The settings in use stay."""
    kept = _kept()
    _named(kept, name)
    del kept[name]
    used = _in_use()
    _write(kept, "" if used == name else used)
    session.out.success(f"`{name}` is forgotten.")


def _kept() -> dict[str, dict[str, Any]]:
    return dict(state.PROFILES.read().get("profiles") or {})


def _in_use() -> str:
    return str(state.PROFILES.read().get("in_use") or "")


def _present() -> dict[str, Any]:
    return {"config": state.CONFIG.read(), "auth": state.AUTH.read()}


def _write(kept: dict[str, dict[str, Any]], used: str) -> None:
    state.PROFILES.write({"in_use": used, "profiles": kept})


def _named(kept: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    if name not in kept:
        raise CliError(f"There is no profile {name!r}", f"There are: {', '.join(sorted(kept)) or 'none'}")
    return kept[name]


def _user(kept: dict[str, Any]) -> str:
    return str((kept.get("auth") or {}).get("username") or "")
