"""How often each request asks the database: as often for many rows as for few, and as `query_counts.json` says.

After a change that is meant to move a number, write the file anew and look at its diff:

    QUERY_COUNTS=write pytest tests/api/test_query_counts.py

A new GET route is measured by itself; what it needs beside its address stands in `QUERIES`. Other methods are
measured once they stand in `BODIES`. Statements that only begin or end transactions are not counted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from api.throttling import Rate
from tests.api.conftest import client_of
from tests.api.populated import Populated
from tests.api.routes import Route, all_routes
from tests.factories import BUILD_FILE, EXPERIMENT, GROUP, JOB, NOTEBOOK, PASSWORD

if TYPE_CHECKING:
    from rest_framework.test import APIClient

FILE = Path(__file__).with_name("query_counts.json")
FEW, MANY = 2, 12
_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")

P = "{owner}/{project}"
E = f"{P}/experiments/{{id}}"
G = f"{P}/groups/{{id}}"
J = f"{P}/jobs/{{id}}"
B = f"{P}/builds/{{id}}"

NOT_MEASURED = {
    **{f"GET {name}": "describes the code and asks the database nothing" for name in ("schema", "docs", "docs/{name}")},
    "GET events": "a stream, which is served beside the requests",
    **{
        f"GET {base}/logs/{form}": "a stream, which is served beside the requests"
        for base in (E, f"{E}/jobs/{{job_id}}", J, B)
        for form in ("stream", "follow")
    },
}
QUERIES = {
    f"GET {E}/outputs/files": "path=result.txt",
    f"GET {J}/outputs/files": "path=result.txt",
    f"GET {E}/metrics/points": "name=metric-0",
    **{f"GET {G}/{asked}": "metric=loss" for asked in ("best", "importances")},
    f"GET {G}/pareto": "metrics=loss",
    "GET options": "keys=TTL:TOKEN&keys=K8S:GPU_RESOURCE_KEY",
    "GET {owner}/options": "keys=NOTEBOOKS:DOCKER_IMAGE",
}
# Further forms of a route, by what comes after its name.
FORMS = {
    f"GET {P}/experiments": (
        "query=metrics.loss:<1,tags:a|b,params.lr:0.1&sort=-metric.loss",
        "query=build.name:~a,user.username:olga,status:~failed",
        "metrics=1",
        "params=1",
    ),
    f"GET {P}/groups": ("query=search_algorithm:grid,concurrency:2",),
    f"GET {P}/jobs": ("query=build.name:~a&sort=-finished_at",),
    f"GET {P}/builds": ("query=status:created,tags:~a&sort=-started_at",),
}
STATUS = {"status": "failed"}
MANIFEST = {"artifacts": [{"path": f"{place}/new.txt", "size": 1, "sha256": "1" * 64} for place in range(3)]}
BODIES: dict[str, dict[str, Any] | list[Any]] = {
    "POST projects": {"name": "another"},
    "POST orgs": {"name": "another"},
    "POST users/token": {"username": "olga", "password": PASSWORD},
    "POST users/tokens": {"name": "another"},
    "POST searches/{owner}/{project}/experiments": {"query": {"query": "id:1"}},
    f"PATCH {P}": {"description": "x"},
    **{f"POST {P}/{verb}": {} for verb in ("archive", "bookmark", "builds/invalidate")},
    f"DELETE {P}": {},
    f"POST {P}/webhooks": {"url": "https://hook.example/"},
    f"POST {P}/experiments": {"content": EXPERIMENT},
    f"PATCH {E}": {"tags": ["x"], "name": "another"},
    f"DELETE {E}": {},
    **{f"POST {E}/{verb}": {} for verb in ("archive", "stop", "restart", "copy", "bookmark", "_heartbeat")},
    f"POST {E}/statuses": STATUS,
    f"POST {E}/metrics": {"values": {"loss": 0.5}},
    **{f"POST {run}/artifacts": MANIFEST for run in (E, J)},
    f"POST {E}/coderef": {"commit": "0" * 40},
    f"POST {E}/jobs": {},
    f"POST {E}/jobs/{{job_id}}/statuses": STATUS,
    f"POST {E}/chartviews": {"charts": []},
    f"POST {P}/groups": {"content": GROUP},
    f"PATCH {G}": {"tags": ["x"]},
    f"DELETE {G}": {},
    **{f"POST {G}/{verb}": {} for verb in ("archive", "stop", "restart", "copy", "bookmark")},
    f"POST {G}/statuses": STATUS,
    f"PATCH {P}/selections/{{id}}": {"operation": "add", "experiment_ids": []},
    f"POST {P}/jobs": {"content": JOB},
    f"PATCH {J}": {"tags": ["x"]},
    f"DELETE {J}": {},
    **{f"POST {J}/{verb}": {} for verb in ("archive", "stop", "restart", "copy", "bookmark", "_heartbeat")},
    f"POST {J}/statuses": STATUS,
    f"POST {P}/builds": {"content": BUILD_FILE},
    f"PATCH {B}": {"tags": ["x"]},
    f"DELETE {B}": {},
    f"POST {B}/statuses": STATUS,
    f"POST {P}/notebook/start": {"content": NOTEBOOK},
    f"POST {P}/notebook/stop": {},
    f"POST {P}/tensorboard/start": {},
    f"POST {E}/tensorboard/start": {},
    "POST catalogs/k8s_secrets": {"name": "another", "k8s_ref": "object"},
    "PATCH catalogs/data_stores/{name}": {"bucket": "s3://x"},
    "POST cluster/nodes": {"name": "another", "role": "agent", "memory": 1, "cpu": 1, "n_gpus": 0},
    "POST options": {"TTL:TOKEN": 3},
}
# One statement on Postgres does there what takes several on SQLite: the file has a number for each.
BY_DATABASE = {
    f"POST {E}/metrics",
    f"POST {G}/stop",
    *(f"POST {base}/statuses" for base in (B, E, G, J, f"{E}/jobs/{{job_id}}")),
}
# Each run that goes on is stopped by itself, with a status and an event of its own: asked when none does.
STOPS_RUNS = {f"{verb}{base}{end}" for base in (P, G) for verb, end in (("DELETE ", ""), ("POST ", "/archive"))}


class Counter:
    """Measures every route in one populated world."""

    def __init__(self) -> None:
        self.world = Populated()
        self.clients = {True: client_of(self.world.staff), False: client_of(self.world.owner)}
        self.routes = [route for route in all_routes() if measured(route)]

    def counts(self) -> dict[str, int]:
        """Queries by the name of the route, with `?query` for a further form of it."""
        found = {}
        for route in self.routes:
            for query in (QUERIES.get(route.name, ""), *FORMS.get(route.name, ())):
                name = route.name + (f"?{query}" if query in FORMS.get(route.name, ()) else "")
                found[name] = self._count(route, query)
        return found

    def _count(self, route: Route, query: str) -> int:
        self._ask(route, query)  # what the process remembers from then on is not counted
        statements = self._ask(route, query)
        return sum(not statement["sql"].startswith(_CONTROL) for statement in statements)

    def _ask(self, route: Route, query: str) -> list[dict[str, str]]:
        """The statements of one request whose changes are undone."""
        client: APIClient = self.clients[for_staff(route)]
        address = f"{route.path(self.world.values)}?{query}"
        with transaction.atomic():
            if route.name in STOPS_RUNS:
                self.world.end_runs()
            with CaptureQueriesContext(connection) as captured:
                answer = getattr(client, route.method)(address, BODIES.get(route.name), format="json")
                content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            transaction.set_rollback(True)
        assert answer.status_code < 300, (route.name, answer.status_code, content[:300])
        return captured.captured_queries


def measured(route: Route) -> bool:
    return route.name in BODIES or (route.method == "get" and route.name not in NOT_MEASURED)


def for_staff(route: Route) -> bool:
    return route.pattern == "options" or (
        route.method != "get" and route.pattern.startswith(("catalogs", "cluster", "nodes"))
    )


@pytest.fixture
def counter(db: None, monkeypatch: pytest.MonkeyPatch) -> Counter:
    for scope in Rate.THROTTLE_RATES:
        monkeypatch.setitem(Rate.THROTTLE_RATES, scope, "1000000/min")
    return Counter()


@pytest.mark.slow
def test_queries_are_as_many_as_the_baseline_says_however_many_rows(counter: Counter) -> None:
    counter.world.grow_to(FEW)
    few = counter.counts()
    counter.world.grow_to(MANY)
    many = counter.counts()
    grown = {name: (few[name], many[name]) for name in few if few[name] != many[name]}
    assert not grown, "\n".join(
        f"{name}: {one} for {FEW} rows, {other} for {MANY}" for name, (one, other) in grown.items()
    )
    if os.environ.get("QUERY_COUNTS") == "write":
        write(few)
    baseline = {name: for_this_database(value) for name, value in read().items()}
    changed = [
        f"{name}: {baseline.get(name)} -> {few.get(name)}"
        for name in {**baseline, **few}
        if baseline.get(name) != few.get(name)
    ]
    assert not changed, "\n".join(
        [*changed, "If this is meant: QUERY_COUNTS=write pytest tests/api/test_query_counts.py"]
    )


def read() -> dict[str, int | dict[str, int]]:
    values: dict[str, int | dict[str, int]] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return values


def for_this_database(value: int | dict[str, int]) -> int | None:
    return value.get(connection.vendor) if isinstance(value, dict) else value


def write(counts: dict[str, int]) -> None:
    """Replace the file's numbers; where databases differ, that of this one."""
    values: dict[str, Any] = dict(counts)
    for name in BY_DATABASE:
        before = read().get(name)
        values[name] = {**(before if isinstance(before, dict) else {}), connection.vendor: counts[name]}
    FILE.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def test_every_list_and_detail_is_in_the_baseline() -> None:
    names = {route.name for route in all_routes()}
    baseline = {name.partition("?")[0] for name in read()}
    assert {name for name in names if name.startswith("GET ")} <= baseline | NOT_MEASURED.keys()
    assert baseline <= names
    assert names >= {*NOT_MEASURED, *QUERIES, *FORMS, *BODIES}
    assert BODIES.keys() >= BY_DATABASE
    assert BODIES.keys() >= STOPS_RUNS
    assert not baseline & NOT_MEASURED.keys()
