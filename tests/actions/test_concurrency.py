"""Changes made at the same moment: none is lost, none waits for another in a circle."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connections

from hpsearch import MemoryHistory
from polyaxon.actions import code, projects, runs
from polyaxon.actions.experiments import clone_experiment
from polyaxon.actions.groups import NewGroup, create_group, stop_group
from polyaxon.actions.metrics import log_metrics
from polyaxon.actions.new_trials import add_trials
from polyaxon.actions.statuses import set_status
from polyaxon.actions.writers import RESUME
from polyaxon.db.models import Event, Experiment, ExperimentGroup, MetricPoint, MetricSeries, Project
from polyaxon.errors import InvalidInput
from polyaxon.stores.series import Row
from polyaxon.trials import plan_of
from scheduler.passes.dispatch import dispatch
from tests.contents import experiment_content, group_content, tar_gz
from tests.factories import make_experiment, make_group, make_project

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2024, 5, 6, tzinfo=UTC)


def at_once(*works: Callable[[], object]) -> list[Any]:
    """What each returned or raised; all begin at the same moment."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> Any:
        try:
            barrier.wait(30)
            return work()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def errors(results: Sequence[Any]) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]


def times(number: int, work: Callable[[], object]) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(number):
            work()

    return repeated


def test_a_status_and_a_description_changed_at_once_both_stay() -> None:
    experiment = make_experiment()
    mine, yours = (Experiment.objects.get(pk=experiment.pk) for _ in range(2))
    set_status(mine, "scheduled")
    runs.update(yours, experiment.user, {"description": "changed"})
    runs.request_stop(mine, experiment.user)
    runs.update(yours, experiment.user, {"tags": ["a"]})
    experiment.refresh_from_db()
    assert (experiment.status, experiment.description, experiment.tags) == ("scheduled", "changed", ["a"])
    assert experiment.stop_requested_at is not None


def test_tags_merged_at_once_are_all_there() -> None:
    experiment = make_experiment()

    def add(tag: str) -> Callable[[], object]:
        return lambda: runs.update(
            Experiment.objects.get(pk=experiment.pk), experiment.user, {"tags": [tag]}, merge=True
        )

    assert errors(at_once(*(add(f"tag-{n}") for n in range(6)))) == []
    experiment.refresh_from_db()
    assert sorted(experiment.tags or []) == [f"tag-{n}" for n in range(6)]


def test_a_change_of_a_project_does_not_undo_its_archiving() -> None:
    project = make_project()
    assert project.user is not None
    stale = Project.objects.get(pk=project.pk)
    projects.archive_project(project, project.user, delete=True)
    projects.update_project(stale, project.user, {"description": "late"})
    stale.refresh_from_db()
    assert stale.deleted
    assert stale.delete_requested_at is not None
    assert stale.description == "late"


@pytest.mark.parametrize("managed", [True, False])
def test_who_runs_a_started_run_cannot_change(managed: bool) -> None:
    experiment = make_experiment(content=experiment_content(), is_managed=managed)
    set_status(experiment, "running")
    with pytest.raises(InvalidInput, match="started"):
        runs.update(experiment, experiment.user, {"is_managed": not managed})
    experiment.refresh_from_db()
    assert experiment.is_managed is managed
    runs.update(experiment, experiment.user, {"is_managed": managed, "description": "d"})


def test_what_is_being_deleted_cannot_be_restored() -> None:
    experiment = make_experiment()
    runs.archive(experiment, experiment.user, delete=True)
    with pytest.raises(InvalidInput, match="being deleted"):
        runs.restore(experiment, experiment.user)
    experiment.refresh_from_db()
    assert experiment.deleted


def test_a_restored_group_leaves_out_the_trials_that_are_being_deleted() -> None:
    group = make_group()
    kept, gone = (make_experiment(group.project, group=group) for _ in range(2))
    runs.archive(gone, group.user, delete=True)
    runs.archive(group, group.user)
    runs.restore(group, group.user)
    kept.refresh_from_db()
    gone.refresh_from_db()
    assert (kept.deleted, gone.deleted) == (False, True)


def test_two_who_resume_at_once_do_not_write_to_the_same_outputs() -> None:
    original = make_experiment(content=experiment_content())
    set_status(original, "succeeded")

    def resume() -> object:
        row = Experiment.objects.get(pk=original.pk)
        return clone_experiment(row, row.user, RESUME)

    refused = errors(at_once(*[resume] * 4))
    assert len(refused) == 3
    assert all(isinstance(error, InvalidInput) for error in refused)
    assert original.clones.count() == 1
    assert Event.objects.filter(event_type="experiment.resumed").count() == 1


def test_a_status_is_reached_once() -> None:
    experiment = make_experiment()

    def move() -> object:
        return set_status(Experiment.objects.get(pk=experiment.pk), "scheduled")

    made = [record for record in at_once(*[move] * 6) if record is not None]
    assert len(made) == 1
    assert list(experiment.statuses.values_list("status", flat=True)) == ["created", "scheduled"]


def test_dispatchers_at_once_give_no_slot_twice(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(12):
        make_experiment()
    slots = settings.CONFIG.runner.local_concurrency
    assert errors(at_once(*[dispatch] * 6)) == []
    scheduled = Experiment.objects.filter(status="scheduled")
    assert scheduled.count() == min(12, slots)
    assert set(scheduled.values_list("attempt", flat=True)) == {1}


def test_the_trials_of_a_search_have_the_code_of_its_start() -> None:
    project = make_project()
    assert project.user is not None
    group = create_group(project, project.user, NewGroup(content=group_content(n=1)))
    code.upload(project, project.user, tar_gz({"a": "b"}))
    decision = plan_of(group).algorithm.suggest(MemoryHistory())
    trials = add_trials(group, decision.suggestions, complete=True)
    assert [trial.code_reference for trial in trials] == [None]


def test_a_run_does_not_end_before_it_began() -> None:
    """Also when the clock was set back in between."""
    experiment = make_experiment()
    set_status(experiment, "running", at=NOW)
    set_status(experiment, "succeeded", at=NOW - timedelta(hours=1))
    experiment.refresh_from_db()
    assert experiment.finished_at == experiment.started_at == NOW


def test_batches_that_name_the_same_series_in_different_ways_do_not_block_each_other() -> None:
    """Some with steps, some without: each batch takes its series in one order all the same."""
    experiment = make_experiment(is_managed=False)
    names = [f"m{n}" for n in range(6)]

    def batch(explicit: set[int]) -> list[Row]:
        return [
            Row({name: 1.0}, NOW + timedelta(seconds=place), step=place if place in explicit else None)
            for place, name in enumerate(names)
        ]

    def send(explicit: set[int]) -> Callable[[], None]:
        return times(25, lambda: log_metrics(experiment, batch(explicit)))

    assert errors(at_once(send({0, 2, 4}), send({1, 3, 5}), send({0, 1}), send(set()))) == []
    assert set(MetricSeries.objects.filter(experiment=experiment).values_list("count", flat=True)) == {100}


def test_a_batch_sent_many_times_at_once_is_stored_once() -> None:
    experiment, batch = make_experiment(is_managed=False), uuid.uuid4()
    rows = [Row({"loss": float(n)}, NOW + timedelta(seconds=n)) for n in range(50)]
    stored = at_once(*[lambda: log_metrics(experiment, rows, batch=batch)] * 6)
    assert sorted(stored, key=str) == [50, None, None, None, None, None]
    assert MetricPoint.objects.filter(series__experiment=experiment).count() == 50


def test_a_batch_cut_off_before_its_end_was_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number goes with its points, so that the client's repetition stores it."""
    from polyaxon.stores import series

    experiment, batch = make_experiment(is_managed=False), uuid.uuid4()
    rows = [Row({"loss": 1.0}, NOW)]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(series, "_insert", killed)
        with pytest.raises(KeyboardInterrupt):
            log_metrics(experiment, rows, batch=batch)
    assert not MetricSeries.objects.filter(experiment=experiment).exists()
    assert log_metrics(experiment, rows, batch=batch) == 1


def test_everything_at_once_neither_fails_nor_contradicts_itself() -> None:
    project = make_project()
    assert project.user is not None
    user = project.user
    groups = [make_group(project) for _ in range(3)]
    for group in groups:
        set_status(group, "running")
        for index in range(4):
            make_experiment(project, group=group, trial_index=index)
    singles = [make_experiment(project) for _ in range(6)]
    pks = list(Experiment.objects.values_list("pk", flat=True))

    def each(change: Callable[[Experiment], object], *, backwards: bool = False) -> Callable[[], None]:
        def work() -> None:
            for pk in reversed(pks) if backwards else pks:
                change(Experiment.objects.get(pk=pk))

        return work

    results = at_once(
        times(5, dispatch),
        times(5, dispatch),
        each(lambda run: set_status(run, "running")),
        each(lambda run: runs.update(run, user, {"description": "x"}), backwards=True),
        each(lambda run: log_metrics(run, [Row({"loss": 1.0}, NOW)]), backwards=True),
        each(lambda run: runs.request_stop(run, user), backwards=True),
        lambda: runs.archive(ExperimentGroup.objects.get(pk=groups[0].pk), user),
        lambda: stop_group(ExperimentGroup.objects.get(pk=groups[1].pk), user, pending_only=True),
        lambda: projects.archive_project(Project.objects.get(pk=project.pk), user),
    )
    assert errors(results) == []
    for run in Experiment.objects.all():
        history = list(run.statuses.values_list("status", flat=True))
        assert history[-1] == run.status
        assert all(run.LIFECYCLE.can_move(*pair) for pair in pairwise(history))
        assert run.is_done or run.stop_requested_at is not None
        assert (run.deleted, run.description) == (True, "x")
        assert run.series.get().count == 1
    assert len(singles) == 6
