"""Loops of the component `monitors`: what follows pods for as long as they run."""

from __future__ import annotations

from django.conf import settings

from polyaxon.components import Turn, loop

SHARDS = 2
"""Each has a connection for every log that it follows; the runs are shared out among those that there are."""


def _on_cluster() -> bool:
    return bool(settings.CONFIG.runner.runner_backend == "kubernetes")


@loop("monitors", "logs", shards=SHARDS, enabled=_on_cluster)
def follow_logs(turn: Turn) -> None:
    """Have the logs of pods stored as they come, until the turn is over."""
    from monitors.logs.shipper import configured_shipper  # noqa: PLC0415 - the client library takes a second

    shipper = configured_shipper()
    try:
        while not turn.wait(settings.CONFIG.kubernetes.k8s_logs_interval):
            shipper.run_once()
    finally:
        shipper.stop()
