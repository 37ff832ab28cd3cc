"""End what the configured runner has no way to execute, and say so, instead of leaving it waiting for ever."""

from __future__ import annotations

from django.conf import settings

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import BuildJob, NotebookJob, TensorboardJob
from polyaxon.lifecycles import tables as s

Kind = type[BuildJob | NotebookJob | TensorboardJob]
# What a runner cannot do, and why, in a person's words.
_LOCAL = "The server runs on the local runner, which"
UNSUPPORTED: dict[str, dict[Kind, str]] = {
    "local": {
        BuildJob: f"{_LOCAL} builds no images. Experiments and jobs run without one.",
        NotebookJob: f"{_LOCAL} starts no notebooks. Start one on your own machine, beside the server.",
        TensorboardJob: f"{_LOCAL} starts no tensorboards. Start one on your own machine, on the downloaded outputs.",
    }
}


def end_unsupported() -> None:
    """Fail, or stop if that was asked for, every managed row of the kinds that the runner cannot execute."""
    for model, reason in UNSUPPORTED.get(settings.CONFIG.runner.runner_backend, {}).items():
        rows = model.objects.filter(is_managed=True, status__in=model.LIFECYCLE.open)
        for row in rows.select_related("project__owner"):
            if row.stop_requested_at is not None:
                set_status(row, s.STOPPED, message="Stopped by a user.")
            else:
                set_status(row, s.FAILED, message=reason)
