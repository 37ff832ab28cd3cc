"""Client of the REST API: ``PolyaxonClient().experiment.get_experiment("user", "project", 1)``."""

from __future__ import annotations

from polyaxon_client.client.client import PolyaxonClient
from polyaxon_client.client.records import Record

__all__ = ["PolyaxonClient", "Record"]
