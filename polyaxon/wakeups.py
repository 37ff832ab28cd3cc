"""Tell the scheduler, after the commit, that a row has work to do."""

from __future__ import annotations

from functools import partial
from typing import Literal

from django.db import transaction

from polyaxon.queues import publisher

Kind = Literal["experiment", "job", "group", "dispatch", "unsupported"]


def wake(kind: Kind, pk: int = 0) -> None:
    """Wake the pass of one row once the current transaction has committed."""
    transaction.on_commit(partial(publisher.send, f"scheduler.{kind}", pk))


def wake_row(row: object) -> None:
    """Wake the pass of whatever has one of its own."""
    kind: Kind = _KINDS[type(row).__name__]
    wake(kind, row.pk)  # type: ignore[attr-defined]


_KINDS: dict[str, Kind] = {
    "Experiment": "experiment",
    "Job": "job",
    "ExperimentGroup": "group",
    "BuildJob": "unsupported",
    "NotebookJob": "unsupported",
    "TensorboardJob": "unsupported",
}
