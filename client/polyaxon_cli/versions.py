"""Whether this tool and the server fit: asked once a day, and never waited for.

The release 0.6 asked before nearly every command, and the command waited. Here a process of its own asks and keeps the
answer in `~/.polyaxon/.polyaxoncli`; what follows from it is told behind the output of the next command.
`python -m polyaxon_cli.versions` is that process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from polyaxon_cli import __version__, state
from polyaxon_cli.errors import CliError

if TYPE_CHECKING:
    import click

    from polyaxon_cli.session import Session

__all__ = ["advice", "answer_of", "check", "parts"]

# Seconds: between two questions, between two that got no answer, and for the answer, for which nobody waits.
DAY, HOUR, PATIENCE = 86400, 3600, 10.0
# Commands that repair a login or an installation, or look at versions themselves.
EXEMPT = frozenset(
    ("admin", "completion", "config", "deploy", "doctor", "login", "logout", "teardown", "upgrade", "version")
)


def parts(version: str) -> tuple[int, ...]:
    """The numbers of a version, which compare as it does."""
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in version.split("."))


def advice(least: str, latest: str, own: str = __version__) -> str | None:
    """One line for who uses another version of the tool than the server takes; None where all is well."""
    if parts(own) < parts(least):
        return f"This tool is {own} and the server takes {least} at least: run `polyaxon upgrade`."
    if parts(own) < parts(latest):
        return f"This tool is {own}, and {latest} is out: `polyaxon upgrade` brings it."
    if parts(own)[:2] > parts(latest)[:2]:
        return f"This tool is {own} and the server knows {latest}: what is newer may not work there."
    return None


def check(ctx: click.Context, session: Session) -> None:
    """Where a person looks on who has not turned it off: have the server asked if it is time to; tell what is known."""
    if ctx.invoked_subcommand in EXEMPT or not _is_wanted(session):
        return
    known = _known()
    if _age(known, "checked_at") >= DAY and _age(known, "asked_at") >= HOUR:
        _ask(known)
    # Behind the output; `--json` may stand behind the name of the command.
    ctx.call_on_close(lambda: _tell(session))


def answer_of(said: dict[str, Any]) -> dict[str, Any]:
    """What is kept of the server's answer."""
    kept = {key: str(said[key]) for key in ("min_version", "latest_version")}
    return {**kept, "current_version": __version__, "checked_at": int(time.time())}


def _is_wanted(session: Session) -> bool:
    on_terminal = sys.stderr.isatty() and session.out.interactive
    if not on_terminal or os.environ.get("CI") or os.environ.get("POLYAXON_IS_OFFLINE", "").lower() in {"1", "true"}:
        return False
    try:
        config = state.CONFIG.read()
    except CliError:  # told by the command
        return False
    return bool(config.get("host")) and config.get("check_version") is not False


def _known() -> dict[str, Any]:
    """What was learnt before; a damaged file is nothing, and is written anew."""
    try:
        return state.CLI.read()
    except CliError:
        return {}


def _age(known: dict[str, Any], key: str) -> float:
    """Seconds since then; forever if never. A clock that was set back must not silence it for years."""
    moment = known.get(key)
    age = time.time() - moment if isinstance(moment, int) else -1.0
    return age if age >= 0 else float("inf")


def _ask(known: dict[str, Any]) -> None:
    """Start the process that asks, and do not look after it."""
    # A home that cannot be written is told by who must write to it.
    with suppress(CliError, OSError):
        state.CLI.write({**known, "asked_at": int(time.time())})
        subprocess.Popen(
            [sys.executable, "-m", "polyaxon_cli.versions"],
            # Modules are looked for there first: not among a person's own.
            cwd=state.global_folder(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _tell(session: Session) -> None:
    """That the server takes no such old tool with every command, all else once a day."""
    known = _known()
    least, latest = (str(known.get(key) or __version__) for key in ("min_version", "latest_version"))
    told = advice(least, latest)
    is_due = parts(__version__) < parts(least) or _age(known, "told_at") >= DAY
    if told is None or not is_due or session.as_json:
        return
    session.out.warning(told)
    with suppress(CliError):
        # Read anew: the answer may have come meanwhile.
        state.CLI.write({**_known(), "told_at": int(time.time())})


def main() -> None:
    """Ask, and keep the answer; silent, for the commands themselves tell what is wrong with a server."""
    from polyaxon_cli.session import connect

    with connect(token=None, patience=PATIENCE) as http:
        said = http.get("versions/cli/")
    state.CLI.write({**_known(), **answer_of(said)})


if __name__ == "__main__":
    main()
