"""The row of an experiment's master replica, which has the status of its experiment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeVar, cast

from django.db.models import BigIntegerField, Case, F, FilteredRelation, Model, Q, QuerySet, When
from django.db.models.expressions import RawSQL

from polyaxon.db.models import Experiment, ExperimentJob
from polyaxon.db.models.abstract import Runnable, Stateful
from polyaxon.db.prepared import Prepared
from polyaxon.db.sequences import next_number
from polyaxon.db.writes import append_all

ModelT = TypeVar("ModelT", bound=Model)
RunT = TypeVar("RunT", bound=Runnable)
# What a change of its status needs of a replica that is stored.
_FIELDS = ("id", "created_at", "status", "started_at", "finished_at")
_PREFIX = "master_"
# What only a launch asks for, and may be large.
_WIDE = frozenset({"description", "readme", "tags", "content", "params", "run_env", "data_refs"})


def _master(experiment: int) -> QuerySet[ExperimentJob]:
    rows = ExperimentJob._base_manager.select_for_update(no_key=True)
    return rows.filter(experiment=experiment, role=ExperimentJob.MASTER, sequence=0)


_MASTER = Prepared(_master, experiment=int)


def replica(experiment: Experiment) -> ExperimentJob:
    """The master replica of a locked experiment, locked too; a row that is not stored yet if there was none."""
    row = _MASTER.first(experiment=experiment.pk)
    if row is None:
        return _new_replica(experiment)
    row.experiment = experiment
    return row


def _new_replica(experiment: Experiment) -> ExperimentJob:
    """All that the file asks for is the master's: the runner starts one process for the whole experiment."""
    uuid = ExperimentJob.replica_uuid(experiment.uuid, ExperimentJob.MASTER, 0)
    return ExperimentJob(uuid=uuid, experiment=experiment, resources=experiment.resources)


def narrow(rows: QuerySet[ModelT]) -> QuerySet[ModelT]:
    """Runs without the columns that only a launch asks for: those of many would be megabytes."""
    return rows.defer(*(field.name for field in rows.model._meta.concrete_fields if field.name in _WIDE))


def with_master(rows: QuerySet[ModelT]) -> QuerySet[ModelT]:
    """Experiments, each read together with its master replica; rows of other kinds as they are."""
    if rows.model is not Experiment:
        return rows
    is_master = Q(jobs__role=ExperimentJob.MASTER, jobs__sequence=0)
    joined = rows.annotate(_master=FilteredRelation("jobs", condition=is_master))
    known = joined.annotate(**{f"{_PREFIX}{name}": F(f"_master__{name}") for name in _FIELDS})
    return cast("QuerySet[ModelT]", known)


def with_next_master(rows: QuerySet[ModelT]) -> QuerySet[ModelT]:
    """The same, with a number for the master replica where there is none yet. On Postgres."""
    if rows.model is not Experiment:
        return rows
    number = RawSQL(next_number(ExperimentJob), [])  # noqa: S611 - fixed
    if_none = Case(When(_master__id=None, then=number), output_field=BigIntegerField())
    return cast("QuerySet[ModelT]", with_master(rows).annotate(_next_master=if_none))


def with_number(experiment: Experiment, number: int) -> None:
    """Have a new experiment, which has no master replica yet, be as one that was read `with_next_master`."""
    experiment.__dict__["_next_master"] = number


def as_read_or_new(run: Stateful) -> list[ExperimentJob]:
    """The master replica of an experiment that was read `with_next_master`; a new one has its number, but no row."""
    if not isinstance(run, Experiment):
        return []
    if known := as_read(run):
        return [row for row in known if isinstance(row, ExperimentJob)]
    new = _new_replica(run)
    new.pk = run.__dict__["_next_master"]
    return [new]


def locked_rows(model: type[RunT], pks: Sequence[int]) -> list[RunT]:
    """The rows of these numbers, locked in the order of their numbers; experiments with their master replicas."""
    if len(pks) == 1:
        return _locked(model).all(pk=pks[0])
    return list(_lock(model).filter(pk__in=pks).order_by("pk"))


@cache
def _locked(model: type[RunT]) -> Prepared[RunT]:
    return Prepared(lambda pk: _lock(model).filter(pk=pk), pk=int)


def _lock(model: type[RunT]) -> QuerySet[RunT]:
    return narrow(with_master(model._base_manager.select_for_update(of=("self",), no_key=True)))


def masters(rows: Sequence[Stateful]) -> list[ExperimentJob]:
    """The master replicas of experiments that `locked_rows` gave; those that there were not are stored."""
    experiments = [row for row in rows if isinstance(row, Experiment)]
    new = [_new_replica(row) for row in experiments if as_read(row) is None]
    append_all(new)
    known = {each.experiment_id: each for each in new}
    return [known.get(row.pk) or replica(row) for row in experiments]


def as_read(run: Stateful) -> list[Stateful] | None:
    """The run and its master replica as they were read together; None if they were not."""
    if not isinstance(run, Experiment):
        return [run]
    values = [run.__dict__.get(f"{_PREFIX}{name}") for name in _FIELDS]
    if values[0] is None:
        return None
    master = ExperimentJob.from_db(run._state.db, _FIELDS, values)  # noqa: SLF001 - as it was read
    master.experiment = run
    return [run, master]


def remember(run: Stateful, changed: Sequence[Stateful]) -> None:
    """Have `run` know what its master replica has become; without one among `changed`, that it is not known."""
    master = next((row for row in changed if isinstance(row, ExperimentJob)), None)
    for name in _FIELDS:
        run.__dict__[f"{_PREFIX}{name}"] = getattr(master, name, None)
