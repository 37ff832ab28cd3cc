"""The `cluster` fixture, and what a failing test of the cluster shows.

`make test` and a plain `pytest` alike use the cluster that `make cluster-up` started, if it is up; else they start
one that ends with them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.cluster import packages, places
from tests.cluster.commands import ClusterError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.cluster.cluster import Cluster

# What needs the Kubernetes client is imported in functions: it takes a second, which other tests need not wait.
FIXTURE = "cluster"
TIMEOUT = 300
_running = pytest.StashKey["Cluster"]()
_problem = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever uses the cluster is marked so, and has more time than others: the first one waits for its start."""
    for item in items:
        if FIXTURE in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TIMEOUT))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Compile before the first test's time runs: minutes on a fresh machine, nothing afterwards."""
    if session.config.option.collectonly or not any(item.get_closest_marker("cluster") for item in session.items):
        return
    if packages.obstacle() is not None:
        return
    from tests.cluster.cluster import prepare_machine

    capture = session.config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            prepare_machine()
    except ClusterError as problem:
        session.config.stash[_problem] = str(problem)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A real Kubernetes. Tests with pods take a namespace of their own (fixture `cluster_namespace`)."""
    from tests.cluster.cluster import Cluster, sweep

    require_cluster(request.config)
    found = Cluster.find()
    if found is not None and found.is_usable():
        request.config.stash[_running] = found
        yield found
        return
    # One of its own for each run of pytest: none ends another's.
    state = places.default_state()
    sweep(state)
    with Cluster.up(state.with_name(f"{state.name}-{os.getpid()}"), bound=True) as started:
        request.config.stash[_running] = started
        yield started
        del request.config.stash[_running]


def require_cluster(config: pytest.Config) -> None:
    """Skip where no cluster can run, but fail in CI; fail where one should run and the machine was not made ready."""
    if (obstacle := packages.obstacle()) is not None:
        reason = f"no cluster can run here: it {obstacle}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    if (problem := config.stash.get(_problem, None)) is not None:
        pytest.fail(problem, pytrace=False)


@pytest.fixture
def cluster_namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace for one test, with its service account; deleted afterwards with all that is in it."""
    from kubernetes import client

    from tests.cluster import api

    with api.namespace(client.CoreV1Api(cluster.api())) as name:
        yield name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add pods, events and our tables to the report of a failed test."""
    report = yield
    if report.failed and item.get_closest_marker("cluster") is not None:
        from tests.cluster import dumps

        report.sections.extend(dumps.sections(item.config.stash.get(_running, None)))
    return report
