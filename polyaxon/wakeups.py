"""Tell the scheduler, after the commit, that a row has work to do."""

from __future__ import annotations

from functools import partial
from typing import Literal

from django.db import connection, transaction

from polyaxon.queues import publisher

Kind = Literal["experiment", "job", "build", "notebook", "tensorboard", "group", "dispatch"]


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


_KINDS: dict[str, Kind] = {
    "Experiment": "experiment",
    "Job": "job",
    "ExperimentGroup": "group",
    "BuildJob": "build",
    "NotebookJob": "notebook",
    "TensorboardJob": "tensorboard",
}
