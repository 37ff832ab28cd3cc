"""The API server's word on the custom resources that operators are asked with."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from scheduler.runners.kubernetes.manifests import objects
from scheduler.runners.kubernetes.manifests.kubeflow import KINDS
from tests.cluster.kubeflow_kinds import defined
from tests.runners.contract import wait_for
from tests.runners.kubernetes.launches import LAUNCHES, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.cluster import Cluster

NAMES = [name for name in LAUNCHES if name.startswith("kubeflow")]


@pytest.fixture(scope="module")
def kubeflow(cluster: Cluster) -> Iterator[client.ApiClient]:
    api = cluster.api()
    with defined(api):
        yield api


def created(api: client.ApiClient, namespace: str, resource: dict[str, Any]) -> int:
    """The status of a strict dry run."""
    group, version, plural = KINDS[resource["kind"]]
    answer = api.call_api(
        f"/apis/{group}/{version}/namespaces/{namespace}/{plural}",
        "POST",
        query_params=[("dryRun", "All"), ("fieldValidation", "Strict")],
        header_params={"Content-Type": "application/json", "Accept": "application/json"},
        body=resource,
        auth_settings=["BearerToken"],
        _preload_content=False,
        _return_http_data_only=True,
    )
    return int(answer.status)


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_each(kubeflow: client.ApiClient, cluster_namespace: str, name: str) -> None:
    resource = objects(LAUNCHES[name], SETTINGS)[-1]
    resource["metadata"]["namespace"] = cluster_namespace
    statuses: list[int] = []

    def served() -> bool:
        """The server routes to a new kind a moment after it says so."""
        try:
            statuses.append(created(kubeflow, cluster_namespace, resource))
        except client.ApiException as error:
            if error.status != http.client.NOT_FOUND:
                raise
        return bool(statuses)

    wait_for(served, "the kind", 30)
    assert statuses == [http.client.CREATED]


def test_it_refuses_what_is_wrong(kubeflow: client.ApiClient, cluster_namespace: str) -> None:
    """Or the test above would say nothing."""
    resource = objects(LAUNCHES[NAMES[0]], SETTINGS)[-1]
    resource["metadata"]["namespace"] = cluster_namespace
    resource["spec"]["tfReplicaSpec"] = {}
    with pytest.raises(client.ApiException, match="unknown field"):
        created(kubeflow, cluster_namespace, resource)


def test_all_kinds_are_tried() -> None:
    assert {objects(LAUNCHES[name], SETTINGS)[-1]["kind"] for name in NAMES} == set(KINDS)
