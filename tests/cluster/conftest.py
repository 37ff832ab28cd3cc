from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kubernetes import client

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster


@pytest.fixture
def core(cluster: Cluster) -> client.CoreV1Api:
    """The core part of the API, as administrator."""
    return client.CoreV1Api(cluster.api())
