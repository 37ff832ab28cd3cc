"""Tell the scheduler, after the commit, that a row has work to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

from django.conf import settings
from django.db import connection, transaction

from polyaxon.queues import publisher

Kind = Literal["experiment", "job", "build", "notebook", "tensorboard", "group", "dispatch"]

AT_ONCE = 50  # rows that one message names
SPACE = 0.1  # seconds from one message to the next that says the same, on a cluster
_SPACED = frozenset({"scheduler.dispatch", "scheduler.group"})  # passes that one wakes for many rows


class _Wakeup(partial[None]):
    """A message that is to be sent."""


class Spacing:
    """Sends at once what comes alone. Of what comes again and again, the first, and then one for all that follow."""

    def __init__(self, send: Callable[..., object]) -> None:
        self._deliver = send
        self._lock = threading.Lock()
        self._due: dict[tuple[object, ...], float] = {}  # when the same may be sent again
        self._later: set[tuple[object, ...]] = set()

    def send(self, task: str, *arguments: object) -> None:
        message = (task, *arguments)
        with self._lock:
            if message in self._later:
                return  # one is still to be sent, which tells of this, too
            now = time.monotonic()
            rest = self._due.get(message, now) - now
            if rest > 0:
                self._later.add(message)
            else:
                self._due = {key: due for key, due in self._due.items() if due > now} | {message: now + SPACE}
        if rest > 0:
            timer = threading.Timer(rest, self._send_now, message)
            timer.daemon = True
            timer.start()
        else:
            self._deliver(task, *arguments)

    def _send_now(self, task: str, *arguments: object) -> None:
        message = (task, *arguments)
        with self._lock:  # what is committed from now on is told of by another
            self._later.discard(message)
            self._due[message] = time.monotonic() + SPACE
        self._deliver(task, *arguments)


_spacing = Spacing(publisher.send)


def _send(task: str, *arguments: object) -> None:
    if task in _SPACED and settings.CONFIG.on_cluster:
        _spacing.send(task, *arguments)
    else:
        publisher.send(task, *arguments)


def wake(kind: Kind, pk: int = 0) -> None:
    """Wake the pass of one row once the current transaction has committed: once, however often it is asked for."""
    task, arguments = f"scheduler.{kind}", (pk,)
    # What a savepoint that was rolled back asked for is not in the list any more.
    asked = (entry[1] for entry in connection.run_on_commit)
    if not any(isinstance(one, _Wakeup) and one.args == (task, *arguments) for one in asked):
        transaction.on_commit(_Wakeup(_send, task, *arguments))


def wake_row(row: object) -> None:
    """Wake the pass of whatever has one of its own."""
    kind: Kind = _KINDS[type(row).__name__]
    wake(kind, row.pk)  # type: ignore[attr-defined]


def wake_all(rows: Iterable[object]) -> None:
    """The same of many. On a cluster those of a kind are woken together, for then their launches share requests."""
    if settings.CONFIG.on_cluster:
        _together("scheduler.launch", rows)
        return
    for row in rows:
        wake_row(row)


def wake_followers(rows: Iterable[object]) -> None:
    """Have it looked up what became of the pods of these runs. A queue of its own: no launch keeps it waiting."""
    _together("scheduler.follow", rows)


def _together(task: str, rows: Iterable[object]) -> None:
    kinds: dict[Kind, list[int]] = {}
    for row in rows:
        kinds.setdefault(_KINDS[type(row).__name__], []).append(row.pk)  # type: ignore[attr-defined]
    for kind, keys in kinds.items():
        for start in range(0, len(keys), AT_ONCE):
            transaction.on_commit(_Wakeup(_send, task, kind, keys[start : start + AT_ONCE]))


_KINDS: dict[str, Kind] = {
    "Experiment": "experiment",
    "Job": "job",
    "ExperimentGroup": "group",
    "BuildJob": "build",
    "NotebookJob": "notebook",
    "TensorboardJob": "tensorboard",
}
