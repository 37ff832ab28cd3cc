"""The API server's log interface: which containers there are, and what they wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from kubernetes import client
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from polyaxon.pods import labels
from polyaxon.pods.reading import integer, items, part, text

MAIN = "main"  # stands for the run's container, whatever its name is in the pod
TIMEOUT = (5.0, 60.0)  # seconds to connect, and without a byte; a silent stream is begun anew
PIECE = 64 * 1024


class Unreachable(Exception):
    """The API server, or the node behind it, does not answer as it should; later it may."""


class PodGone(Exception):
    """There is no such pod any more."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod, as it is now."""

    name: str
    restarts: int
    has_started: bool
    has_ended: bool


class LogSource:
    """Logs of the pods of one namespace."""

    def __init__(self, connection: client.ApiClient, namespace: str) -> None:
        self._client = connection
        self._namespace = namespace

    def container(self, pod: str, uid: str, name: str) -> Container:
        """Raises `PodGone`, also for another pod of that name, or `Unreachable`."""
        with self._get(pod, "", {}) as answer:
            try:
                found = json.loads(answer.data)
            except (ValueError, HTTPError, OSError) as error:
                raise Unreachable(str(error)) from error
        if text(part(found, "metadata"), "uid") != uid:
            raise PodGone(pod)
        return described(found, name)

    @contextmanager
    def read(
        self, pod: str, container: str, since: int | None, *, follow: bool, previous: bool = False
    ) -> Iterator[Iterator[bytes]]:
        """The log from a second on, in pieces. What breaks off raises `Unreachable`; only a whole answer just ends."""
        query: dict[str, Any] = {"container": container, "timestamps": "true"}
        if since is not None:
            query["sinceTime"] = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query |= {name: "true" for name, is_set in (("follow", follow), ("previous", previous)) if is_set}
        with self._get(pod, "/log", query) as answer:
            yield _pieces(answer)

    @contextmanager
    def _get(self, pod: str, below: str, query: Mapping[str, Any]) -> Iterator[BaseHTTPResponse]:
        try:
            answer = self._client.call_api(
                f"/api/v1/namespaces/{self._namespace}/pods/{quote(pod, safe='')}{below}",
                "GET",
                query_params=list(query.items()),
                header_params={"Accept": "*/*"},
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=TIMEOUT,
            )
        except client.ApiException as error:
            if error.status == HTTPStatus.NOT_FOUND:
                raise PodGone(pod) from error
            raise Unreachable(f"the cluster answers {error.status}: {_message(error)}") from error
        except (HTTPError, OSError) as error:
            raise Unreachable(f"the cluster does not answer: {error}") from error
        try:
            yield answer
        except BaseException:
            answer.close()  # what is left of it must not be taken for the next answer
            raise
        answer.release_conn()


def _pieces(answer: BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from answer.stream(PIECE)
    except (HTTPError, OSError) as error:
        raise Unreachable(f"the stream broke off: {error}") from error


def _message(error: client.ApiException) -> str:
    try:
        return str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)


def described(pod: Mapping[str, Any], name: str) -> Container:
    """The container of that name, or `MAIN`, in the JSON of its pod."""
    spec = items(part(pod, "spec"), "containers")
    real = name
    if name == MAIN:
        first = text(spec[0], "name") if spec else None
        real = text(part(pod, "metadata", "annotations"), labels.MAIN_CONTAINER) or first or name
    status = part(pod, "status")
    statuses = [*items(status, "initContainerStatuses"), *items(status, "containerStatuses")]
    found = next((each for each in statuses if each.get("name") == real), {})
    state = part(found, "state")
    has_ended = text(status, "phase") in {"Succeeded", "Failed"} or _has_ended(pod, real, part(state, "terminated"))
    return Container(
        name=real,
        restarts=integer(found.get("restartCount")) or 0,
        has_started=has_ended or "running" in state,
        has_ended=has_ended,
    )


def _has_ended(pod: Mapping[str, Any], name: str, terminated: Mapping[str, Any]) -> bool:
    """Whether it has, and is not about to be started again."""
    spec = part(pod, "spec")
    containers = [*items(spec, "initContainers"), *items(spec, "containers")]
    own = next((each for each in containers if each.get("name") == name), {})
    policy = text(own, "restartPolicy") or text(spec, "restartPolicy") or "Always"
    failed = integer(terminated.get("exitCode")) != 0
    return bool(terminated) and policy != "Always" and not (policy == "OnFailure" and failed)
