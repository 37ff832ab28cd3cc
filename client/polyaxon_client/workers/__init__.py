"""Sending in the background, with the standard library alone: queue, one thread, retries, flush at exit."""

from __future__ import annotations

from polyaxon_client.workers.background import Background
from polyaxon_client.workers.sender import Sender, sender_for
from polyaxon_client.workers.target import Target

__all__ = ["Background", "Sender", "Target", "sender_for"]
