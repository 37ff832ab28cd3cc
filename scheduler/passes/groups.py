"""The next step of a search: is it to end, which trials come next, is it done."""

from __future__ import annotations

import logging
import traceback
from functools import cache, partial

from django.db import Error as AnyDatabaseError
from django.db import transaction
from django.db.models import QuerySet

from hpsearch import stopping_rule
from hpsearch.budget import spent
from polyaxon.actions.groups import close_search, end_search, finish_search, last_finish
from polyaxon.actions.new_trials import add_trials
from polyaxon.actions.runs import request_stop
from polyaxon.actions.search_states import with_numbers_drawn
from polyaxon.actions.statuses import lock, set_status
from polyaxon.db.lookups import listed
from polyaxon.db.models import ExperimentGroup
from polyaxon.db.prepared import Prepared
from polyaxon.lifecycles import EXPERIMENT
from polyaxon.lifecycles import tables as s
from polyaxon.trials import Counts, DatabaseHistory, Plan, plan_of
from polyaxon.trials.counts import counted, counts_as_read, number_as_read, places_as_read, with_numbers
from polyaxon.trials.goals import best_trials
from polyaxon.trials.hours import hours_spent
from polyaxon.trials.members import known_members, news_as_read, with_news
from polyaxon.wakeups import wake
from polyaxon_schemas.hptuning import Budget
from scheduler import turns
from scheduler.passes import slots, starting
from scheduler.passes.dispatch import serve_waiting
from scheduler.passes.pruning import prune_trials

logger = logging.getLogger(__name__)

# Stored in one transaction, which keeps other writers waiting on SQLite.
SUGGESTIONS_AT_ONCE = 50
# Trials that wait for a slot, of searches that can tell them beforehand: so many that a slot never waits for a pass,
# and so few that a search of any size takes one pass for every fifty, and rows only for what was begun and the next.
AHEAD = 20


def advance_group(group: ExperimentGroup, *, dispatching: bool = False) -> None:
    """Do what `group` needs next. A search that cannot go on fails with the reason instead of hanging.

    While another pass of this process is at it, that one does it once more instead. With `dispatching` slots that are
    free, as one is when a trial has ended, are first given to whoever waits, and then to what the search suggests.
    """
    ours = turns.groups.run(group.pk, partial(_round, group, dispatching=dispatching))
    if dispatching and not ours:
        serve_waiting()  # the other one may be at its model for long


def _round(group: ExperimentGroup, *, dispatching: bool) -> None:
    is_there = _renew(group, dispatching=dispatching)
    load = slots.load_as_read(group) if dispatching and is_there else None
    if dispatching:
        serve_waiting(load)
    if is_there:
        _guarded(group, load)


def _renew(group: ExperimentGroup, *, dispatching: bool) -> bool:
    """Read the row again; whether it is still there."""
    known, before = known_members(group.pk), counted(group.pk)
    values: dict[str, int | str] = {"pk": group.pk, "last": before.last}
    if known is None:
        fresh = _group(dispatching).first(**values)
    else:
        news: dict[str, int | str] = {"newest": known.newest, "still_open": listed(sorted(known.open))}
        fresh = _group_with_news(dispatching).first(**values, **news)
    if fresh is None:
        return False
    group.__dict__.update(fresh.__dict__, _news=news_as_read(fresh, known), _number=number_as_read(fresh, before))
    return True


@cache
def _group(dispatching: bool) -> Prepared[ExperimentGroup]:
    return Prepared(partial(_build, dispatching), pk=int, last=int)


@cache
def _group_with_news(dispatching: bool) -> Prepared[ExperimentGroup]:
    """Of a search whose algorithm looks at all of its trials, and did so before: it has a suggestion for every room."""

    def build(pk: int, last: int, newest: int, still_open: str) -> QuerySet[ExperimentGroup]:
        rows = with_news(_build(dispatching, pk, last, trials_wait=False), newest, still_open)
        return with_numbers_drawn(rows) if dispatching else rows

    return Prepared(build, pk=int, last=int, newest=int, still_open=str)


def _build(dispatching: bool, pk: int, last: int, *, trials_wait: bool = True) -> QuerySet[ExperimentGroup]:
    """With what its trials need of others, if they may be launched at once."""
    rows = with_numbers(ExperimentGroup._base_manager.filter(pk=pk), last)
    return slots.with_load(rows.select_related("project__owner", "user"), trials=trials_wait) if dispatching else rows


def _guarded(group: ExperimentGroup, load: slots.Load | None) -> None:
    if group.is_done or group.group_type != ExperimentGroup.STUDY or not group.is_managed:
        return
    try:
        _advance(group, load)
    except AnyDatabaseError:
        raise  # passing trouble: the next pass does it again
    except Exception as error:
        logger.exception("The search of group %s failed", group.pk)
        set_status(group, s.FAILED, message=f"The search failed: {error}", traceback=traceback.format_exc())
        stop_abandoned(group)


def _advance(group: ExperimentGroup, load: slots.Load | None) -> None:
    if group.status == s.STOPPING or group.stop_requested_at is not None:
        _stop(group)
        return
    if group.status in group.LIFECYCLE.pending:
        set_status(group, s.RUNNING)
    plan = plan_of(group)
    counts = counts_as_read(group, group.__dict__["_number"])
    if ends_early(group, plan, counts):
        _stop(group)
        return
    prune_trials(group, plan)
    counts = _suggest(group, plan, counts, load)
    if group.suggestions_complete and not counts.open:
        finish_search(group)


def ends_early(group: ExperimentGroup, plan: Plan, counts: Counts) -> bool:
    """Have the search end if it has reached its goal, or used up its failures or hours."""
    goals, budget = plan.hptuning.early_stopping, plan.hptuning.budget
    if goals and (reason := stopping_rule(plan.hptuning, list(best_trials(group, goals)))):
        return end_search(group, reason)
    hours = hours_spent(group) if budget.max_hours is not None else 0.0
    reason = spent(budget.model_copy(update={"max_trials": None}), trials=0, failures=counts.failed, hours=hours)
    if reason is None:
        return False
    failed = budget.max_failures is not None and counts.failed >= budget.max_failures
    return end_search(group, reason, {"failures": counts.failed, "hours": round(hours, 6)}, as_failed=failed)


def _suggest(group: ExperimentGroup, plan: Plan, counts: Counts, load: slots.Load | None) -> Counts:
    """Have the next trials made; the counts with them."""
    room = 0 if group.suggestions_complete else _room(plan, counts)
    if room > 0:
        history = DatabaseHistory(group, places_as_read(group, group.__dict__["_number"]), group.__dict__["_news"])
        decision = plan.algorithm.suggest(history, limit=room)
        # Others have trials that wait, stored many at a time.
        starter = starting.starter(load) if load and plan.algorithm.adaptive else None
        added = len(add_trials(group, decision.suggestions, complete=decision.finished, starter=starter))
        counts = Counts(counts.trials + added, counts.waiting + added, counts.open + added, counts.failed)
        if added and not decision.finished and _room(plan, counts) > 0:
            wake("group", group.pk)
    _close_if_spent(group, plan, counts)
    return counts


def _close_if_spent(group: ExperimentGroup, plan: Plan, counts: Counts) -> None:
    reason = spent(Budget(max_trials=plan.hptuning.budget.max_trials), trials=counts.trials, failures=0, hours=0.0)
    if reason is not None:
        close_search(group, reason, {"trials": counts.trials})


def _room(plan: Plan, counts: Counts) -> int:
    """For how many suggestions to ask."""
    concurrency, most = plan.hptuning.concurrency, plan.hptuning.budget.max_trials
    if plan.algorithm.adaptive:
        room = concurrency - counts.open
    else:
        room = SUGGESTIONS_AT_ONCE if counts.waiting < max(concurrency, AHEAD) else 0
    left = room if most is None else most - counts.trials
    return min(room, left, SUGGESTIONS_AT_ONCE)


@transaction.atomic
def _stop(group: ExperimentGroup) -> None:
    """Have every trial end, and then the search. Not by a pass that is late: it may have been resumed meanwhile."""
    locked = lock(group)
    if locked.is_done or (locked.status != s.STOPPING and locked.stop_requested_at is None):
        return
    reason = locked.status_message or "Its group was stopped."
    if locked.status != s.STOPPING:
        set_status(group, s.STOPPING, message=reason)
    for trial in group.experiments.exclude(status__in=EXPERIMENT.done).filter(stop_requested_at=None).order_by("pk"):
        request_stop(trial, message=reason)
    if not group.experiments.exclude(status__in=EXPERIMENT.done).exists():
        set_status(group, _ending(group), message=reason)


def _ending(group: ExperimentGroup) -> str:
    """As what a search ends that was stopped."""
    decision = last_finish(group)
    return str(decision.numbers.get("status", s.STOPPED)) if decision is not None else s.STOPPED


def stop_abandoned(group: ExperimentGroup) -> None:
    """Stop the trials that wait for a search that has ended: nobody would ever dispatch them."""
    for trial in group.experiments.filter(status__in=EXPERIMENT.pending, trial_index__isnull=False):
        request_stop(trial, message=f"Its search has ended: {group.status_message or group.status}")
