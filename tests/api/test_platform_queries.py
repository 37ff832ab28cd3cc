"""Lists of the cluster and of catalogs ask the database as often for many rows as for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polyaxon.actions.catalogs import create_entry
from polyaxon.actions.cluster import add_gpu, add_node
from polyaxon.db.models import ClusterNode, DataStore, GitAccess, K8SConfigMap, K8SSecret, RegistryAccess
from tests.api.conftest import url
from tests.api.test_query_counts import MANY, queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

CATALOGS = {
    "data_stores": DataStore,
    "k8s_secrets": K8SSecret,
    "k8s_config_maps": K8SConfigMap,
    "git_access": GitAccess,
    "registry_access": RegistryAccess,
}


def node(number: int) -> ClusterNode:
    return add_node({"name": f"n{number}", "role": "agent", "memory": 1, "cpu": 1, "n_gpus": 0})


def constant(client: APIClient, path: str, add: Callable[[int], object]) -> bool:
    add(0)
    client.get(path)  # what the process remembers is not counted
    one = queries(client, path)
    for number in range(1, MANY):
        add(number)
    return queries(client, path) == one


@pytest.mark.parametrize("path", ["cluster", "cluster/nodes"])
def test_nodes(client: APIClient, path: str) -> None:
    assert constant(client, url(path), node)


@pytest.mark.parametrize("path", ["nodes/1", "nodes/1/gpus"])
def test_gpus(client: APIClient, path: str) -> None:
    one = node(0)
    assert constant(client, url(path), lambda number: add_gpu(one, {"index": number}))


@pytest.mark.parametrize("form", ["", "/names"])
@pytest.mark.parametrize("catalog", sorted(CATALOGS))
def test_catalogs(client: APIClient, catalog: str, form: str) -> None:
    model = CATALOGS[catalog]
    secret = create_entry(K8SSecret, {"name": "shared", "k8s_ref": "object"})
    fields = {"k8s_ref": "object"} if issubclass(model, K8SSecret | K8SConfigMap) else {"k8s_secret": secret}
    path = url("catalogs", catalog) + form
    assert constant(client, path, lambda number: create_entry(model, {"name": f"e{number}", **fields}))
