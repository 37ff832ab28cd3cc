"""Statements that Postgres has parsed and planned before: `PREPARE` once for a connection, then `EXECUTE`.

Planning a short query costs Postgres more than running it, and sending its text more than sending a name. Only for
statements whose text is always the same. On SQLite, and behind a pooler that gives each transaction another connection
(`POLYAXON_DB_PREPARED_STATEMENTS=false`), they are sent as they are.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

MOST_VALUES = 200
"""A statement with more of them comes in many lengths, each of which would stay with the connection."""
LONGEST_KEPT = 300.0
"""Seconds after which plans are made anew."""
MOST_STATEMENTS = 1000
"""Of the process. What comes later is sent as it is."""

_names = count(1)
_PLACEHOLDER = re.compile(r"%(.)")


class _Text(NamedTuple):
    name: str
    prepare: str
    execute: str


def run(cursor: Any, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
    """Execute statements of fixed text with their values: on Postgres in one round trip.

    The cursor then has the answer of the last one.
    """
    ours = database()
    if ours.vendor != "postgresql":
        for sql, values in statements:
            cursor.execute(sql, values)
        return
    known = _known(ours)
    texts = [_sent(sql, len(values), known) for sql, values in statements]
    if known.usable and known.plans.are_old(time.monotonic()):
        texts.insert(0, "DISCARD PLANS")
    try:
        cursor.execute("; ".join(texts), [value for _, values in statements for value in values])
    except NotSupportedError:  # the type of a column has changed: what was planned for the old one is of no more use
        known.usable = False
        raise


def answers(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows that one statement of fixed text gives."""
    with database().cursor() as cursor:
        run(cursor, [(sql, values)])
        return list(cursor.fetchall())


def database() -> BaseDatabaseWrapper:
    """This thread's. `django.db.connection` only stands for it, and looks it up whenever anything is asked of it."""
    return connections[DEFAULT_DB_ALIAS]


def quoted(statuses: Iterable[str]) -> str:
    """Statuses as the list of a statement's text, always in the same order."""
    return ", ".join(f"'{status}'" for status in sorted(statuses))


@dataclass(slots=True)
class Plans:
    """How long plans are kept: those of a young connection may be of when there was next to nothing in a table."""

    made: float  # by a clock in seconds
    kept: float = 1.0  # each time twice as long

    def are_old(self, now: float) -> bool:
        """Whether they are to be made anew; if so, they are as of now."""
        if now - self.made < self.kept:
            return False
        self.made, self.kept = now, min(2 * self.kept, LONGEST_KEPT)
        return True


@dataclass(slots=True)
class _Known:
    """What one connection to the server has prepared; another one knows nothing of it."""

    of: Any
    names: set[str] = field(default_factory=set)
    usable: bool = True
    plans: Plans = field(default_factory=lambda: Plans(time.monotonic()))


def _known(ours: BaseDatabaseWrapper) -> _Known:
    ours.ensure_connection()
    held: _Known | None = ours.__dict__.get("_prepared_statements")
    if held is None or held.of is not ours.connection:
        held = ours.__dict__["_prepared_statements"] = _Known(ours.connection)
        held.usable = settings.CONFIG.database.db_prepared_statements
        if held.usable and ours.vendor == "postgresql":
            _past_django(_AS_IN_MEMORY)
    return held


def _sent(sql: str, values: int, known: _Known) -> str:
    """What is sent for a statement, once the server knows it."""
    text = _text(sql, values) if known.usable else None
    if text is None:
        return sql
    if text.name not in known.names:
        _past_django(text.prepare)
        known.names.add(text.name)
    return text.execute


# Postgres takes it by default that the next page of an index is four times as far as the next one of a table, as on
# disks that turn. It would rather read whole tables, and what has long moved on in an index, than what is under way.
_AS_IN_MEMORY = """
SELECT set_config('random_page_cost', '1.1', false) WHERE current_setting('random_page_cost') = '4'
"""


def _past_django(sql: str) -> None:
    """On its own, so that it is known whether it went well; past Django, for it asks nothing of the tables."""
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        cursor.execute(sql)


@lru_cache(maxsize=MOST_STATEMENTS * 2)
def _text(sql: str, values: int) -> _Text | None:
    """None when the statement is not to be prepared."""
    number = next(_names) if values <= MOST_VALUES else MOST_STATEMENTS
    if number >= MOST_STATEMENTS:
        return None
    name, places = f"plx_{number}", count(1)
    body = _PLACEHOLDER.sub(lambda found: f"${next(places)}" if found[1] == "s" else "%", sql)
    marks = f" ({', '.join(['%s'] * values)})" if values else ""
    return _Text(name, f"PREPARE {name} AS {body}", f"EXECUTE {name}{marks}")
