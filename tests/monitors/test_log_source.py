"""What a pod says of the container whose log is read."""

from __future__ import annotations

from typing import Any

import pytest

from monitors.logs.source import MAIN, Container, described
from polyaxon.pods import labels


def pod(state: dict[str, Any], *, policy: str = "Never", phase: str = "Running", restarts: int = 0) -> dict[str, Any]:
    return {
        "metadata": {"annotations": {labels.MAIN_CONTAINER: "run"}},
        "spec": {"restartPolicy": policy, "containers": [{"name": "proxy"}, {"name": "run"}]},
        "status": {
            "phase": phase,
            "containerStatuses": [{"name": "run", "restartCount": restarts, "state": state}],
        },
    }


FAILED: dict[str, Any] = {"terminated": {"exitCode": 3}}


@pytest.mark.parametrize(
    ("state", "more", "expected"),
    [
        ({"waiting": {}}, {}, (False, False)),
        ({"running": {}}, {}, (True, False)),
        (FAILED, {}, (True, True)),
        (FAILED, {"policy": "OnFailure"}, (False, False)),
        ({"terminated": {"exitCode": 0}}, {"policy": "OnFailure"}, (True, True)),
        ({"terminated": {"exitCode": 0}}, {"policy": "Always"}, (False, False)),
        (FAILED, {"policy": "Always", "phase": "Failed"}, (True, True)),
        ({"waiting": {}}, {"phase": "Failed"}, (True, True)),
    ],
)
def test_whether_it_has_started_and_ended(
    state: dict[str, Any], more: dict[str, Any], expected: tuple[bool, bool]
) -> None:
    found = described(pod(state, **more), MAIN)
    assert (found.name, found.has_started, found.has_ended) == ("run", *expected)


def test_how_often_it_was_started_again() -> None:
    assert described(pod({"running": {}}, restarts=2), MAIN).restarts == 2


def test_a_pod_that_says_nothing() -> None:
    assert described({}, MAIN) == Container(name="main", restarts=0, has_started=False, has_ended=False)
