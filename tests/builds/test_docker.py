"""Builds of the local runner by a real Docker daemon, pushed to a real registry."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import docker
from polyaxon import storage
from polyaxon.actions.runs import request_stop
from polyaxon.db.models import BuildJob, CodeReference, Project, Repo
from scheduler.configured import configured_runner
from scheduler.passes import reconcile
from tests.builds import daemon
from tests.cluster import images
from tests.cluster.fixtures import require_cluster
from tests.factories import make_build, make_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """With the base images in it."""
    require_cluster(request.config)
    images.copy_into(storage := tmp_path_factory.mktemp("registry") / "storage")
    with images._served(storage) as address:
        yield address


@pytest.fixture(scope="module")
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require_cluster(request.config)
    with daemon.running(tmp_path_factory.mktemp("docker")) as address:
        yield address


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """With one commit."""
    project = make_project()
    (code := tmp_path / "code").mkdir()
    (code / "train.sh").write_text("echo trained\n")
    (code / "docker.py").write_text("raise SystemExit('the code must not be imported')\n")
    found = storage.repository(project).commit_tree(code, author="Ada", email="ada@example.org", message="first")
    CodeReference.objects.create(repo=Repo.objects.create(project=project), commit=found.sha)
    return project


@pytest.fixture(autouse=True)
def _configured(settings: Any, registry: str, host: str) -> Iterator[None]:
    config = settings.CONFIG
    settings.CONFIG = replace(
        config,
        runner=config.runner.model_copy(update={"local_docker_host": host}),
        kubernetes=config.kubernetes.model_copy(update={"registry_localhost": registry}),
    )
    yield
    configured_runner().shutdown(0.1)
    configured_runner().reopen()


def build(project: Project, registry: str, *steps: str) -> BuildJob:
    content = {"version": 1, "kind": "build", "image": f"{registry}/base:1", "build_steps": list(steps)}
    return make_build(project, content=json.dumps(content), code_reference=CodeReference.objects.get())


def until(row: BuildJob, *statuses: str) -> str:
    deadline = time.monotonic() + 200
    while row.status not in statuses:
        assert time.monotonic() < deadline, (row.status, log_of(row))
        reconcile.reconcile()
        row.refresh_from_db()
        time.sleep(0.2)
    return log_of(row)


def log_of(row: BuildJob) -> str:
    return storage.logs().tail(row.sub_path, 100).decode()


def test_an_image_is_built_and_pushed(project: Project, registry: str, host: str) -> None:
    row = build(project, registry, "echo made > /made")
    log = until(row, "succeeded", "failed")
    assert row.status == "succeeded", log
    assert "echo made > /made" in log
    name, _, tag = row.image.rpartition(":")
    manifest = httpx.get(
        f"http://{registry}/v2/{name}/manifests/{tag}",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        trust_env=False,
    )
    assert manifest.status_code == 200
    client = docker.DockerClient(base_url=host)
    output = client.containers.run(
        f"{registry}/{row.image}", "bash -c 'cat /made; bash train.sh; stat -c %u .'", remove=True
    )
    assert output.decode().splitlines() == ["made", "trained", "2222"]


def test_a_step_that_fails_fails_the_build(project: Project, registry: str) -> None:
    row = build(project, registry, "echo no such package; exit 7")
    log = until(row, "succeeded", "failed")
    assert (row.status, row.status_message) == ("failed", "exit code 1")
    assert "The image was not built." in log
    assert "returned a non-zero code: 7" in log


def test_a_build_is_stopped(project: Project, registry: str) -> None:
    row = build(project, registry, "sleep 600")
    until(row, "running")
    request_stop(row)
    until(row, "stopped")


def test_no_daemon_is_told(project: Project, registry: str, settings: Any) -> None:
    runner = settings.CONFIG.runner.model_copy(update={"local_docker_host": "unix:///nowhere/docker.sock"})
    settings.CONFIG = replace(settings.CONFIG, runner=runner)
    row = build(project, registry, "true")
    assert "The image was not built. Docker at unix:///nowhere/docker.sock:" in until(row, "failed")
