"""One thread for linear algebra, so that results do not depend on how many cores there are."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any


def single_threaded() -> AbstractContextManager[Any]:
    """Holds the libraries of numpy and scipy to one thread while it is entered."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=1)
    return limited


@cache
def _controller() -> Any:
    # Looking through the libraries of the process takes milliseconds, so it is done once, when all are loaded.
    import scipy.linalg  # noqa: F401, PLC0415
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    return ThreadpoolController()
