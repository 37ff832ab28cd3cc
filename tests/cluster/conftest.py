from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from kubernetes import client

from tests.cluster import api, dumps
from tests.cluster.platform import Platform
from tests.services.databases import fresh_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module")
def module_platform(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, postgres_url: str, amqp_url: str, redis_url: str
) -> Iterator[Callable[..., Platform]]:
    """A function that starts the platform for all tests of a module; it takes settings."""
    with contextlib.ExitStack() as stack:

        def start(**settings: str) -> Platform:
            namespace = stack.enter_context(api.namespace(client.CoreV1Api(cluster.api())))
            name = stack.enter_context(fresh_database(postgres_url))
            made = Platform(
                cluster,
                namespace,
                _open_to_pods(tmp_path_factory.mktemp("platform")),
                postgres=f"{postgres_url.rsplit('/', 1)[0]}/{name}",
                amqp=amqp_url,
                redis=redis_url,
                **settings,
            )
            stack.callback(made.close)
            stack.enter_context(dumps.dumped("processes", made.describe))
            return made.start()

        yield start


def _open_to_pods(folder: Path) -> Path:
    folder.chmod(0o755)
    return folder
