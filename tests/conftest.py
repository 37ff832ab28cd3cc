"""Fixtures that every room's tests may use."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.services.fixtures"]


@pytest.fixture(autouse=True)
def _options_as_stored() -> None:
    """No test reads what the process remembers of another's options."""
    from polyaxon import options

    options.forget_cached()
