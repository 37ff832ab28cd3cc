"""Loops of the component `monitors`: what follows pods for as long as they run."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from django.conf import settings

from polyaxon.components import Turn, loop
from scheduler.runners.base import RunnerError

if TYPE_CHECKING:
    from monitors.logs.shipper import LogShipper

logger = logging.getLogger(__name__)

SHARDS = 2
"""The runs are shared out among those that there are; each follows so many logs as `POLYAXON_K8S_LOGS_STREAMS` says."""
PAUSE = 5.0  # seconds until a cluster that is away is asked again
REST = 8.0  # how many times as long as a round has taken there is none: with many logs, others want to work, too
LONGEST_REST = 3.0  # seconds


def _on_cluster() -> bool:
    return bool(settings.CONFIG.on_cluster)


@loop("monitors", "logs", shards=SHARDS, enabled=_on_cluster)
def follow_logs(turn: Turn) -> None:
    """Have the logs of pods stored as they come, until the turn is over."""
    while (shipper := _shipper(turn)) is None:
        if turn.wait(PAUSE):
            return
    taken = 0.0
    try:
        while not turn.wait(max(settings.CONFIG.kubernetes.k8s_logs_interval, min(taken * REST, LONGEST_REST))):
            begun = time.monotonic()
            shipper.run_once()
            taken = time.monotonic() - begun
    finally:
        shipper.stop()


def _shipper(turn: Turn) -> LogShipper | None:
    """That of the turn's shard; None while there is no access to the cluster."""
    from monitors.logs.shipper import configured_shipper  # noqa: PLC0415 - the client library takes a second

    try:
        return configured_shipper(turn.owns)
    except RunnerError as error:
        logger.warning("Logs are not followed yet: %s", error)
        return None
