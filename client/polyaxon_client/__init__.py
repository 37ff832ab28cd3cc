"""Python client of the platform: the API client and the tracking client.

Nothing is imported here on purpose: ``polyaxon_client.tracking`` must load quickly and needs no package.
"""

from __future__ import annotations

__version__ = "0.7.0"
