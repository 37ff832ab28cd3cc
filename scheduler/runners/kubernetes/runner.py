"""Runs as pods.

Everything that the runner remembers is in the cluster: each attempt has an anchor, a secret that owns the rest and
says whether the attempt was asked to end. What became of pods is read from the `PodStore`, which a watcher of the
cluster fills; while nobody watches, the cluster is asked instead.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from polyaxon.pods import labels, mapping
from polyaxon.pods.seen import PodPhase, SeenPod, gone
from polyaxon.stores.errors import RepoError
from polyaxon.stores.repos import InternalRepo
from scheduler.runners.base import (
    Attempt,
    LaunchRefused,
    LaunchSpec,
    Observation,
    Phase,
    Runner,
    RunnerError,
    StopReason,
    Usage,
)
from scheduler.runners.kubernetes.api import AlreadyThere, ClusterApi, Json, NotThere
from scheduler.runners.kubernetes.manifests import ANCHOR, RESOURCE, STOP, names, objects, owned
from scheduler.runners.kubernetes.usage import Summaries, total
from scheduler.runners.kubernetes.verdict import Patience, lead_of, verdict
from scheduler.runners.local.reasons import of_stop

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from polyaxon.pods.store import PodStore
    from scheduler.runners.kubernetes.spec import ClusterSettings

logger = logging.getLogger(__name__)

WATCH_FRESH = timedelta(seconds=60)  # after this without a sign of life nobody watches
LEFTOVER_GRACE = 10  # seconds for pods that nobody needs any more
WATCH_REMEMBERED = 1.0  # seconds for which nobody is asked again whether somebody watches
SIDE_BY_SIDE = 8  # attempts that are submitted at once
KEPT_ENDS = 10_000  # attempts whose end is remembered, so that nobody is asked again


class ClusterRunner(Runner):
    """Starts each run as pods of one namespace."""

    def __init__(
        self,
        api: ClusterApi,
        store: PodStore,
        settings: Callable[[], ClusterSettings],
        *,
        patience: Patience | None = None,
    ) -> None:
        """`settings` is asked anew for each launch, because parts of it are options."""
        self._api = api
        self._store = store
        self._settings = settings
        self._patience = patience or Patience()
        self._summaries = Summaries(api)
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, "launch")
        self._ends: OrderedDict[tuple[str, int], Observation] = OrderedDict()
        self._watched_until = 0.0

    # -- start --

    def submit(self, spec: LaunchSpec) -> None:
        """See `Runner.submit`. When it returns, the pods of the attempt are there, or were, or it was stopped."""
        names.check_run(spec.run)
        for pod in self._make(spec, self._store.of_attempt(spec.run, spec.attempt)):
            self._store.put(mapping.seen(pod))  # from now on it is known that it was there
        if self._stop_reason(spec.run, spec.attempt) is not None:  # asked for while we were at it
            self._delete_pods(spec.run, spec.attempt, LEFTOVER_GRACE)

    def submit_all(self, specs: Sequence[LaunchSpec]) -> list[Exception | None]:
        """See `Runner.submit_all`. Side by side; whether one was asked to end meanwhile is looked up once, at last."""
        known = self._store.of_attempts([(spec.run, spec.attempt) for spec in specs])
        made = list(self._pool.map(lambda spec: self._tried_to_make(spec, known[spec.run, spec.attempt]), specs))
        self._store.put_all([mapping.seen(pod) for pods, _ in made for pod in pods])
        try:
            stops = self._stops()
        except RunnerError as error:  # to be submitted again, which looks again
            return [found or error for _, found in made]
        for spec in specs:
            if (spec.run, spec.attempt) in stops:
                self._delete_pods(spec.run, spec.attempt, LEFTOVER_GRACE)
        return [found for _, found in made]

    def _tried_to_make(self, spec: LaunchSpec, seen: Iterable[SeenPod]) -> tuple[list[Json], Exception | None]:
        pods: list[Json] = []
        try:
            pods.extend(self._make(spec, seen))
        except Exception as error:  # noqa: BLE001 - told with those of the others
            return pods, error
        return pods, None

    def _make(self, spec: LaunchSpec, seen: Iterable[SeenPod]) -> Iterator[Json]:
        """Make what is not there yet of an attempt, unless it was asked to end; yields each pod that was made."""
        _check(spec)
        first, *others = objects(spec, self._settings())
        anchor = self._anchor(first)
        if STOP in _annotations(anchor):
            return
        there = {pod.name for pod in seen}
        for each in others:
            if each["kind"] != "Pod" or each["metadata"]["name"] not in there:
                made = self._create(owned(each, anchor["metadata"]["name"], anchor["metadata"]["uid"]))
                if made is not None and made["kind"] == "Pod":
                    yield made

    def _anchor(self, wanted: Json) -> Json:
        try:
            return self._api.create(wanted)
        except AlreadyThere:
            pass
        try:
            return self._api.get(ANCHOR, wanted["metadata"]["name"])
        except NotThere:
            raise RunnerError(f"{wanted['metadata']['name']}: is being removed this moment") from None

    def _create(self, wanted: Json) -> Json | None:
        """The object, unless there was one."""
        try:
            return self._api.create(wanted)
        except AlreadyThere:
            return None

    # -- look --

    def observe(self, run: str, attempt: int) -> Observation:
        """See `Runner.observe`. Ends the replicas that an end leaves behind."""
        names.check_run(run)
        if known := self._ends.get((run, attempt)):
            return known
        pods = self._pods(run, attempt)
        found = self._with_lead(run, attempt, pods) if lead_of(pods) else self._without_lead(run, attempt, pods)
        if found.phase in {Phase.EXITED, Phase.LOST}:
            self._remember(run, attempt, found)
        return found

    def observe_all(self, attempts: Collection[Attempt]) -> dict[Attempt, Observation]:
        """See `Runner.observe_all`. Left out are those that take a request of their own."""
        found = {key: end for key in attempts if (end := self._ends.get(key))}
        if not self.is_watched():
            return found
        pods = self._store.of_attempts([key for key in attempts if key not in found])
        led = {key: seen for key, seen in pods.items() if lead_of(seen)}
        stops = self._stops() if any(map(_is_ending, led.values())) else {}
        now = datetime.now(UTC)
        for key, seen in led.items():
            told = verdict(seen, stops.get(key) if _is_ending(seen) else None, now, self._patience)
            if not (told.leftovers or told.given_up):
                found[key] = told.observation
                if told.observation.phase in {Phase.EXITED, Phase.LOST}:
                    self._remember(*key, told.observation)
        return found

    def _remember(self, run: str, attempt: int, end: Observation) -> None:
        """An end is final."""
        self._ends[run, attempt] = end
        while len(self._ends) > KEPT_ENDS:
            self._ends.popitem(last=False)

    def _pods(self, run: str, attempt: int) -> list[SeenPod]:
        known = self._store.of_attempt(run, attempt)
        if known and (self.is_watched() or all(pod.is_gone for pod in known)):
            return known
        now = datetime.now(UTC)
        found = [mapping.seen(each, now) for each in self._api.find("Pod", _selector(run, attempt))]
        there = {pod.uid for pod in found}
        for pod in (*found, *(gone(pod, now) for pod in known if pod.uid not in there and not pod.is_gone)):
            self._store.put(pod)
        return self._store.of_attempt(run, attempt)

    def is_watched(self) -> bool:
        """See `Runner.is_watched`."""
        if time.monotonic() < self._watched_until:
            return True
        at = self._store.watched_at(self._api.namespace)
        is_watched = at is not None and datetime.now(UTC) - at < WATCH_FRESH
        self._watched_until = time.monotonic() + WATCH_REMEMBERED if is_watched else 0.0
        return is_watched

    def _with_lead(self, run: str, attempt: int, pods: list[SeenPod]) -> Observation:
        stop = self._stop_reason(run, attempt) if _is_ending(pods) else None
        found = verdict(pods, stop, datetime.now(UTC), self._patience)
        for pod in found.given_up:  # stays so when the pod is gone
            self._store.put(pod)
        for pod in (*found.leftovers, *found.given_up):
            self._end(pod)
        return found.observation

    def _end(self, pod: SeenPod) -> None:
        """Have a pod that nobody needs end; by force where its node does not answer."""
        if pod.is_gone:
            return
        if pod.deleting_until is None:
            self._api.delete("Pod", pod.name, uid=pod.uid, grace=LEFTOVER_GRACE)
        elif datetime.now(UTC) > pod.deleting_until + self._patience.node:
            self._api.delete("Pod", pod.name, uid=pod.uid, grace=0)

    def _without_lead(self, run: str, attempt: int, pods: list[SeenPod]) -> Observation:
        """Nothing was made yet, or not all, or an operator is about to."""
        try:
            anchor = self._api.get(ANCHOR, names.anchor(run, attempt))
        except NotThere:
            return Observation(Phase.ABSENT)
        living = [pod for pod in pods if not pod.is_over]
        if (stop := _stop_in(anchor)) is not None:
            for pod in living:
                self._end(pod)
            if living:
                return Observation(Phase.STARTING)
            return Observation(Phase.EXITED, stop_reason=stop, message=of_stop(stop, began=False, number=None))
        resource = _annotations(anchor).get(RESOURCE)
        return self._by_operator(run, attempt, resource, pods) if resource else Observation(Phase.ABSENT)

    def _by_operator(self, run: str, attempt: int, kind: str, pods: list[SeenPod]) -> Observation:
        try:
            found = self._api.get(kind, names.anchor(run, attempt))
        except NotThere:
            lost = Observation(Phase.LOST, message=f"its {kind} was deleted before it ended")
            return lost if pods else Observation(Phase.ABSENT)
        for condition in (found.get("status") or {}).get("conditions") or ():
            if condition.get("type") == "Failed" and condition.get("status") == "True":
                return Observation(Phase.EXITED, message=condition.get("message") or condition.get("reason"))
        return Observation(Phase.STARTING)

    # -- stop --

    def stop(self, run: str, attempt: int, reason: StopReason, grace: float) -> None:
        """See `Runner.stop`. Of outputs that are copied to an object store, the copying gets its own time."""
        if self.observe(run, attempt).phase in {Phase.EXITED, Phase.LOST}:
            return
        anchor = self._mark_stop(run, attempt, reason)
        if kind := _annotations(anchor).get(RESOURCE):
            self._api.delete(kind, names.anchor(run, attempt))
        self._delete_pods(run, attempt, math.ceil(grace))

    def _mark_stop(self, run: str, attempt: int, reason: StopReason) -> Json:
        """Write the reason down, unless there is one. Later submits read it before they make anything."""
        for _ in range(5):
            try:
                anchor = self._api.get(ANCHOR, names.anchor(run, attempt))
            except NotThere:
                anchor = None
            if anchor is not None and STOP in _annotations(anchor):
                return anchor
            try:
                return (
                    self._api.create(_stopped_anchor(run, attempt, reason))
                    if anchor is None
                    else self._api.replace(_with_stop(anchor, reason))
                )
            except (AlreadyThere, NotThere):  # somebody else was at it
                continue
        raise RunnerError(f"run {run}: others keep changing what is kept of it; asked to end later")

    def _delete_pods(self, run: str, attempt: int, grace: int) -> None:
        for pod in self._api.find("Pod", _selector(run, attempt)):
            meta = pod["metadata"]
            # Not 0: that would remove the pod from sight while its processes live on.
            self._api.delete("Pod", meta["name"], uid=meta["uid"], grace=max(_grace(pod, grace), 1))
            self._store.put(mapping.seen(pod))

    def _stop_reason(self, run: str, attempt: int) -> StopReason | None:
        try:
            return _stop_in(self._api.get(ANCHOR, names.anchor(run, attempt)))
        except NotThere:
            return None

    def _stops(self) -> dict[Attempt, StopReason]:
        """Why attempts were asked to end, of all that were."""
        found = self._api.find_metadata(ANCHOR, f"{labels.SELECTOR},{STOP}")
        told = {_attempt(anchor): _stop_in(anchor) for anchor in found}
        return {attempt: reason for attempt, reason in told.items() if reason is not None}

    # -- keep --

    def address(self, run: str, attempt: int) -> str | None:
        """See `Runner.address`: that of the service, which the platform reaches from outside the cluster's DNS, too."""
        for found in self._api.find("Service", _selector(run, attempt)):
            host = found["spec"].get("clusterIP") or "None"
            if host != "None":
                return f"{f'[{host}]' if ':' in host else host}:{found['spec']['ports'][0]['port']}"
        return None

    def usage(self, run: str, attempt: int) -> Usage | None:
        """See `Runner.usage`. Asks the kubelets, which the platform's account may be allowed to (`nodes/proxy`)."""
        pods = [pod for pod in self._store.of_attempt(run, attempt) if pod.phase is PodPhase.RUNNING and pod.node]
        return total([self._summaries.of_node(pod.node or "").get(pod.uid) for pod in pods])

    def clean(self, run: str) -> None:
        """See `Runner.clean`. Nothing kept is fine."""
        names.check_run(run)
        alive = [pod for pod in self._listed(_of_run(run)) if not pod.is_over]
        for pod in alive:
            if pod.deleting_until is not None:  # by force if its node does not answer
                self._end(pod)
        if alive:
            raise RunnerError(f"run {run}: it is still alive and cannot be cleaned; stop it first")
        for anchor in list(self._api.find_metadata(ANCHOR, _of_run(run))):
            self._api.delete(ANCHOR, anchor["metadata"]["name"])
        self._forget({run})

    def clean_all(self, runs: Collection[str]) -> set[str]:
        """See `Runner.clean_all`. To ask the cluster for each alone would have it look at all pods for each."""
        for run in runs:
            names.check_run(run)
        if not self.is_watched():
            return super().clean_all(runs)
        pods = self._store.of_runs(runs)
        over = {run for run in runs if all(pod.is_over for pod in pods.get(run, ()))}
        for anchor in list(self._api.find_metadata(ANCHOR, labels.SELECTOR)):
            if _attempt(anchor)[0] in over:
                self._api.delete(ANCHOR, anchor["metadata"]["name"])
        self._forget(over)
        return over

    def _forget(self, runs: Collection[str]) -> None:
        self._store.forget_all(runs)
        self._ends = OrderedDict((key, end) for key, end in self._ends.items() if key[0] not in runs)

    def discard(self, run: str, grace: float) -> None:
        """See `Runner.discard`."""
        names.check_run(run)
        alive = {pod.attempt for pod in self._listed(_of_run(run)) if not pod.is_over}
        for attempt in alive:
            self._mark_stop(run, attempt, StopReason.USER)
            self._delete_pods(run, attempt, math.ceil(grace))
        if not alive:
            self.clean(run)

    def kept(self) -> list[str]:
        """See `Runner.kept`."""
        found = self._api.find_metadata(ANCHOR, labels.SELECTOR)
        return sorted({each["metadata"]["labels"][labels.RUN] for each in found})

    def active(self) -> list[str]:
        """See `Runner.active`."""
        return sorted({pod.run for pod in self._listed(labels.SELECTOR) if not pod.phase.is_final or not pod.is_over})

    def _listed(self, selector: str) -> Iterable[SeenPod]:
        return (mapping.seen(each) for each in self._api.find("Pod", selector))


def _is_ending(pods: Iterable[SeenPod]) -> bool:
    return any(pod.phase.is_final or pod.deleting_until for pod in pods)


def _attempt(anchor: Json) -> Attempt:
    named = anchor["metadata"]["labels"]
    return named[labels.RUN], int(named[labels.ATTEMPT])


def _of_run(run: str) -> str:
    return f"{labels.MANAGED_BY[0]}={labels.MANAGED_BY[1]},{labels.RUN}={run}"


def _selector(run: str, attempt: int) -> str:
    names.check_run(run)
    return f"{_of_run(run)},{labels.ATTEMPT}={attempt}"


def _annotations(found: Json) -> dict[str, str]:
    return found["metadata"].get("annotations") or {}


def _stop_in(anchor: Json) -> StopReason | None:
    told = _annotations(anchor).get(STOP)
    return StopReason(told) if told in set(StopReason) else None


def _with_stop(anchor: Json, reason: StopReason) -> Json:
    meta = anchor["metadata"]
    told = {STOP: reason.value}
    changed = {"annotations": {**_annotations(anchor), **told}, "labels": {**meta["labels"], **told}}
    return {**anchor, "metadata": {**meta, **changed}}


def _stopped_anchor(run: str, attempt: int, reason: StopReason) -> Json:
    """Of an attempt that was never submitted."""
    named = {
        labels.MANAGED_BY[0]: labels.MANAGED_BY[1],
        "type": "polyaxon-runner",
        labels.RUN: run,
        labels.ATTEMPT: str(attempt),
        STOP: reason.value,
    }
    meta: dict[str, Any] = {"name": names.anchor(run, attempt), "labels": named, "annotations": {STOP: reason.value}}
    return {"apiVersion": "v1", "kind": ANCHOR, "metadata": meta}


def _grace(pod: Json, grace: int) -> int:
    """What copies outputs is told to end after the command, and needs time for it."""
    spec = pod["spec"]
    copies = any(each["name"] == labels.SIDECAR_CONTAINER for each in spec.get("initContainers") or ())
    return max(grace, int(spec.get("terminationGracePeriodSeconds") or 0)) if copies else grace


def _check(spec: LaunchSpec) -> None:
    names.check_run(spec.run)
    if spec.attempt < 1:
        raise LaunchRefused(f"run {spec.run}: attempts count from 1, not {spec.attempt}")
    if "\0" in spec.command:
        raise LaunchRefused(f"run {spec.run}: the command holds a NUL character; remove it")
    for name, value in spec.env.items():
        if not name or "=" in name or "\0" in name + value:
            raise LaunchRefused(f"run {spec.run}: {name!r} cannot be an environment variable")
    _check_code(spec)


def _check_code(spec: LaunchSpec) -> None:
    """Told here rather than by a pod that fails."""
    if spec.repository is None or spec.commit is None:
        return
    try:
        if not InternalRepo(spec.repository).contains(spec.commit):
            raise LaunchRefused(f"code: commit {spec.commit[:40]!r} is not in the project's repository; upload again")
    except RepoError as error:
        raise RunnerError(f"code: commit {spec.commit[:40]} could not be looked up: {error}") from error
