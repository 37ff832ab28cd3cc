"""From rows to what a cluster is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon import options
from polyaxon.actions.options import change_options
from polyaxon.db.models import CodeReference, K8SConfigMap, K8SSecret, RegistryAccess, Repo, Token
from polyaxon.errors import InvalidInput
from scheduler.launch import launch_spec
from scheduler.runners.kubernetes.manifests import objects
from scheduler.runners.kubernetes.settings import cluster_settings
from scheduler.runners.kubernetes.spec import Backend, Bucket, Kind, Reference, Volume
from tests.factories import make_build, make_experiment, make_job, make_project

if TYPE_CHECKING:
    from polyaxon.db.models import Experiment, Job
    from scheduler.runners.kubernetes.spec import ClusterSpec

pytestmark = pytest.mark.django_db

STORES = {
    "main": {"mountPath": "/outputs", "existingClaim": "outputs-pvc", "subPath": "runs"},
    "minio": {"store": "s3", "bucket": "s3://runs", "secret": "minio", "secretKey": "key.json"},
}
DATA = {
    "images": {"mountPath": "/data/images", "hostPath": "/mnt/images", "readOnly": True},
    "texts": {"store": "gcs", "bucket": "texts", "secret": "gcs", "secretKey": "gc.json"},
}


@pytest.fixture(autouse=True)
def _on_cluster(settings: Any, tmp_path: Path) -> None:
    config = settings.CONFIG
    changed = {
        "persistence_outputs": STORES,
        "persistence_data": DATA,
        "k8s_default_image": "python:3.11",
        "k8s_service_accounts_allowed": ["trainer"],
        "registry_localhost": "127.0.0.1:31813",
    }
    settings.CONFIG = replace(
        config,
        runner=config.runner.model_copy(update={"runner_backend": "kubernetes"}),
        kubernetes=config.kubernetes.model_copy(update=changed),
        stores=config.stores.model_copy(update={"outputs_root": tmp_path / "outputs"}),
    )
    options.forget_cached()


def experiment(environment: dict[str, Any] | None = None, **content: Any) -> Experiment:
    rows = {key: content.pop(key) for key in ("build_job", "code_reference") if key in content}
    project = content.pop("project", None)
    file = {"version": 1, "kind": "experiment", "run": {"cmd": "python train.py"}, **content}
    if environment:
        file["environment"] = environment
    run = make_experiment(project, content=json.dumps(file))
    for name, value in {"attempt": 1, **rows}.items():
        setattr(run, name, value)
    return run


def told(run: Experiment | Job) -> ClusterSpec:
    spec = launch_spec(run, "key").cluster
    assert spec is not None
    return spec


def test_a_plain_experiment(settings: Any) -> None:
    run = experiment()
    launch = launch_spec(run, "key")
    assert launch.cluster is not None
    assert (launch.cluster.kind, launch.cluster.image, launch.cluster.code) == (Kind.EXPERIMENT, None, None)
    path = f"/outputs/{run.sub_path}"
    assert launch.cluster.outputs == Volume(
        name="main", mount_path=path, claim="outputs-pvc", sub_path=f"runs/{run.sub_path}"
    )
    assert launch.env["POLYAXON_RUN_OUTPUTS_PATH"] == str(launch.outputs_path) == path
    assert json.loads(launch.env["POLYAXON_RUN_DATA_PATHS"]) == {"images": "/data/images", "texts": "/texts"}
    assert launch.cluster.labels["experiment_name"] == run.unique_name
    pod = objects(launch, cluster_settings(settings.CONFIG))[-1]
    assert pod["spec"]["containers"][0]["image"] == "python:3.11"


def test_everything_that_a_file_asks_for() -> None:
    K8SSecret.objects.create(name="wandb", k8s_ref="wandb-secret", items=["API_KEY"])
    K8SConfigMap.objects.create(name="flags", k8s_ref="flags-cm")
    run = experiment(
        {
            "resources": {"cpu": {"requests": 0.5}, "gpu": 2},
            "node_selector": {"a": "b"},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "service_account": "trainer",
            "image_pull_secrets": ["regcred"],
            "secret_refs": ["wandb"],
            "config_map_refs": ["flags"],
            "data_refs": ["texts"],
            "artifact_refs": ["minio"],
        },
        build={"image": "tensorflow/tensorflow:2.19.0"},
    )
    spec = told(run)
    place = spec.replicas[0].place
    assert spec.image == "tensorflow/tensorflow:2.19.0"
    assert place.resources == {"cpu": {"requests": 0.5}, "gpu": {"limits": 2.0}}
    assert (place.gpus, place.node_selector, place.service_account) == (2, {"a": "b"}, "trainer")
    assert (place.image_pull_secrets, len(place.tolerations)) == (("regcred",), 1)
    assert place.secrets == (Reference(name="wandb-secret", items=("API_KEY",)),)
    assert place.config_maps == (Reference(name="flags-cm"),)
    assert spec.volumes == ()
    texts = Bucket(name="texts", url="gs://texts", path="/texts", secret="gcs", secret_key="gc.json")
    assert spec.downloads == (texts,)
    assert isinstance(spec.outputs, Bucket)
    assert (spec.outputs.url, spec.outputs.path) == (f"s3://runs/{run.sub_path}", f"/minio/{run.sub_path}")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"secret_refs": ["nope"]}, "the catalog has no secret called 'nope'"),
        ({"config_map_refs": ["nope"]}, "the catalog has no config map called 'nope'"),
        ({"service_account": "polyaxon"}, "'polyaxon' may not be used; allowed: trainer"),
        ({"data_refs": ["nope"]}, "there is no data store 'nope'; known: images, texts"),
        ({"artifact_refs": ["nope"]}, "there is no outputs store 'nope'; known: main, minio"),
    ],
)
def test_names_that_mean_nothing_are_told(environment: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        launch_spec(experiment(environment), "key")


def test_options_stand_in_for_what_a_file_leaves_out() -> None:
    change_options(
        {
            "NODE_SELECTORS:EXPERIMENTS": {"pool": "gpu"},
            "ENV_VARS:EXPERIMENTS": [["A", "1"]],
            "K8S_RESOURCES:EXPERIMENTS": {"cpu": {"limits": 1}},
        }
    )
    place = told(experiment()).replicas[0].place
    assert (place.node_selector, place.env, place.resources) == ({"pool": "gpu"}, {"A": "1"}, {"cpu": {"limits": 1}})
    own = told(experiment({"node_selector": {"pool": "cpu"}})).replicas[0].place
    assert own.node_selector == {"pool": "cpu"}
    job = make_job(content=json.dumps({"version": 1, "kind": "job", "run": {"cmd": "true"}}))
    assert told(job).replicas[0].place.node_selector is None


def test_replicas_of_each_role() -> None:
    replicas = {
        "n_workers": 2,
        "n_ps": 1,
        "default_worker": {"resources": {"cpu": 1}},
        "worker": [{"index": 1, "resources": {"cpu": 2}}],
    }
    spec = told(experiment({"replicas": replicas}, framework="tensorflow"))
    assert [(each.role, each.index) for each in spec.replicas] == [
        ("master", 0),
        ("worker", 0),
        ("worker", 1),
        ("ps", 0),
    ]
    assert [each.place.resources for each in spec.replicas[1:3]] == [{"cpu": {"limits": 1.0}}, {"cpu": {"limits": 2.0}}]
    assert spec.ssh is None


def test_what_needs_ssh_gets_a_key() -> None:
    spec = told(experiment({"replicas": {"n_workers": 1}}, framework="horovod"))
    assert spec.ssh is not None
    assert spec.ssh.private.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert spec.ssh.public.startswith("ssh-ed25519 ")
    assert "PRIVATE" not in repr(spec)


@pytest.mark.parametrize(
    ("backend", "framework", "api", "expected", "first"),
    [
        ("kubeflow", "pytorch", "training-operator", Backend.KUBEFLOW, "master"),
        ("mpi", "horovod", "training-operator", Backend.MPI, "worker"),
        ("kubeflow", "pytorch", "trainer", Backend.TRAINER, "master"),
        ("native", "pytorch", "trainer", Backend.NATIVE, "master"),
    ],
)
def test_who_makes_the_pods(
    settings: Any, backend: str, framework: str, api: str, expected: Backend, first: str
) -> None:
    kubernetes = settings.CONFIG.kubernetes.model_copy(update={"k8s_kubeflow_api": api})
    settings.CONFIG = replace(settings.CONFIG, kubernetes=kubernetes)
    run = experiment({"replicas": {"n_workers": 2}}, framework=framework, backend=backend)
    spec = told(run)
    assert (spec.backend, spec.replicas[0].role) == (expected, first)


def test_an_image_that_we_built_has_the_code_in_it() -> None:
    build = make_build()
    spec = told(experiment(build_job=build, project=build.project))
    assert (spec.image, spec.has_code_in_image, spec.code) == (f"127.0.0.1:31813/{build.image}", True, None)
    entry = RegistryAccess.objects.create(name="hub", host="hub.example.com/team/")
    change_options({"ACCESS:REGISTRY": entry.pk})
    assert told(experiment(build_job=build, project=build.project)).image == f"hub.example.com/team/{build.image}"


def test_code_is_fetched_with_a_token_for_it_alone() -> None:
    project = make_project()
    repo = Repo.objects.create(project=project)
    reference = CodeReference.objects.create(repo=repo, commit="a" * 40)
    run = experiment(project=project, code_reference=reference)
    spec = told(run)
    assert spec.code is not None
    assert spec.code.url.endswith(f"/api/v1/{project.owner.name}/{project.name}/repo/download?commit={'a' * 40}")
    assert ["code"] in [token.scopes for token in Token.objects.filter(run=run.uuid)]
    assert spec.code.token not in repr(spec)
