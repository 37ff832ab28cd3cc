"""Which runs wait for a slot, and which of them are next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from django.db import connection
from django.db.models import JSONField, Q, QuerySet
from django.db.models.expressions import RawSQL

from polyaxon.actions.runs import WAITING
from polyaxon.db.models import BuildJob, Experiment, ExperimentGroup, Job, NotebookJob, PassLock, TensorboardJob
from polyaxon.db.server_side import answers, quoted
from polyaxon.lifecycles import EXPERIMENT, JOB
from polyaxon.lifecycles import tables as s
from scheduler.passes.queue import SERVICES, Run

SERVICES_AT_ONCE = 100
READ_AHEAD = 50  # trials of each search that are read with the load


@dataclass(frozen=True, slots=True)
class Load:
    """What there is for a dispatcher to do."""

    active: int  # runs that hold a slot
    builds: bool  # something waits for a build
    singles: bool  # runs wait that a person asked for
    jobs: bool
    trials: bool
    images: bool  # builds wait
    services: bool  # notebooks or tensorboards wait, which take no slot
    version: int | None  # of the lock of those who give out slots; None before anybody has
    next_trials: Sequence[Waiting] | None = None  # as `trials` gives them, as far as they were read with it

    @property
    def has_work(self) -> bool:
        """Whether there is anything to do."""
        return self.is_anything_waiting or self.builds or self.services

    @property
    def is_anything_waiting(self) -> bool:
        return self.singles or self.jobs or self.trials or self.images


def load() -> Load:
    """By one statement: most of the time nothing follows from it."""
    (row,) = answers(_LOAD_WITH_TRIALS if connection.vendor == "postgresql" else _LOAD)
    return _load_of(row)


def with_load(groups: QuerySet[ExperimentGroup], *, trials: bool) -> QuerySet[ExperimentGroup]:
    """Groups, each read together with the load; on Postgres also with the next `trials`, where some mostly wait."""
    read_ahead = trials and connection.vendor == "postgresql"
    sql = _as_json(_LOAD_WITH_TRIALS, *_COLUMNS, *_FOLLOWING) if read_ahead else _as_json(_LOAD, *_COLUMNS)
    return groups.annotate(_load=RawSQL(sql, [], output_field=JSONField()))  # noqa: S611 - fixed


def load_as_read(group: ExperimentGroup) -> Load:
    """Of a group that was read `with_load`."""
    return _load_of(group.__dict__["_load"])


def _load_of(row: Sequence[Any]) -> Load:
    active, builds, singles, jobs, trials, images, services, version, *following = row
    columns = [column or () for column in following]  # of no rows there is not even an empty list
    return Load(
        active=int(active),
        builds=bool(builds),
        singles=bool(singles),
        jobs=bool(jobs),
        trials=bool(trials),
        images=bool(images),
        services=bool(services),
        version=version,
        next_trials=[_waiting(*row) for row in zip(*columns, strict=True)] if columns else None,
    )


_WAITS = f"is_managed AND status IN ({quoted(WAITING)})"
_NAMES = {
    "experiments": Experiment._meta.db_table,
    "jobs": Job._meta.db_table,
    "images": BuildJob._meta.db_table,
    "notebooks": NotebookJob._meta.db_table,
    "tensorboards": TensorboardJob._meta.db_table,
    "groups": ExperimentGroup._meta.db_table,
    "locks": PassLock._meta.db_table,
    "ready": f"{_WAITS} AND NOT deleted AND stop_requested_at IS NULL",
    "active": f"is_managed AND status IN ({quoted(EXPERIMENT.open - WAITING)})",
    "active_job": f"is_managed AND status IN ({quoted(JOB.open - WAITING)})",
    "searching": f"g.status = '{s.RUNNING}' AND g.stop_requested_at IS NULL AND NOT g.deleted",
    "builds": " OR ".join(
        f"EXISTS (SELECT 1 FROM {model._meta.db_table} WHERE {_WAITS} AND build_job_id IS NOT NULL)"  # noqa: S608
        for model in (Experiment, Job, NotebookJob, TensorboardJob)
    ),
    "built": f"(SELECT id FROM {BuildJob._meta.db_table} WHERE status = '{s.SUCCEEDED}')",  # noqa: S608
}


def _named(sql: str) -> str:
    return sql.format(**_NAMES)


# How many runs hold a slot.
ACTIVE = _named("""
SELECT (SELECT COUNT(*) FROM {experiments} WHERE {active}) + (SELECT COUNT(*) FROM {jobs} WHERE {active_job})
     + (SELECT COUNT(*) FROM {images} WHERE {active_job})
""")
_LOAD = ACTIVE + _named("""
       AS active, {builds} AS builds,
       EXISTS (SELECT 1 FROM {experiments} WHERE {ready} AND trial_index IS NULL) AS singles,
       EXISTS (SELECT 1 FROM {jobs} WHERE {ready}) AS jobs,
       EXISTS (SELECT 1 FROM {experiments} WHERE {ready} AND trial_index IS NOT NULL) AS trials,
       EXISTS (SELECT 1 FROM {images} WHERE {ready}) AS images,
       EXISTS (SELECT 1 FROM {notebooks} WHERE {ready}) OR EXISTS (SELECT 1 FROM {tensorboards} WHERE {ready})
       AS services,
       (SELECT version FROM {locks} WHERE name = 'dispatch') AS version
""")
_FOLLOWING = ("priorities", "moments", "keys")
_COLUMNS = ("active", "builds", "singles", "jobs", "trials", "images", "services", "version")


class Waiting(NamedTuple):
    """A run that waits for a slot: by its priority, then the older, the sooner."""

    priority: int
    created_at: datetime
    pk: int
    model: type[Run]


def waiting(limit: int, seen: Load | None = None) -> list[Waiting]:
    """The next runs to dispatch: by `priority`, then oldest first.

    Trials that a search suggested wait for its `concurrency`. Those that a person added to a group, such as a restarted
    trial, are none of the search's business: they run also after its end. `seen` tells which kinds need not be looked
    for.
    """
    seen = seen or load()
    found = [run for rows in singles(seen) for run in _listed(rows, limit)]
    found += trials(limit, seen)
    return sorted(found, key=lambda run: (-run.priority, run.created_at, run.pk))[:limit]


def singles(seen: Load) -> list[QuerySet[Run]]:
    """What waits by itself: all but the trials that searches suggested."""
    found: list[QuerySet[Run]] = []
    if seen.singles:
        found.append(_ready(Experiment).filter(trial_index=None))
    if seen.jobs:
        found.append(_ready(Job))
    if seen.images:
        found.append(_wanted(BuildJob))
    return found


def trials(limit: int, seen: Load) -> list[Waiting]:
    """Of each search as many as it may start, and at most `limit`."""
    if not seen.trials:
        return []
    if seen.next_trials is not None and (limit <= READ_AHEAD or len(seen.next_trials) < READ_AHEAD):
        return list(seen.next_trials)
    if connection.vendor == "postgresql":
        return [_waiting(*row) for row in answers(_TRIALS_OF_ALL, limit)]
    return [run for group, free in _searches() for run in _trials(group, min(free, limit))]


# Two of them, if there are as many.
WAITING_USERS = _named("""
SELECT user_id FROM {experiments} WHERE {ready} UNION SELECT user_id FROM {jobs} WHERE {ready}
UNION SELECT user_id FROM {images} WHERE {ready} LIMIT 2
""")


def services() -> list[Waiting]:
    """Notebooks and tensorboards to dispatch: nobody waits in a queue to look at something."""
    return [run for model in SERVICES for run in _listed(_ready(model), SERVICES_AT_ONCE)]


def _ready(model: type[Run]) -> QuerySet[Run]:
    """Those that are wanted and wait for no build."""
    return _wanted(model).filter(Q(build_job=None) | Q(build_job__status=s.SUCCEEDED))


def _wanted(model: type[Run]) -> QuerySet[Run]:
    wanted = {"is_managed": True, "status__in": WAITING, "deleted": False, "stop_requested_at": None}
    return cast("QuerySet[Run]", model._default_manager.filter(**wanted))


def _listed(rows: QuerySet[Run], limit: int) -> list[Waiting]:
    columns = rows.order_by("-priority", "id").values_list("priority", "created_at", "pk")[:limit]
    return [Waiting(priority, created, pk, rows.model) for priority, created, pk in columns]


def _searches() -> list[tuple[int, int]]:
    """Running searches that have waiting trials and may start some, and how many."""
    free = [(group, _concurrency(section) - busy) for group, section, busy in answers(_SEARCHES)]
    return [(group, slots) for group, slots in free if slots > 0]


def _concurrency(section: Any) -> int:
    """Of a search section as it comes past the ORM."""
    return int((json.loads(section) if isinstance(section, str) else section or {}).get("concurrency") or 1)


# Of all runs those that wait and those under way are few, and an index finds them by their status, however many trials
# a search has had. Asked for one search after the other, a planner that knows nothing of the table yet looks at all.
_SEARCHES = _named("""
SELECT g.id, g.hptuning, COALESCE(busy.number, 0)
FROM {groups} g LEFT JOIN (
  SELECT experiment_group_id, COUNT(*) AS number FROM {experiments}
  WHERE trial_index IS NOT NULL AND {active} GROUP BY experiment_group_id
) busy ON busy.experiment_group_id = g.id
WHERE {searching} AND g.id IN (
  SELECT experiment_group_id FROM {experiments} WHERE trial_index IS NOT NULL AND {ready}
)
ORDER BY g.id
""")


def _trials(group: int, limit: int) -> list[Waiting]:
    return [_waiting(*row) for row in answers(_TRIALS, group, limit)]


def _waiting(priority: int, created: datetime | str, pk: int) -> Waiting:
    return Waiting(priority, _moment(created), pk, Experiment)


# One that goes on in a run's outputs, or copies them, waits while another writes there: the two would destroy each
# other's checkpoint, or the copy be torn.
_NEXT_TRIALS = """
SELECT priority, created_at, id FROM {experiments} e
WHERE experiment_group_id = SEARCH AND trial_index IS NOT NULL AND {ready}
  AND (build_job_id IS NULL OR build_job_id IN {built})
  AND (cloning_strategy IS NULL OR cloning_strategy NOT IN ('resume', 'copy') OR NOT EXISTS (
    SELECT 1 FROM {experiments} WHERE {active} AND (
      id = e.original_experiment_id OR cloning_strategy = 'resume' AND original_experiment_id = e.original_experiment_id
    )
  ))
ORDER BY priority DESC, trial_index, id LIMIT ROOM
"""
_TRIALS = _named(_NEXT_TRIALS.replace("SEARCH", "%s").replace("ROOM", "%s"))
# The same of all searches at once, each with the room that its `concurrency` leaves; SQLite cannot join so.
_ROOM = "LEAST(GREATEST(COALESCE((search.hptuning ->> 'concurrency')::numeric::int, 1), 1) - search.busy, most.number)"
_TRIALS_OF_ALL = f"""
WITH most AS (SELECT %s::int AS number), search (id, hptuning, busy) AS ({_SEARCHES})
SELECT trial.priority, trial.created_at, trial.id FROM search, most, LATERAL (
  {_named(_NEXT_TRIALS.replace("SEARCH", "search.id").replace("ROOM", f"GREATEST({_ROOM}, 0)"))}
) trial
"""  # noqa: S608 - names of tables
_LOAD_WITH_TRIALS = f"""
SELECT load.*, following.priorities, following.moments, following.keys FROM ({_LOAD}) load LEFT JOIN LATERAL (
  SELECT ARRAY_AGG(priority) AS priorities, ARRAY_AGG(created_at) AS moments, ARRAY_AGG(id) AS keys
  FROM ({_TRIALS_OF_ALL}) listed
) following ON load.trials
""".replace("%s", str(READ_AHEAD))  # noqa: S608 - names of tables


def _as_json(load: str, *names: str) -> str:
    """An array of the columns."""
    to_array = "JSONB_BUILD_ARRAY" if connection.vendor == "postgresql" else "JSON_ARRAY"
    return f"(SELECT {to_array}({', '.join(names)}) FROM ({load}) as_read)"  # noqa: S608 - names


def _moment(value: datetime | str) -> datetime:
    """A time as it comes past the ORM: as text from JSON, and on SQLite in UTC, without saying so."""
    value = datetime.fromisoformat(value) if isinstance(value, str) else value
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
