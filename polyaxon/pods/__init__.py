"""Pods as they were seen: what the Kubernetes back-end and the watcher of the cluster tell each other."""

from polyaxon.pods.seen import PodPhase, SeenPod, Trouble

__all__ = ["PodPhase", "SeenPod", "Trouble"]
