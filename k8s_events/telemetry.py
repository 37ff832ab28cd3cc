"""What the watch of pods tells Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

EVENTS = Counter("polyaxon_pod_events", "Events of the watch of pods.", ["type"])
RELISTS = Counter("polyaxon_pod_relists", "Lists of pods that were due because the watch missed something.", ["why"])
PODS = Gauge("polyaxon_pods_listed", "Pods in the last list.")
