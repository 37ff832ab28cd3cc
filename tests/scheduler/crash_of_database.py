"""A run on the database of the environment, in steps: `python -m tests.scheduler.crash_of_database STEP`.

Each step prints a line of JSON: what the rows say of the run.
"""

from __future__ import annotations

import json
import os
import sys
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - needs Django

from polyaxon.db.models import Event, Experiment, Token  # noqa: E402
from scheduler.passes import reconcile, runs  # noqa: E402
from scheduler.passes.dispatch import dispatch  # noqa: E402
from tests.contents import experiment_content  # noqa: E402
from tests.factories import make_experiment  # noqa: E402


def begin() -> Experiment:
    """Everything until it runs."""
    call_command("migrate", verbosity=0)
    run = make_experiment(content=experiment_content("sleep 2"))
    dispatch()
    runs.advance(Experiment.objects.get(pk=run.pk))
    return run


def follow(run: Experiment) -> None:
    """Until it is done."""
    end = time.monotonic() + 100
    while not Experiment.objects.get(pk=run.pk).is_done and time.monotonic() < end:
        reconcile.sync()
        time.sleep(0.05)


def told(run: Experiment) -> dict[str, object]:
    row = Experiment.objects.get(pk=run.pk)
    return {
        "status": row.status,
        "attempt": row.attempt,
        "statuses": list(row.statuses.values_list("status", flat=True)),
        "ends": Event.objects.filter(event_type="experiment.done", object_id=row.pk).count(),
        "tokens": Token.objects.filter(run=row.uuid).count(),
    }


def main(step: str) -> None:
    run = begin() if step == "begin" else Experiment.objects.get()
    if step == "follow":
        follow(run)
    sys.stdout.write(json.dumps(told(run)) + "\n")
    sys.stdout.flush()
    os._exit(0)  # what has not reached the disk by now is not helped along


if __name__ == "__main__":
    main(sys.argv[1])
