"""What a process has loaded is not looked at again and again."""

from __future__ import annotations

import gc
import weakref

from polyaxon.components.heap import settle


class Thing:
    other: Thing


def test_what_is_loaded_is_left_alone_and_what_comes_later_is_collected() -> None:
    before = gc.get_freeze_count()
    settle()
    try:
        assert gc.get_freeze_count() - before > 10_000
        thing = Thing()
        thing.other = thing
        seen = weakref.ref(thing)
        del thing
        gc.collect()
        assert seen() is None
    finally:
        gc.unfreeze()
