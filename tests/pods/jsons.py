"""Pods as the API server describes them."""

from __future__ import annotations

from typing import Any

from polyaxon.pods import labels

RUN = "0123456789abcdef0123456789abcdef"
MAIN = "polyaxon-experiment-job"
T0, T1, T2, T3 = (f"2026-03-01T10:0{minute}:00Z" for minute in range(4))

Json = dict[str, Any]


def pod(phase: str | None = "Pending", *, node: str | None = "node-1", **status: Any) -> Json:
    """A pod of a run; `status` adds to its status."""
    found: Json = {
        "metadata": {
            "name": f"plx-{RUN}-master-0",
            "uid": "uid-1",
            "creationTimestamp": T0,
            "labels": {
                labels.RUN: RUN,
                labels.ATTEMPT: "2",
                labels.KIND: "experiment",
                labels.ROLE: "worker",
                labels.INDEX: "3",
            },
            "annotations": {labels.MAIN_CONTAINER: MAIN},
        },
        "spec": {"containers": [{"name": MAIN, "image": "img:1", "resources": {"limits": {"memory": "64Mi"}}}]},
        "status": {"phase": phase, "conditions": [scheduled()], **status},
    }
    if node:
        found["spec"]["nodeName"] = node
    else:
        found["status"].setdefault("conditions", [])
    return found


def scheduled(status: str = "True", **more: Any) -> Json:
    return {"type": "PodScheduled", "status": status, "lastTransitionTime": T0, **more}


def container(state: Json, name: str = MAIN, **more: Any) -> Json:
    return {"name": name, "image": "img:1", "imageID": "", "restartCount": 0, "ready": False, "state": state, **more}


def waiting(reason: str, message: str | None = None) -> Json:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def running(at: str = T1) -> Json:
    return {"running": {"startedAt": at}}


def ended(code: int, reason: str | None = None, *, at: str = T2, **more: Any) -> Json:
    reason = reason or ("Completed" if code == 0 else "Error")
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": T1, "finishedAt": at, **more}}


def main(state: Json) -> list[Json]:
    return [container(state, containerID="containerd://abc")]


def deleted(found: Json, until: str = T3, grace: int = 60) -> Json:
    """The pod while it is being deleted; asked for `grace` seconds before `until`."""
    found["metadata"] |= {"deletionTimestamp": until, "deletionGracePeriodSeconds": grace}
    return found


def disruption(reason: str, message: str = "") -> Json:
    return {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
