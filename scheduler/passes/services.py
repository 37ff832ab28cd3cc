"""Notebooks and tensorboards run once they answer, and from then on it is known where."""

from __future__ import annotations

from polyaxon.db.models.plugins import Plugin
from scheduler.configured import configured_runner
from scheduler.passes.queue import Run
from scheduler.runners.base import Observation, Phase


def is_up(run: Run, seen: Observation) -> bool:
    """Whether `run` counts as running. A service is asked for its address, which is stored before its status says so.

    One that has ended without having answered has run all the same.
    """
    if not isinstance(run, Plugin) or seen.phase is not Phase.RUNNING:
        return True
    if not seen.is_ready:
        return False
    address = configured_runner().address(run.uuid.hex, run.attempt)
    if address is None:
        return False
    run.definition = {**run.definition, "service": {"address": address, "attempt": run.attempt}}
    type(run)._base_manager.filter(pk=run.pk, attempt=run.attempt).update(definition=run.definition)
    return True
