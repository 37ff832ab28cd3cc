"""Many runs at once on a Kubernetes whose nodes are played by kwok: `python -m bench kubernetes [--quick]`.

How fast their pods are made, beside a bare loop that makes pods of the same manifest on the same API server; how soon
the database knows what became of them; and what each component takes of the memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from kubernetes import client

from bench.backends import DURABLE, UNTHROTTLED
from bench.client import Client
from bench.memory import tree_bytes, tree_seconds
from polyaxon.pods import labels
from tests.cluster import api, packages
from tests.cluster.cluster import Cluster
from tests.cluster.components.kwok import ANNOTATION, SECONDS
from tests.cluster.platform import Platform
from tests.embedded.server import ROOT
from tests.services import Postgres, RabbitMQ, Redis

CLIENTS = 8  # connections that submit runs
NODES = 4
TTL = 20  # seconds until what a run leaves is removed: soon, since each part of the benchmark waits for that
PHASES = {"Running": "running", "Succeeded": "succeeded"}
MIB = 1 << 20
CLUSTER = ("kube-apiserver", "etcd", "kube-scheduler", "kube-controller-manager", "kwok", "kubelet")


@dataclass(frozen=True, slots=True)
class Size:
    runs: int
    seconds: int  # that each run takes


FULL = Size(runs=2000, seconds=60)
QUICK = Size(runs=100, seconds=5)


@dataclass(frozen=True, slots=True)
class Submission:
    """Pods that were made one after the other: how many, in how many seconds from the first to the last."""

    name: str
    pods: int
    seconds: float
    whole: float  # seconds from the first request
    used: dict[str, float]  # processor seconds by part, until all had ended

    @property
    def rate(self) -> float:
        return (self.pods - 1) / self.seconds


@dataclass(frozen=True, slots=True)
class Note:
    """What the watch told: when, of which run."""

    at: float
    namespace: str
    run: str
    phase: str


class Watch:
    """The process that watches beside ours; its notes so far."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self._log = folder / "watch.log"
        command = ["nice", "-n", "-5", sys.executable, "-m", "bench.kubernetes_watch", str(kubeconfig)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log)
        api.wait_for("a watch of pods", lambda: True if self._log.read_text().startswith("ready") else None)

    def notes(self, namespace: str) -> list[Note]:
        lines = (line.split(" ") for line in self._log.read_text().splitlines()[1:])
        found = [Note(float(line[0]), *line[1:]) for line in lines if len(line) == 4]  # the last may be cut off
        return [note for note in found if note.namespace == namespace]

    def close(self) -> None:
        self._process.communicate()


class Bench:
    """A cluster with a platform on it."""

    def __init__(
        self, cluster: Cluster, folder: Path, postgres: Postgres, amqp: RabbitMQ, redis: Redis, namespace: str
    ) -> None:
        self._cluster = cluster
        self._services = (postgres, amqp, redis)
        self.core = client.CoreV1Api(cluster.api())
        self.namespace = namespace
        self._database = psycopg2.connect(postgres.url)
        self._database.autocommit = True
        self.platform = Platform(cluster, namespace, folder, postgres=postgres.url, amqp=amqp.url, redis=redis.url)
        self.platform.environment |= {"POLYAXON_K8S_CONCURRENCY": "100000"}
        self.platform.api.environment |= UNTHROTTLED
        self.watch = Watch(cluster.kubeconfig, folder)

    def close(self) -> None:
        self.watch.close()
        self.platform.close()
        self._database.close()

    # -- the bare loop --

    def bare(self, manifest: dict[str, Any], number: int) -> Submission:
        """A plain loop, one thread, in a namespace of its own."""
        with api.namespace(self.core) as namespace:
            begun, before = time.time(), self.seconds()
            for _ in range(number):
                self.core.create_namespaced_pod(namespace, _renamed(manifest, namespace))
            self._await_pods(namespace, number, "Succeeded")
            done = _submission("bare loop", self.watch.notes(namespace), begun, self.used_since(before))
        api.wait_for(f"{namespace} gone", lambda: self._is_gone(namespace) or None, 600)  # or that runs beside ours
        return done

    def _is_gone(self, namespace: str) -> bool:
        return namespace not in {each.metadata.name for each in self.core.list_namespace().items}

    def _await_pods(self, namespace: str, number: int, phase: str) -> None:
        def look() -> bool | None:
            return sum(note.phase == phase for note in self.watch.notes(namespace)) >= number or None

        api.wait_for(f"{number} pods of {namespace} {phase}", look, 600)

    # -- ours --

    def posts(self, project: str, size: Size) -> Submission:
        """One request for each run, by several clients at once."""
        self._project(project)
        body = json.dumps({"content": json.dumps(_experiment(size))}).encode()
        begun, before = time.time(), self.seconds()

        def send(count: int) -> None:
            http = self._client()
            for _ in range(count):
                http.send("POST", f"/api/v1/admin/{project}/experiments", body)

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(send, [len(range(place, size.runs, CLIENTS)) for place in range(CLIENTS)]))
        print(f"  {size.runs} runs posted in {time.time() - begun:.1f} s", flush=True)
        return self._ended(f"ours, {size.runs:,} requests by {CLIENTS} clients", project, size.runs, begun, before)

    def group(self, project: str, size: Size) -> Submission:
        """One request: a search of so many trials, all at once."""
        self._project(project)
        search = {
            **_experiment(size),
            "kind": "group",
            "hptuning": {"concurrency": size.runs, "matrix": {"x": {"range": [0, size.runs, 1]}}},
        }
        begun, before = time.time(), self.seconds()
        self._client().call("POST", f"/api/v1/admin/{project}/groups", {"content": json.dumps(search)})
        return self._ended(f"ours, one request for {size.runs:,}", project, size.runs, begun, before)

    def one(self, size: Size) -> str:
        """A run by itself, to its end: everything is warm then. Its uuid."""
        self._project("warm")
        self._client().call("POST", "/api/v1/admin/warm/experiments", {"content": json.dumps(_experiment(size))})
        self._await_runs("warm", 1)
        return self._runs("warm")[0]

    def _client(self) -> Client:
        server = self.platform.api
        host = server.url.removeprefix("http://").partition(":")[0]
        return Client(server.port, {"Authorization": f"Token {server.token}"}, host)

    def _project(self, name: str) -> None:
        self._client().call("POST", "/api/v1/projects", {"name": name})

    def _ended(self, name: str, project: str, number: int, begun: float, before: dict[str, float]) -> Submission:
        self._await_runs(project, number)
        runs = set(self._runs(project))
        notes = [note for note in self.watch.notes(self.namespace) if note.run in runs]
        done = _submission(name, notes, begun, self.used_since(before))
        # What is left would be removed beside what follows.
        api.wait_for("nothing left of the runs", lambda: self._is_clean() or None, 600)
        return done

    def _is_clean(self) -> bool:
        things = (self.core.list_namespaced_pod, self.core.list_namespaced_secret)
        return not any(each(self.namespace, label_selector=labels.SELECTOR, limit=1).items for each in things)

    def _await_runs(self, project: str, number: int) -> None:
        def look() -> bool | None:
            ((ended,),) = self.rows(_SUCCEEDED, project)
            return ended >= number or None

        try:
            api.wait_for(f"{number} runs of {project} succeeded", look, 900)
        except Exception:
            print(self.rows("SELECT status, count(*) FROM db_experiment GROUP BY status"), self.platform.describe())
            raise

    def _runs(self, project: str) -> list[str]:
        return [run for (run,) in self.rows(_OF_PROJECT, project)]

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """By one connection for all: to look on must not take what is measured."""
        with self._database.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def latencies(self, project: str) -> dict[str, list[float]]:
        """Seconds from when the watch told of a phase to the commit of the status, by status."""
        known = {(run, status): float(at) for run, status, at in self.rows(_COMMITTED, project)}
        found: dict[str, list[float]] = {status: [] for status in PHASES.values()}
        for note in self.watch.notes(self.namespace):
            status = PHASES.get(note.phase)
            if status and (note.run, status) in known:
                found[status].append(known[note.run, status] - note.at)
        return found

    def memory(self) -> dict[str, int]:
        """Bytes of each part, ours first."""
        return {name: tree_bytes(pid) for name, pid in self._parts().items()}

    def seconds(self) -> dict[str, float]:
        """Processor time of each part so far."""
        return {name: tree_seconds(pid) for name, pid in self._parts().items()} | {"this one": time.process_time()}

    def used_since(self, before: dict[str, float]) -> dict[str, float]:
        now = self.seconds()
        return {name: taken - before.get(name, 0.0) for name, taken in now.items()}

    def _parts(self) -> dict[str, int]:
        ours = {"api": self.platform.api.process} | {part.name: part.process for part in self.platform.all_parts()}
        found = {name: process.pid for name, process in ours.items() if process is not None}
        found |= {service.name: service.pids[-1] for service in self._services}
        for name in CLUSTER:
            identity = self._cluster.node.process(name)
            assert identity is not None
            found[name] = identity.pid
        return found


_OF_PROJECT = (
    "SELECT replace(e.uuid::text, '-', '') FROM db_experiment e JOIN db_project p ON p.id = e.project_id "
    "WHERE p.name = %s"
)
_SUCCEEDED = (
    "SELECT count(*) FROM db_experiment e JOIN db_project p ON p.id = e.project_id "
    "WHERE p.name = %s AND e.status = 'succeeded'"
)
# When the transaction was committed that wrote the row, by Postgres itself.
_COMMITTED = (
    "SELECT replace(e.uuid::text, '-', ''), s.status, extract(epoch FROM pg_xact_commit_timestamp(s.xmin)) "
    "FROM db_experimentstatus s JOIN db_experiment e ON e.id = s.experiment_id "
    "JOIN db_project p ON p.id = e.project_id WHERE p.name = %s"
)


def _experiment(size: Size) -> dict[str, Any]:
    environment = {
        "node_selector": {"type": "fake"},
        "tolerations": [{"key": ANNOTATION, "operator": "Exists"}],
        "annotations": {SECONDS: f"{size.seconds}s"},
        "ttl": TTL,
    }
    return {"version": 1, "kind": "experiment", "environment": environment, "run": {"cmd": "true"}}


def _renamed(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    """Another pod of another run."""
    run = uuid.uuid4().hex
    made = deepcopy(manifest)
    made["metadata"] |= {"name": f"plx-{run}-master-0", "namespace": namespace}
    made["metadata"]["labels"]["polyaxon.com/run"] = run
    return made


def _submission(name: str, notes: Sequence[Note], begun: float, used: dict[str, float]) -> Submission:
    first: dict[str, float] = {}
    for note in notes:
        first.setdefault(note.run, note.at)
    moments = sorted(first.values())
    return Submission(name, len(moments), moments[-1] - moments[0], moments[-1] - begun, used)


@contextlib.contextmanager
def started() -> Iterator[Bench]:
    """The cluster that is up, or one for the time being, with services and all components."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="polyaxon-bench-")))
        folder.chmod(0o755)
        found = Cluster.find()
        cluster = found if found and found.is_usable() else stack.enter_context(Cluster.up(bound=True))
        postgres = stack.enter_context(Postgres(settings=DURABLE | {"track_commit_timestamp": "on"}))
        amqp, redis = stack.enter_context(RabbitMQ()), stack.enter_context(Redis())
        core = client.CoreV1Api(cluster.api())
        namespace = stack.enter_context(api.namespace(core))
        stack.enter_context(api.fake_nodes(core, NODES))
        bench = Bench(cluster, folder, postgres, amqp, redis, namespace)
        stack.callback(bench.close)
        bench.platform.start()
        yield bench


def manifest_of(bench: Bench, run: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.kubernetes_manifest", run]
    environment = bench.platform.all_parts()[0].environment
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def measure(bench: Bench, size: Size, ways: Sequence[str]) -> None:
    manifest = manifest_of(bench, bench.one(Size(1, 1)))
    manifest["metadata"]["annotations"][SECONDS] = f"{size.seconds}s"
    submissions = [bench.bare(manifest, size.runs)]
    for way in ways:
        submissions.append(getattr(bench, way)(way, size))
        submissions.append(bench.bare(manifest, size.runs))
    _show_submissions(submissions)
    _show_time(submissions)
    for way in ways:
        _show_latencies(way, bench.latencies(way))
    _show_memory(bench.memory())


def _show_submissions(found: Sequence[Submission]) -> None:
    bare = statistics.mean(each.rate for each in found if each.name == "bare loop")
    print(
        "\n| pods made | first to last | a second | beside the bare loop | from the first request |\n"
        + "|---" * 5
        + "|"
    )
    for each in found:
        print(f"| {each.name} | {each.seconds:.1f} s | {each.rate:.1f} | {each.rate / bare:.2f} | {each.whole:.1f} s |")


def _show_time(found: Sequence[Submission]) -> None:
    print("\n| processor time for each run, ms |" + "".join(f" {each.name} |" for each in found))
    print("|---" * (len(found) + 1) + "|")
    for part in found[-1].used:
        print(f"| {part} |" + "".join(f" {each.used[part] / each.pods * 1000:.1f} |" for each in found))
    print("| all |" + "".join(f" {sum(each.used.values()) / each.pods * 1000:.1f} |" for each in found))


def _show_latencies(way: str, found: dict[str, list[float]]) -> None:
    print(f"\n| {way}: from the phase to the status, s | runs | p50 | p95 | longest |\n|---|---|---|---|---|")
    for status, taken in found.items():
        cuts = statistics.quantiles(taken, n=20)
        print(f"| {status} | {len(taken)} | {cuts[9]:.2f} | {cuts[18]:.2f} | {max(taken):.2f} |")


def _show_memory(found: dict[str, int]) -> None:
    print("\n| component | MiB |\n|---|---|")
    for name, taken in found.items():
        print(f"| {name} | {taken / MIB:.0f} |")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs, to see that it works")
    parser.add_argument("--runs", type=int, help="how many (default: 2,000)")
    parser.add_argument("--seconds", type=int, help="that each takes")
    parser.add_argument("--ways", nargs="*", default=["posts", "group"], choices=["posts", "group"])
    options = parser.parse_args(arguments)
    if (obstacle := packages.obstacle()) is not None:
        print(f"no cluster can run here: it {obstacle}")
        return
    default = QUICK if options.quick else FULL
    size = Size(options.runs or default.runs, options.seconds or default.seconds)
    print(f"{size.runs:,} runs of {size.seconds} s on {NODES} nodes of kwok", flush=True)
    with started() as bench:
        measure(bench, size, options.ways)


if __name__ == "__main__":
    main()
