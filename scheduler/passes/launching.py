"""Hand a run to the runner, and sort what may go wrong: for good, or for now."""

from __future__ import annotations

import logging

from django.db import Error as AnyDatabaseError

from polyaxon.errors import UserError
from polyaxon.stores import RepoError
from polyaxon_schemas import PolyaxonfileError
from scheduler.launches import launch_spec
from scheduler.passes.queue import Run
from scheduler.runners.base import Closing, LaunchRefused, Runner, RunnerError

logger = logging.getLogger(__name__)


class Refused(Exception):
    """The run can never start."""


class NotYet(Exception):
    """The run did not start; trying again may help."""


def launch(run: Run, runner: Runner) -> bool:
    """Start the run's attempt unless that was done before; False when it has to wait for the next server.

    Raises `Refused` or `NotYet`.
    """
    try:
        runner.submit(launch_spec(run))
    except Closing:
        return False
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
    return True


def _told(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
