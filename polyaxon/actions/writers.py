"""Who writes to the outputs of a run: at most one run at a time."""

from __future__ import annotations

from polyaxon.db.models import Experiment, Job
from polyaxon.errors import InvalidInput

RESUME, RESTART, COPY = "resume", "restart", "copy"
EVENT_OF = {RESUME: "resumed", RESTART: "restarted", COPY: "copied"}


def root_of(original: Experiment | Job, strategy: str) -> Experiment | Job:
    """The run that a clone comes from: resuming a resumed run resumes the one that it goes on from."""
    return original.outputs_owner if strategy == RESUME else original


def check_nobody_writes(original: Experiment | Job, root: Experiment | Job) -> None:
    """Raises `InvalidInput`: two runs that write to one outputs folder would destroy each other's checkpoint."""
    done = original.LIFECYCLE.done
    writers = root.clones.filter(cloning_strategy=RESUME, is_managed=True)
    active = writers.exclude(status__in=done).first()
    for run in (root, original):
        if active is None and not run.is_done and run.is_managed:
            active = run
    if active is not None:
        kind = type(root).__name__
        raise InvalidInput(
            f"{kind} {active.pk} still writes to the outputs of {kind.lower()} {root.pk}. Stop it, or wait for its end."
        )
