"""Notes when news of pods arrive, in a process of its own: `python -m bench.kubernetes_watch KUBECONFIG`.

Watches the runs' pods of all namespaces and prints a line for each change of phase, the creation first:
`time namespace run phase`. Ends with its standard input.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

import msgspec

from polyaxon.pods import access, labels


class Meta(msgspec.Struct):
    namespace: str
    resourceVersion: str  # noqa: N815 - the API's word
    labels: dict[str, str]


class Status(msgspec.Struct):
    phase: str = ""


class Pod(msgspec.Struct):
    metadata: Meta
    status: Status = msgspec.field(default_factory=Status)


class Event(msgspec.Struct):
    type: str
    object: Pod


EVENT = msgspec.json.Decoder(Event)


def main(kubeconfig: str) -> None:
    threading.Thread(target=_end_with_input, daemon=True).start()
    api = access.connect(kubeconfig)
    listed = msgspec.json.decode(_ask(api, limit="1").data)
    known: dict[tuple[str, str], str] = {}
    version = listed["metadata"]["resourceVersion"]
    print("ready", flush=True)
    while True:  # the server ends watches that are slow to read for a moment
        version = _watch(api, version, known)


def _watch(api: Any, version: str, known: dict[tuple[str, str], str]) -> str:
    """Until the server ends it; the version from which to go on."""
    watched = _ask(api, watch="true", resourceVersion=version, timeoutSeconds="3600")
    rest = b""
    for chunk in watched.stream(1 << 16):
        now = time.time()
        *lines, rest = (rest + chunk).split(b"\n")
        for event in map(EVENT.decode, lines):
            _note(now, event, known)
            version = event.object.metadata.resourceVersion
        sys.stdout.flush()
    return version


def _note(now: float, event: Event, known: dict[tuple[str, str], str]) -> None:
    meta, phase = event.object.metadata, event.object.status.phase
    key = meta.namespace, meta.labels[labels.RUN]
    if known.get(key) != phase and event.type != "DELETED":
        known[key] = phase
        print(f"{now:.6f} {key[0]} {key[1]} {phase}")


def _ask(api: Any, **query: str) -> Any:
    return api.call_api(
        "/api/v1/pods",
        "GET",
        query_params=[("labelSelector", labels.SELECTOR), *query.items()],
        header_params={"Accept": "application/json"},
        auth_settings=["BearerToken"],
        _preload_content=False,
        _return_http_data_only=True,
    )


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
