"""Waiting until a server that runs beside the platform answers in the browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from polyaxon_cli.errors import CliError
from polyaxon_cli.following import DONE, INTERVAL

if TYPE_CHECKING:
    from polyaxon_cli.session import Session

__all__ = ["wait_until_open"]

# Seconds; pulling an image of several gigabytes takes its time.
PATIENCE = 600.0
GATEWAY_ERRORS = frozenset({404, 502, 503, 504})


def wait_until_open(session: Session, kind: str, run: int | None, address: str) -> None:
    """Return once `address` answers. `CliError` when its run ends before that, or after ten minutes."""
    if run is None:
        return
    path = session.project().path(kind, run)
    deadline = time.monotonic() + PATIENCE
    status = ""
    while time.monotonic() < deadline:
        data = session.http.get(path)
        if data.get("last_status") != status:
            status = str(data.get("last_status"))
            session.out.message(f"{data.get('unique_name')}: {status}")
        if status in DONE:
            raise CliError(f"It ended as {status} before it answered", _reason(session, path))
        if status == "running" and _answers(session, address):
            return
        time.sleep(INTERVAL)
    raise CliError(f"{address} does not answer after {PATIENCE:.0f} seconds", "See its statuses, or try again")


def _answers(session: Session, address: str) -> bool:
    import httpx

    try:
        answer = httpx.get(address, headers=session.http.connection.headers, timeout=5.0, follow_redirects=False)
    except httpx.TransportError:
        return False
    return answer.status_code not in GATEWAY_ERRORS


def _reason(session: Session, path: str) -> str:
    """What the last status says."""
    rows = session.http.get(f"{path}statuses/", {"limit": 100}).get("results") or [{}]
    return str(rows[-1].get("message") or "See its statuses")
