from __future__ import annotations

import pytest
from django.db import connections

from polyaxon.pods.database import DatabasePodStore
from polyaxon.pods.seen import SeenPod
from polyaxon.pods.store import MemoryPodStore, PodStore
from tests.pods.contract import PodStoreContract


class TestMemory(PodStoreContract):
    @pytest.fixture
    def store(self) -> PodStore:
        return MemoryPodStore()


class Closing(DatabasePodStore):
    """Ends the connection of the thread that a test used."""

    def put(self, pod: SeenPod) -> bool:
        try:
            return super().put(pod)
        finally:
            if connections["default"].in_atomic_block is False:
                connections.close_all()


@pytest.mark.django_db(transaction=True)
class TestDatabase(PodStoreContract):
    @pytest.fixture
    def store(self) -> PodStore:
        return Closing()
