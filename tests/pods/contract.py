"""What every `PodStore` must do; a test class inherits this and provides `store`."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from polyaxon.pods import PodPhase, SeenPod, Trouble
from polyaxon.pods.seen import gone
from polyaxon.pods.store import PodStore

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def make(run: str | None = None, **more: object) -> SeenPod:
    """A pod of its own."""
    fields = {
        "name": f"plx-{uuid.uuid4().hex}",
        "uid": uuid.uuid4().hex,
        "run": run or uuid.uuid4().hex,
        "attempt": 1,
        "kind": "experiment",
        "role": "master",
        "index": 0,
        "phase": PodPhase.STARTING,
        "seen_at": NOW,
    }
    return SeenPod(**(fields | more))  # type: ignore[arg-type]


class PodStoreContract:
    """The behaviour that runner and watcher rely on."""

    def test_what_is_put_is_found(self, store: PodStore) -> None:
        pod = make(
            phase=PodPhase.EXITED, trouble=Trouble.IMAGE, trouble_since=NOW, reason="Error", message="exit code 3",
            exit_code=3, created_at=NOW, scheduled_at=NOW, started_at=NOW, finished_at=NOW, node="n", container_id="c",
            deleting_until=NOW, is_over=True, index=2, role="worker",
        )  # fmt: skip
        assert store.put(pod)
        assert store.of_attempt(pod.run, 1) == [pod]
        assert store.of_attempt(pod.run, 2) == []
        assert store.of_attempt(uuid.uuid4().hex, 1) == []

    def test_pods_of_many_attempts_are_found_at_once(self, store: PodStore) -> None:
        first = make()
        second, other = make(first.run, attempt=2), make()
        assert {pod.uid for pod in store.put_all([first, second, other])} == {first.uid, second.uid, other.uid}
        asked = [(first.run, 2), (other.run, 1), (other.run, 7)]
        assert store.of_attempts(asked) == {asked[0]: [second], asked[1]: [other], asked[2]: []}
        assert store.of_attempts([]) == {}

    def test_pods_of_many_runs_are_found_and_forgotten_at_once(self, store: PodStore) -> None:
        first = make()
        second, third, other = make(first.run, attempt=2), make(), make()
        store.put_all([first, second, third, other])
        asked = {first.run, third.run, uuid.uuid4().hex}
        found = store.of_runs(asked)
        assert {run: {pod.uid for pod in pods} for run, pods in found.items()} == {
            first.run: {first.uid, second.uid},
            third.run: {third.uid},
        }
        store.forget_all(asked)
        assert store.of_runs(asked) == {}
        assert store.present() == [other]
        store.forget_all([])
        assert store.of_runs([]) == {}

    def test_the_same_again_is_no_news(self, store: PodStore) -> None:
        pod = make()
        assert store.put(pod)
        assert not store.put(replace(pod, seen_at=NOW + timedelta(seconds=5)))
        assert store.put(replace(pod, phase=PodPhase.RUNNING))

    def test_nothing_goes_backwards(self, store: PodStore) -> None:
        pod = make(node="n")
        end = replace(pod, phase=PodPhase.EXITED, exit_code=3, is_over=True)
        store.put(end)
        assert not store.put(replace(pod, seen_at=NOW + timedelta(hours=1), node=None))
        assert store.of_attempt(pod.run, 1)[0].exit_code == 3
        assert store.put(gone(end, NOW))
        assert not store.put(end)
        assert [found.is_gone for found in store.of_attempt(pod.run, 1)] == [True]

    def test_many_are_put_together(self, store: PodStore) -> None:
        run = uuid.uuid4().hex
        known, other = make(run, name="known"), make(run, name="other")
        store.put(known)
        later = replace(other, phase=PodPhase.RUNNING, seen_at=NOW + timedelta(seconds=1))
        new = [make(run, name=f"new-{number:02}") for number in range(50)]
        nobody = make(run="somebody's", name="nobody")
        news = store.put_all([known, other, later, nobody, *new])
        assert {pod.name for pod in news} == {"other", *(pod.name for pod in new)}
        assert len(store.of_attempt(run, 1)) == 52
        assert [pod.phase for pod in store.of_attempt(run, 1) if pod.name == "other"] == [PodPhase.RUNNING]
        assert store.put_all([replace(later, phase=PodPhase.WAITING, seen_at=NOW)]) == []
        assert store.put_all([]) == []

    def test_pods_of_an_attempt_are_in_order(self, store: PodStore) -> None:
        run = uuid.uuid4().hex
        for name in ("b", "c", "a"):
            store.put(make(run, name=name))
        store.put(make(run, name="other", attempt=2))
        assert [pod.name for pod in store.of_attempt(run, 1)] == ["a", "b", "c"]

    def test_present_are_those_that_are_not_gone(self, store: PodStore) -> None:
        there, ended, away = make(name="a"), make(name="b", phase=PodPhase.EXITED, is_over=True), make(name="c")
        for pod in (there, ended, gone(away, NOW)):
            store.put(pod)
        assert store.present() == [there, ended]

    def test_forgetting_a_run(self, store: PodStore) -> None:
        mine, other = make(), make()
        for pod in (mine, replace(mine, uid="u2", attempt=2), other):
            store.put(pod)
        store.forget(mine.run)
        store.forget(mine.run)
        assert store.of_attempt(mine.run, 1) == store.of_attempt(mine.run, 2) == []
        assert store.present() == [other]
        store.put(gone(mine, NOW))  # its pods end late
        assert store.of_attempt(mine.run, 1) == []
        again = replace(mine, uid="u3")
        assert store.put(again)
        assert store.of_attempt(mine.run, 1) == [again]

    @pytest.mark.parametrize("run", ["", "no-run", "x" * 32])
    def test_pods_of_no_run_are_not_kept(self, store: PodStore, run: str) -> None:
        assert not store.put(replace(make(), run=run))
        assert store.present() == []

    def test_whether_somebody_watches(self, store: PodStore) -> None:
        assert store.watched_at("ml") is None
        store.mark_watched("ml", NOW)
        store.mark_watched("ml", NOW + timedelta(seconds=5))
        store.mark_watched("ml", NOW)  # late
        assert store.watched_at("ml") == NOW + timedelta(seconds=5)
        assert store.watched_at("other") is None

    def test_odd_texts_do_no_harm(self, store: PodStore) -> None:
        pod = make(message="a\0b" * 10_000, reason="r" * 500, node="n" * 300)
        assert store.put(pod)
        found = store.of_attempt(pod.run, 1)[0]
        assert (found.message or "").startswith("a")
        assert (found.reason or "").startswith("rr")

    def test_many_at_once(self, store: PodStore) -> None:
        pod = make()
        seen = [replace(pod, phase=phase, seen_at=NOW + timedelta(seconds=n)) for n, phase in enumerate(PodPhase)]
        seen = [replace(each, is_over=each.phase.is_final) for each in seen[:4]] * 4
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(store.put, seen))
        assert store.of_attempt(pod.run, 1)[0].phase is PodPhase.EXITED
