"""One small HTTP layer for the API client and the command line tool: typed errors, retries, streaming."""

from __future__ import annotations

from polyaxon_client.transport.http import DownloadProgress, Transport, UploadProgress
from polyaxon_client.transport.logs import follow_logs

__all__ = ["DownloadProgress", "Transport", "UploadProgress", "follow_logs"]
