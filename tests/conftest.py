"""Fixtures that every room's tests may use."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

# Shells have what runs in the background ignore Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes, to be made or to be tested, says more about the machine than about the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

pytest_plugins = ["tests.services.fixtures", "tests.cluster.fixtures"]


@pytest.fixture(autouse=True)
def _options_as_stored() -> None:
    """No test reads what the process remembers of another's options."""
    from polyaxon import options

    options.forget_cached()
