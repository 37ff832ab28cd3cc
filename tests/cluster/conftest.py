from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kubernetes import client

from tests.cluster import dumps
from tests.cluster.platform import Platform
from tests.services.databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.cluster import Cluster


@pytest.fixture
def core(cluster: Cluster) -> client.CoreV1Api:
    """The core part of the API, as administrator."""
    return client.CoreV1Api(cluster.api())


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[str]:
    """Address of a database of the test's own."""
    with fresh_database(postgres_url) as name:
        yield f"{postgres_url.rsplit('/', 1)[0]}/{name}"


@pytest.fixture
def unstarted_platform(
    cluster: Cluster, cluster_namespace: str, tmp_path: Path, postgres: str, amqp_url: str, redis_url: str
) -> Iterator[Platform]:
    """Every component as a process of its own, once it is started; a failure is told with their logs."""
    made = Platform(cluster, cluster_namespace, tmp_path, postgres=postgres, amqp=amqp_url, redis=redis_url)
    try:
        with dumps.dumped("processes", made.describe):
            yield made
    finally:
        made.close()
