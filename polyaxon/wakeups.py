"""Tell the scheduler, after the commit, that a row has work to do."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Literal

from django.conf import settings
from django.db import connection, transaction

from polyaxon.queues import publisher

Kind = Literal["experiment", "job", "build", "notebook", "tensorboard", "group", "dispatch"]

AT_ONCE = 50  # rows that one message names


class _Wakeup(partial[None]):
    """A message that is to be sent."""


def _send(task: str, *arguments: object) -> None:
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
