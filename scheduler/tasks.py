"""Celery tasks. Each finds its row and runs a pass; a row that is gone has no work."""

from __future__ import annotations

from functools import partial

from django.conf import settings

from polyaxon.db.models import ExperimentGroup
from polyaxon.queues import app, publisher
from polyaxon.wakeups import AT_ONCE
from scheduler.passes import queue, reconcile, together
from scheduler.passes.dispatch import serve_waiting
from scheduler.passes.expiry import expire
from scheduler.passes.groups import advance_group
from scheduler.passes.guard import guarded
from scheduler.passes.idle import stop_idle
from scheduler.passes.pruning import groups_to_watch
from scheduler.passes.replica_statuses import follow_replicas, note_nodes
from scheduler.passes.runs import advance
from scheduler.passes.statistics import look_at_tables
from scheduler.passes.sweep import sweep
from scheduler.passes.webhooks import deliver
from scheduler.turns import Gathered, one_at_a_time

LOOK_AGAIN = 0.3  # seconds
# Two at a time, so that one prepares launches while the other waits for the cluster: what comes meanwhile is launched
# together.
_launches = {kind: Gathered(at_once=AT_ONCE, workers=2) for kind in queue.kinds()}
EXPIRES = 30.0  # by then the reconcile pass has been there


@app.task(name="scheduler.experiment")
def experiment_pass(pk: int) -> None:
    _advance("experiment", pk)


@app.task(name="scheduler.job")
def job_pass(pk: int) -> None:
    _advance("job", pk)


@app.task(name="scheduler.build")
def build_pass(pk: int) -> None:
    _advance("build", pk)


@app.task(name="scheduler.notebook")
def notebook_pass(pk: int) -> None:
    _advance("notebook", pk)


@app.task(name="scheduler.tensorboard")
def tensorboard_pass(pk: int) -> None:
    _advance("tensorboard", pk)


def _advance(kind: str, pk: int) -> None:
    guarded(partial(_try_to_advance, kind, pk))


def _try_to_advance(kind: str, pk: int) -> None:
    run = queue.model_of(kind)(pk=pk)  # whose row is read by the pass
    if not advance(run) and not settings.CONFIG.in_one_process:
        # Another process is at it, and may have looked before that happened which this message tells of.
        publisher.send(f"scheduler.{kind}", pk, countdown=LOOK_AGAIN, expires=LOOK_AGAIN + EXPIRES)


@app.task(name="scheduler.launch")
def launch_pass(kind: str, keys: list[int]) -> None:
    _launches[kind].run(keys, lambda part: guarded(partial(_launch, kind, part)))


def _launch(kind: str, keys: list[int]) -> None:
    for pk in together.launch_all(kind, keys):
        publisher.send(f"scheduler.{kind}", pk)


@app.task(name="scheduler.follow")
def follow_pass(kind: str, keys: list[int]) -> None:
    guarded(partial(_follow_pods, kind, keys))


def _follow_pods(kind: str, keys: list[int]) -> None:
    for pk in together.follow_all(kind, keys):
        publisher.send(f"scheduler.{kind}", pk)


@app.task(name="scheduler.group")
def group_pass(pk: int) -> None:
    _advance_group(pk, dispatching=settings.CONFIG.in_one_process)


def _advance_group(pk: int, *, dispatching: bool = False) -> None:
    guarded(partial(advance_group, ExperimentGroup(pk=pk), dispatching=dispatching))


@app.task(name="scheduler.searches")
@one_at_a_time
def searches_pass() -> None:
    for pk in groups_to_watch():
        _advance_group(pk)


@app.task(name="scheduler.dispatch")
def dispatch_pass(_pk: int = 0) -> None:
    serve_waiting()


@app.task(name="scheduler.sync")
@one_at_a_time
def sync_pass() -> None:
    guarded(reconcile.sync)


@app.task(name="scheduler.replicas")
@one_at_a_time
def replicas_pass() -> None:
    guarded(follow_replicas)
    guarded(note_nodes)


@app.task(name="scheduler.webhooks")
@one_at_a_time
def webhooks_pass() -> None:
    deliver()


@app.task(name="scheduler.expire")
@one_at_a_time
def expire_pass() -> None:
    expire()


@app.task(name="scheduler.idle")
@one_at_a_time
def idle_pass() -> None:
    stop_idle()


@app.task(name="scheduler.sweep")
@one_at_a_time
def sweep_pass() -> None:
    sweep()


@app.task(name="scheduler.reconcile")
@one_at_a_time
def reconcile_pass() -> None:
    guarded(reconcile.reconcile)


@app.task(name="scheduler.statistics")
@one_at_a_time
def statistics_pass() -> None:
    guarded(look_at_tables)


@app.task(name="scheduler.tidy")
@one_at_a_time
def tidy_pass() -> None:
    reconcile.tidy_up()
