"""One row's trouble must not keep a pass from the others, and every pass comes again."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import Error as AnyDatabaseError

logger = logging.getLogger(__name__)


def guarded(step: Callable[[], object]) -> None:
    """Call `step`. What it raises is logged, a database that is locked, full or away in one line."""
    try:
        step()
    except AnyDatabaseError as error:
        logger.warning("Put off until the next pass: %s", str(error).strip())
    except Exception:
        logger.exception("A pass failed; it is tried again")
