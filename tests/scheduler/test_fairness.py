"""Who gets the slots when limits hold or several users want more than there is, and what the others are told."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon import limits, options
from polyaxon.actions.options import change_options
from polyaxon.actions.statuses import set_status
from polyaxon.actions.waiting import reason
from polyaxon.db.models import Experiment
from scheduler.passes import fairness, slots
from scheduler.passes.dispatch import dispatch
from scheduler.passes.fairness import Candidate, Limits, Running, choose
from tests.factories import make_experiment, make_job, make_project, make_user
from tests.scheduler.played import search, step

if TYPE_CHECKING:
    from polyaxon.db.models import Project, User


@pytest.fixture(autouse=True)
def _four_slots(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = settings.CONFIG.runner.model_copy(update={"local_concurrency": 4})
    settings.CONFIG = replace(settings.CONFIG, runner=runner)
    # What is remembered is forgotten when a test says so, and not when the machine was slow.
    monkeypatch.setattr(fairness, "REMEMBERED", math.inf)
    fairness.forget()
    options.forget_cached()


def waiting(project: Project, user: User | None = None, number: int = 1, **environment: Any) -> list[Experiment]:
    content = {"version": 1, "kind": "experiment", "run": {"cmd": "true"}, "environment": environment}
    return [make_experiment(project, user or project.user, content=json.dumps(content)) for _ in range(number)]


def started() -> list[Experiment]:
    dispatch()
    fairness.forget()
    return list(Experiment.objects.filter(status="scheduled").order_by("pk"))


def limit(**values: Any) -> None:
    change_options({key.replace("__", ":"): value for key, value in values.items()})
    options.forget_cached()
    fairness.forget()


# -- who --


@pytest.mark.django_db
def test_users_share_what_there_is() -> None:
    """Whoever came first does not get all."""
    many, few = make_project(), make_project()
    waiting(many, number=10)
    waiting(few, number=2)
    assert Counter(run.project_id for run in started()) == {many.pk: 2, few.pk: 2}


@pytest.mark.django_db
def test_what_runs_already_counts() -> None:
    many, few = make_project(), make_project()
    waiting(many, number=10)
    running = started()
    assert {run.project_id for run in running} == {many.pk}
    waiting(few, number=10)
    for run in running[:3]:
        set_status(run, "succeeded")
    assert Counter(run.project_id for run in started()) == {many.pk: 2, few.pk: 2}


@pytest.mark.django_db
def test_one_user_has_everything_in_the_order_of_priority() -> None:
    project = make_project()
    waiting(project, number=3)
    urgent = waiting(project, number=2, priority=5)
    assert {run.pk for run in started()} >= {run.pk for run in urgent}


@pytest.mark.django_db
def test_queues_of_more_priority_come_first() -> None:
    limit(QUEUES={"fast": {"priority": 10}, "night": {"priority": -10, "concurrency": 1}})
    project = make_project()
    night = waiting(project, number=3, queue="night", priority=100)
    plain = waiting(project, number=3)
    fast = waiting(project, number=2, queue="fast")
    assert {run.pk for run in started()} == {run.pk for run in [*fast, *plain[:2]]}
    for run in started():
        set_status(run, "succeeded")
    assert {run.pk for run in started()} == {plain[2].pk, night[0].pk}


@pytest.mark.django_db
def test_limits_of_projects_and_users_let_others_pass() -> None:
    limit(CONCURRENCY__PROJECT=1, CONCURRENCY__USER=2)
    user = make_user()
    small, large = make_project(user, "small"), make_project(user, "large")
    third = make_project(user, "third")
    limit(CONCURRENCY__PROJECTS={large.unique_name: 3})
    other = make_project()
    waiting(small, number=3)
    waiting(large, number=3)
    waiting(third, number=1)
    waiting(other, number=3)
    found = Counter(run.project_id for run in started())
    assert found[other.pk] == 1
    assert sum(found.values()) == 3
    assert found[small.pk] <= 1


@pytest.mark.django_db
def test_an_owner_may_limit_its_projects() -> None:
    project, other = make_project(), make_project()
    change_options({"CONCURRENCY:PROJECT": 1}, owner=project.owner)
    options.forget_cached()
    fairness.forget()
    waiting(project, number=3)
    waiting(other, number=2)
    assert Counter(run.project_id for run in started()) == {project.pk: 1, other.pk: 2}


@pytest.mark.django_db
def test_the_limit_in_all_is_an_option() -> None:
    waiting(make_project(), number=3)
    limit(CONCURRENCY__GLOBAL=2)
    assert len(started()) == 2


@pytest.mark.django_db
def test_trials_and_jobs_share_as_well() -> None:
    group = search({"concurrency": 10, "random_search": {"n_experiments": 10}})
    project = make_project()
    for _ in range(5):
        make_job(project)
    fairness.forget()
    step(group)
    active = slots.load().active
    assert (active, group.experiments.filter(status="running").count()) == (4, 2)


@pytest.mark.django_db
def test_where_there_is_nothing_to_be_fair_about_it_costs_nothing(django_assert_num_queries: Any) -> None:
    waiting(make_project(), number=8)
    load = slots.load()
    expected = fairness.next_runs(2, load)  # who waits, and what is limited, is known from now on
    with django_assert_num_queries(1):  # the list of those that wait
        assert fairness.next_runs(2, load) == expected
    assert len(expected) == 2


# -- pure --

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RUNS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([None, "a", "b"]), st.integers(-1, 1)), max_size=30
)


@given(RUNS, st.integers(0, 12))
def test_no_limit_is_passed_and_no_slot_left_that_somebody_may_have(
    runs: list[tuple[int, int, str | None, int]], free: int
) -> None:
    known = Limits(
        user=4,
        projects={0: 2, 1: None, 2: 5},
        queues={None: limits.Queue(), "a": limits.Queue(1, 3), "b": limits.Queue()},
    )
    candidates = [
        Candidate(slots.Waiting(priority, NOW, number, Experiment), user, project, queue)
        for number, (user, project, queue, priority) in enumerate(runs)
    ]
    running = Running()
    chosen = choose(candidates, running, known, free)
    assert len(set(chosen)) == len(chosen) <= free
    assert all(number <= 4 for number in running.users.values())
    assert running.projects[0] <= 2
    assert running.queues["a"] <= 3
    left = [one for one in candidates if one not in chosen and known.allow(one, running)]
    assert not left or len(chosen) == free


@given(st.dictionaries(st.integers(0, 5), st.integers(1, 8), min_size=1), st.integers(1, 12))
def test_shares_are_as_equal_as_they_can_be(wanted: dict[int, int], free: int) -> None:
    known = Limits(user=None, projects={}, queues={None: limits.Queue()})
    candidates = [
        Candidate(slots.Waiting(0, NOW, 100 * user + number, Experiment), user, 0, None)
        for user, count in wanted.items()
        for number in range(count)
    ]
    got = Counter(one.user for one in choose(candidates, Running(), known, free))
    for user, count in wanted.items():
        # Who got less than another has no run left that waits, or lacks only the odd one.
        assert got[user] == count or got[user] >= max(got.values()) - 1


# -- why --


@pytest.mark.django_db
def test_why_it_waits() -> None:
    project = make_project()
    waiting(project, number=4)
    started()
    first, second = waiting(project, number=2)
    assert reason(first) == "All 4 slots are taken; it is the next of its user's runs to start."
    assert reason(second) == "All 4 slots are taken; 1 of its user's runs wait before it."
    limit(CONCURRENCY__PROJECT=2)
    assert reason(second) == "Its project runs 4 of at most 2 runs; 1 wait before it."


@pytest.mark.django_db
def test_why_a_queue_or_a_group_holds_it_back() -> None:
    limit(QUEUES={"night": {"concurrency": 0}})
    (run,) = waiting(make_project(), queue="night")
    assert reason(run) == "Queue 'night' runs 0 of at most 0 runs; it is the next to start."
    group = search({"concurrency": 1, "random_search": {"n_experiments": 3}})
    step(group)
    trial = group.experiments.filter(status="created").earliest("pk")
    assert reason(trial) == "Its group runs 1 of at most 1 trials at once; it is the next to start."


@pytest.mark.django_db
def test_what_was_said_of_a_run_that_started() -> None:
    (run,) = waiting(make_project())
    assert reason(run) == "It is about to start."
    set_status(run, "warning", message="Waits: no node can take it")
    assert reason(run) == "Waits: no node can take it"
    set_status(run, "succeeded")
    assert reason(run) is None
