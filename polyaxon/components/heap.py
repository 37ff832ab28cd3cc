"""What a process has loaded, it keeps to its end."""

from __future__ import annotations

import gc


def settle() -> None:
    """Have the garbage collector leave alone what is there: modules, models, routes.

    It would look at all of that again with each full collection, for a tenth of a second in which nothing else is done.
    """
    gc.collect()
    gc.freeze()
