"""What the platform's proxy shows a notebook, so that nobody gets to it past the proxy."""

from __future__ import annotations

import uuid

from django.utils.crypto import salted_hmac


def service_token(run: uuid.UUID) -> str:
    """The secret of one notebook, the same in every process: a keyed digest of its uuid."""
    return salted_hmac("polyaxon.service", run.hex, algorithm="sha256").hexdigest()
