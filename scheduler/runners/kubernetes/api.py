"""The few requests that the runner makes, in plain JSON, and what their refusals mean."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import orjson
from kubernetes import client
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from polyaxon.pods import access
from scheduler.runners.base import LaunchRefused, RunnerError
from scheduler.runners.kubernetes.manifests.kubeflow import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scheduler.runners.kubernetes.limits import TokenBucket

logger = logging.getLogger(__name__)

Json = dict[str, Any]

TIMEOUT = Timeout(connect=5.0, read=30.0)  # seconds to connect, and without a byte
PAGE = 500
TRIES = 4  # of a request that the server was too busy for
BUSY_PAUSE = 1.0  # seconds, when it does not say for how long
LONGEST_PAUSE = 30.0
FORBIDDEN, NOT_FOUND, CONFLICT, TOO_MANY, UNPROCESSABLE, BAD_REQUEST = 403, 404, 409, 429, 422, 400
TOO_LARGE = 413
ANYTHING = "application/json, */*"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_CORE = {"ConfigMap": "configmaps", "Secret": "secrets", "Service": "services", "Pod": "pods"}


class NotThere(Exception):
    """404."""


class AlreadyThere(Exception):
    """409: of that name there is one, or it was changed meanwhile."""


@dataclass
class _Refusal(Exception):
    """What the server answers to what it does not do."""

    status: int
    reason: str | None
    body: bytes
    headers: Mapping[str, str]


def connect(kubeconfig: str = "", context: str = "") -> client.ApiClient:
    """See `access.connect`. Raises `RunnerError`."""
    try:
        return access.connect(kubeconfig, context)
    except access.NoAccess as error:
        raise RunnerError(str(error)) from error


class ClusterApi:
    """Objects of one namespace. Raises `RunnerError` for what may pass, `LaunchRefused` for what will not."""

    def __init__(self, connection: client.ApiClient, namespace: str, bucket: TokenBucket) -> None:
        self.namespace = namespace
        self._client = connection
        self._bucket = bucket

    def create(self, found: Json) -> Json:
        """The object as it was created. Raises `AlreadyThere`."""
        kind = found["kind"]
        try:
            return self._send("POST", self._place(kind), body=found)
        except NotThere:
            if kind not in KINDS:
                raise RunnerError(f"namespace {self.namespace!r} does not exist in the cluster") from None
            raise LaunchRefused(f"the cluster knows no {kind}: install Kubeflow's operator for it") from None

    def get(self, kind: str, name: str) -> Json:
        """Raises `NotThere`."""
        return self._send("GET", f"{self._place(kind)}/{name}")

    def find(self, kind: str, selector: str) -> Iterator[Json]:
        """The objects with these labels, page by page."""
        return self._listed(self._place(kind), {"labelSelector": selector})

    def find_metadata(self, kind: str, selector: str) -> Iterator[Json]:
        """The same, of which only `metadata` is told."""
        return self._listed(self._place(kind), {"labelSelector": selector}, accept=METADATA)

    def _listed(self, place: str, wanted: Mapping[str, Any], *, accept: str = ANYTHING) -> Iterator[Json]:
        query = {**wanted, "limit": PAGE}
        while True:
            page = self._send("GET", place, query=query, accept=accept)
            yield from page.get("items") or ()
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = token

    def replace(self, found: Json) -> Json:
        """Store a changed object. Raises `AlreadyThere` when somebody else changed it meanwhile, or `NotThere`."""
        return self._send("PUT", f"{self._place(found['kind'])}/{found['metadata']['name']}", body=found)

    def delete(self, kind: str, name: str, *, uid: str | None = None, grace: int | None = None) -> None:
        """Ask for the object's end; one that is not there is fine."""
        options: Json = {"propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self._send("DELETE", f"{self._place(kind)}/{name}", body=options)
        except (NotThere, AlreadyThere):  # gone, or another one of the name
            return

    def node_summary(self, node: str) -> Json:
        """What a kubelet measured of its pods; empty where we may not ask, or it does not answer."""
        try:
            return self._send("GET", f"/api/v1/nodes/{quote(node, safe='')}/proxy/stats/summary")
        except (NotThere, RunnerError):
            return {}

    def nodes(self) -> list[Json]:
        """All nodes of the cluster."""
        return list(self._listed("/api/v1/nodes", {}))

    def version(self) -> Json:
        """What the version interface says."""
        return self._send("GET", "/version")

    def names_of_pods(self, namespace: str, selector: str) -> list[str]:
        """Running pods with these labels, of whatever namespace."""
        query = {"labelSelector": selector, "fieldSelector": "status.phase=Running"}
        found = self._listed(f"/api/v1/namespaces/{quote(namespace, safe='')}/pods", query)
        return [each["metadata"]["name"] for each in found]

    def metrics_of_pod(self, namespace: str, name: str, port: int) -> str:
        """What a pod exports for Prometheus, through the API server. Raises `NotThere`."""
        place = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe='')}:{port}/proxy/metrics"
        return self._try("GET", place, None, None).decode("utf-8", "replace")

    def _place(self, kind: str) -> str:
        if kind in _CORE:
            return f"/api/v1/namespaces/{self.namespace}/{_CORE[kind]}"
        group, version, plural = KINDS[kind]
        return f"/apis/{group}/{version}/namespaces/{self.namespace}/{plural}"

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        accept: str = ANYTHING,
    ) -> Json:
        try:
            found: Json = orjson.loads(self._try(method, path, query, body, accept))
        except ValueError as error:
            raise RunnerError(f"the cluster does not answer: {error}") from error
        return found

    def _try(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, accept: str = ANYTHING) -> bytes:
        for left in reversed(range(TRIES)):
            self._bucket.take()
            try:
                return self._once(method, path, query, body, accept)
            except _Refusal as error:
                if error.status != TOO_MANY or not left:
                    raise self._meaning(error) from error
                self._bucket.pause(_retry_after(error))
        raise AssertionError

    def _once(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, accept: str) -> bytes:
        asked, headers = list((query or {}).items()), {"Accept": accept, "Content-Type": "application/json"}
        self._client.update_params_for_auth(headers, asked, ["BearerToken"])
        url = f"{self._client.configuration.host}{path}{f'?{urlencode(asked)}' if asked else ''}"
        sent = {"headers": self._client.default_headers | headers, "timeout": TIMEOUT}
        data = None if body is None else orjson.dumps(body)
        try:  # past the client, which takes longer to look through a manifest than it takes to send it
            answer = self._client.rest_client.pool_manager.urlopen(method, url, body=data, **sent)
        except (HTTPError, OSError) as error:
            raise RunnerError(f"the cluster does not answer: {error}") from error
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise _Refusal(answer.status, answer.reason, answer.data, answer.headers)
        found: bytes = answer.data
        return found

    def _meaning(self, error: _Refusal) -> Exception:
        message = _message(error)
        if error.status == NOT_FOUND:
            return NotThere(message)
        if error.status == CONFLICT:
            return AlreadyThere(message)
        if error.status in {BAD_REQUEST, UNPROCESSABLE, TOO_LARGE}:
            return LaunchRefused(f"the cluster refuses it: {message}")
        if error.status == FORBIDDEN:
            return _forbidden(message)
        return RunnerError(f"the cluster answers {error.status}: {message}")


def _forbidden(message: str) -> Exception:
    """Of the many things that 403 may mean, only those that concern the object itself never pass."""
    if "exceeded quota" in message:
        return RunnerError(f"the quota of the namespace is used up: {message}")
    if "violates PodSecurity" in message or "maximum " in message or "minimum " in message:
        return LaunchRefused(f"the cluster refuses it: {message}")
    return RunnerError(f"the platform may not do it: {message}")


def _message(error: _Refusal) -> str:
    try:
        found = orjson.loads(error.body or "")
    except ValueError:
        found = None
    told = found.get("message") if isinstance(found, dict) else None
    return str(told or error.reason or error.status)


def _retry_after(error: _Refusal) -> float:
    value = (error.headers or {}).get("Retry-After", "")
    seconds = float(value) if value.isdigit() else BUSY_PAUSE
    return min(max(seconds, 0.1), LONGEST_PAUSE)
