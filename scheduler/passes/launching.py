"""Hand a run to the runner, and sort what may go wrong: for good, or for now."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import Error as AnyDatabaseError

from polyaxon.actions.log_shipments import open_shipment
from polyaxon.actions.replicas import ensure_replicas
from polyaxon.db.models import Experiment, Job, Token
from polyaxon.errors import UserError
from polyaxon.security import tokens
from polyaxon.stores import RepoError
from polyaxon_schemas import PolyaxonfileError
from scheduler.launches import launch_spec
from scheduler.passes.queue import Run
from scheduler.runners.base import Closing, LaunchRefused, LaunchSpec, Runner, RunnerError

logger = logging.getLogger(__name__)


class Refused(Exception):
    """The run can never start."""


class NotYet(Exception):
    """The run did not start; trying again may help."""


def prepare(run: Run) -> tuple[LaunchSpec, Token | None]:
    """What the runner is to start, and the run's token, if it has one: it is to be stored before that.

    Raises `Refused` or `NotYet`.
    """
    with _sorted(run):
        key, token = tokens.draft(run.user, run=run.uuid)
        return launch_spec(run, key), token if isinstance(run, Experiment | Job) else None


def submit(run: Run, spec: LaunchSpec, runner: Runner) -> None:
    """Start the run's attempt unless that was done before, or the next server has to. Raises `Refused` or `NotYet`."""
    with _sorted(run), suppress(Closing):
        _make_rows(run, spec)
        runner.submit(spec)


def check(run: Run, error: Exception | None) -> None:
    """Say as `submit` does what `error`, which a runner gave back, means."""
    with _sorted(run), suppress(Closing):
        if error is not None:
            raise error


@contextmanager
def _sorted(run: Run) -> Iterator[None]:
    try:
        yield
    except AnyDatabaseError:
        raise  # the next pass does it again
    except (PolyaxonfileError, UserError, LaunchRefused) as error:
        raise Refused(str(error)) from error
    except (RunnerError, RepoError, OSError) as error:
        logger.warning("Run %s is not started yet: %s", run.uuid.hex, error)
        raise NotYet(_told(error)) from error
    except Exception as error:
        # Nothing that a repetition would mend; a run that hangs without a word would be worse.
        logger.exception("Run %s cannot be launched", run.uuid.hex)
        raise Refused(f"the platform failed ({type(error).__name__}: {error}); its log tells more") from error


def _make_rows(run: Run, spec: LaunchSpec) -> None:
    """Rows that are to be there before any pod is."""
    if spec.cluster is None:
        return
    replicas = spec.cluster.replicas
    open_shipment(run, has_roles=len(replicas) > 1)
    if isinstance(run, Experiment) and len(replicas) > 1:
        ensure_replicas(run, [(each.role, each.index, each.place.resources) for each in replicas])


def _told(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
