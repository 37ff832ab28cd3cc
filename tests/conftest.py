"""Fixtures that every room's tests may use."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

pytest_plugins = ["tests.services.fixtures", "tests.cluster.fixtures"]


@pytest.fixture(autouse=True)
def _options_as_stored() -> None:
    """No test reads what the process remembers of another's options."""
    from polyaxon import options

    options.forget_cached()
