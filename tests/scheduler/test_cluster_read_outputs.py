"""The outputs of other runs in pods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from scheduler import launches
from scheduler.launch import launch_spec
from scheduler.runners.kubernetes.spec import Bucket, Volume
from tests.factories import EXPERIMENT, NOTEBOOK, make_experiment, make_job, make_notebook, make_project, make_user
from tests.scheduler.test_cluster_launch import _on_cluster  # noqa: F401 - for all of these
from tests.scheduler.test_read_outputs import paths, reading

if TYPE_CHECKING:
    from polyaxon.db.models import Project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(make_user("ada"), "digits")


def test_pods_see_them_and_cannot_write(project: Project) -> None:
    read, job = make_experiment(project), make_job(project)
    run = make_experiment(project, content=reading(experiments=[read.pk], jobs=[job.pk]))
    assert paths(run) == {"jobs": [f"/outputs/{job.sub_path}"], "experiments": [f"/outputs/{read.sub_path}"]}
    spec = launch_spec(run, "key").cluster
    assert spec is not None
    seen = [
        Volume(
            name="main",
            mount_path=f"/outputs/{each.sub_path}",
            claim="outputs-pvc",
            sub_path=f"runs/{each.sub_path}",
            read_only=True,
        )
        for each in (job, read)
    ]
    assert list(spec.reads) == seen


def test_from_an_object_store_they_are_copied(project: Project) -> None:
    stored = {**json.loads(EXPERIMENT), "environment": {"artifact_refs": ["minio"]}}
    read = make_experiment(project, content=json.dumps(stored))
    run = make_experiment(project, content=reading(experiments=[read.pk]))
    path = f"/minio/{read.sub_path}"
    assert paths(run)["experiments"] == [path]
    spec = launch_spec(run, "key").cluster
    assert spec is not None
    (bucket,) = [each for each in spec.downloads if each.name.startswith("minio")]
    assert bucket == Bucket(
        name="minio-read-0", url=f"s3://runs/{read.sub_path}", path=path, secret="minio", secret_key="key.json"
    )


def test_its_own_outputs_are_mounted_once(project: Project) -> None:
    first = make_experiment(project)
    content = reading(experiments=[first.pk])
    resumed = make_experiment(project, content=content, original=first, cloning_strategy="resume")
    assert paths(resumed)["experiments"] == [f"/outputs/{first.sub_path}"]
    spec = launch_spec(resumed, "key").cluster
    assert spec is not None
    assert spec.reads == ()


def test_a_notebook_sees_them(project: Project) -> None:
    read = make_experiment(project)
    notebook = make_notebook(project, content=reading(NOTEBOOK, experiments=[read.pk]))
    notebook.attempt = 1
    launch = launches.launch_spec(notebook, "")
    assert json.loads(launch.env["POLYAXON_REFS_OUTPUTS_PATHS"])["experiments"] == [f"/outputs/{read.sub_path}"]


def test_a_copy_is_made_in_the_pod(project: Project) -> None:
    first = make_experiment(project)
    copied = make_experiment(project, original=first, cloning_strategy="copy")
    copied.attempt = 1
    spec = launch_spec(copied, "key").cluster
    assert spec is not None
    assert isinstance(spec.copied, Volume)
    assert (spec.copied.name, spec.copied.sub_path) == ("main", f"runs/{first.sub_path}")
    assert isinstance(spec.outputs, Volume)
    assert spec.outputs.sub_path == f"runs/{copied.sub_path}"
