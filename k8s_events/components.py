"""The loop of the component `k8s-events`."""

from __future__ import annotations

from django.conf import settings

from polyaxon.components import Turn, loop


@loop("k8s-events", "pods", enabled=lambda: settings.CONFIG.on_cluster)
def watch_pods(turn: Turn) -> None:
    """Keep the rows of pods as the cluster has them."""
    # The client library takes a second to import, which processes without a cluster need not wait.
    from k8s_events.reflector import Reflector  # noqa: PLC0415
    from k8s_events.source import PodSource  # noqa: PLC0415
    from k8s_events.wake import wake_runs  # noqa: PLC0415
    from polyaxon.pods.database import DatabasePodStore  # noqa: PLC0415

    config = settings.CONFIG.kubernetes
    source = PodSource(config.k8s_kubeconfig, config.k8s_context, config.k8s_namespace)
    Reflector(
        source,
        DatabasePodStore(),
        wake_runs,
        watch_seconds=config.k8s_watch_seconds,
        patience=config.k8s_refused_patience,
    ).run(turn)
