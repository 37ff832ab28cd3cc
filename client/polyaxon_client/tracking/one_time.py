"""The token for one use with which the platform starts a run, traded for the run's own."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from polyaxon_client import settings as places
from polyaxon_client.workers.wire import Unreachable, Wire

if TYPE_CHECKING:
    from polyaxon_client.settings import Settings
    from polyaxon_client.tracking.names import RunName

logger = logging.getLogger("polyaxon_client.tracking")
VARIABLE = "POLYAXON_SECRET_EPHEMERAL_TOKEN"
TIMEOUT = 10.0


def trade_token(settings: Settings, run: RunName) -> None:
    """Give ``settings`` the run's own token, if the run was started with one for one use. Trouble is logged only."""
    once = settings.text(VARIABLE)
    if not once or settings.token:
        return
    os.environ.pop(VARIABLE, None)
    connection = settings.connection()
    headers = {**settings.internal_header, "Authorization": f"EphemeralToken {once}"}
    wire = Wire(replace(connection, headers=headers))
    path = f"{quote(run.user, safe='')}/{quote(run.project, safe='')}/experiments/{run.id}/ephemeraltoken/"
    try:
        reply = wire.call("POST", path, timeout=TIMEOUT)
        token = json.loads(reply.body)["token"] if reply.ok else None
    except (Unreachable, ValueError, KeyError, TypeError) as error:
        logger.warning("tracking: this run got no token: %s", error)
        return
    finally:
        wire.close()
    if token is None:
        logger.warning("tracking: this run got no token: the server answers %s", reply.status)
        return
    settings.adopt_token(token)
    keep_token(token)


def keep_token(token: str) -> None:
    """Have further processes of this run find it."""
    path = places.TMP_DIR / ".authtoken"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"POLYAXON_SECRET_USER_TOKEN": token}, file)
    except OSError as error:
        logger.info("tracking: the token is not kept for other processes: %s", error)
