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
from polyaxon.security import tokens
from polyaxon.security.service_tokens import service_token
from scheduler import launches
from scheduler.launch import launch_spec
from scheduler.runners.kubernetes.manifests import objects
from scheduler.runners.kubernetes.settings import cluster_settings
from scheduler.runners.kubernetes.spec import Backend, Bucket, Kind, Reference, Volume
from tests.factories import (
    NOTEBOOK,
    make_build,
    make_experiment,
    make_job,
    make_notebook,
    make_project,
    make_selection,
    make_tensorboard,
)

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


NOTEBOOK_FILE = json.loads(NOTEBOOK)


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


def test_the_client_in_a_pod_is_patient_unless_the_file_says_otherwise() -> None:
    """What it could not send goes with the pod's disk."""
    assert launch_spec(experiment(), "key").env["POLYAXON_TIMEOUT"] == "300"
    asking = experiment({"env_vars": [["POLYAXON_TIMEOUT", "5"]]})
    assert launch_spec(asking, "key").env["POLYAXON_TIMEOUT"] == "5"


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


# -- notebooks, tensorboards, builds --


def test_a_notebook(settings: Any) -> None:
    row = make_notebook(make_project(), content=json.dumps(NOTEBOOK_FILE))
    row.attempt = 1
    launch = launches.launch_spec(row, "key")
    spec = launch.cluster
    assert spec is not None
    assert launch.service is not None
    assert (spec.kind, spec.image, spec.port) == (Kind.NOTEBOOK, "jupyter/base-notebook:1", 8888)
    assert spec.ready_path == f"{row.proxy_path}api"
    path = f"/outputs/{row.sub_path}"
    assert spec.outputs == Volume(name="main", mount_path=path, claim="outputs-pvc", sub_path=f"runs/{row.sub_path}")
    assert launch.env["POLYAXON_RUN_OUTPUTS_PATH"] == path
    assert launch.env["POLYAXON_SERVICE_HOST"] == "0.0.0.0"
    assert launch.env["JUPYTER_TOKEN"] == service_token(row.uuid)
    assert launch.env["JUPYTER_TOKEN"] not in launch.command
    token = tokens.find(launch.env["POLYAXON_SECRET_USER_TOKEN"])
    assert token is not None
    assert token.run == row.uuid
    made = objects(launch, cluster_settings(settings.CONFIG))
    assert [each["kind"] for each in made] == ["Secret", "Service", "Pod"]
    container = made[-1]["spec"]["containers"][0]
    assert container["readinessProbe"]["httpGet"] == {"path": f"{row.proxy_path}api", "port": 8888}
    assert launch.env["JUPYTER_TOKEN"] not in json.dumps(made[-1])


@pytest.mark.parametrize("backend", ["notebook", "lab"])
def test_which_program_a_notebook_is(backend: str) -> None:
    row = make_notebook(make_project(), content=json.dumps({**NOTEBOOK_FILE, "backend": backend}))
    row.attempt = 1
    assert f"\nexec jupyter-{backend} " in launches.launch_spec(row, "key").command


def test_a_tensorboard_reads_its_projects_outputs_and_writes_nowhere() -> None:
    run = experiment()
    row = make_tensorboard(run.project, experiment=run)
    row.attempt = 1
    launch = launches.launch_spec(row, "key")
    assert launch.cluster is not None
    place = f"{run.project.owner.name}/{run.project.name}"
    assert launch.cluster.outputs == Volume(
        name="main", mount_path=f"/outputs/{place}", claim="outputs-pvc", sub_path=f"runs/{place}", read_only=True
    )
    assert launch.env["POLYAXON_SERVICE_FOLDER"] == f"/outputs/{run.sub_path}"
    assert "--logdir=" in launch.command
    assert not {"POLYAXON_SECRET_USER_TOKEN", "POLYAXON_SERVICE_TOKEN"} & launch.env.keys()
    assert not Token.objects.filter(run=row.uuid).exists()


def test_a_tensorboard_of_an_object_store_gets_a_copy_of_what_it_shows() -> None:
    run = experiment({"artifact_refs": ["minio"]})
    row = make_tensorboard(run.project, experiment=run)
    row.attempt = 1
    launch = launches.launch_spec(row, "key")
    assert launch.cluster is not None
    assert launch.cluster.outputs is None
    [bucket] = launch.cluster.downloads
    assert (bucket.url, bucket.path) == (f"s3://runs/{run.sub_path}", f"/minio/{run.sub_path}")
    assert launch.env["POLYAXON_SERVICE_FOLDER"] == f"/minio/{run.sub_path}"


def test_a_tensorboard_of_a_selection_names_its_experiments() -> None:
    project = make_project()
    first, second = (make_experiment(project) for _ in range(2))
    row = make_tensorboard(project, group=make_selection(project, first, second))
    row.attempt = 1
    launch = launches.launch_spec(row, "key")
    assert "--logdir_spec=" in launch.command
    assert launch.env["POLYAXON_SERVICE_FOLDER"] == (
        f"{first.unique_name}:/outputs/{first.sub_path},{second.unique_name}:/outputs/{second.sub_path}"
    )


BUILD_FILE = {"version": 1, "kind": "build", "image": "python:3.11", "build_steps": ["true"]}


def built(settings: Any, **content: Any) -> Any:
    row = make_build(make_project(), content=json.dumps({**BUILD_FILE, **content}))
    row.attempt = 1
    return row, launches.launch_spec(row, "key").cluster


def test_a_build(settings: Any) -> None:
    row, spec = built(settings, nocache=True)
    assert (spec.kind, spec.build.backend, spec.build.no_cache) == (Kind.BUILD, "native", True)
    assert spec.build.destination == f"127.0.0.1:31813/{row.project.name}_{row.project.pk}:{row.uuid.hex}"
    row.refresh_from_db()
    assert spec.build.dockerfile == row.dockerfile
    assert row.dockerfile.startswith("FROM python:3.11\n")
    assert spec.build.context == "."
    assert spec.outputs is None
    assert launches.launch_spec(row, "key").env == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"context": "../.."}, "build.context: '../..' is not inside of the project's code"),
        ({"context": "/etc"}, "build.context: '/etc' is not inside"),
        (
            {"image": None, "build_steps": None, "dockerfile": "a/../../b"},
            "build.dockerfile: 'a/../../b' is not inside",
        ),
        ({"image": None, "build_steps": None, "dockerfile": "Dockerfile"}, "there is no file 'Dockerfile'"),
    ],
    ids=str,
)
def test_what_no_build_can_do(settings: Any, content: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as error:
        built(settings, **content)
    assert words in str(error.value)


def test_pods_push_where_they_reach_the_registry_and_nodes_pull_where_they_do(settings: Any) -> None:
    kubernetes = settings.CONFIG.kubernetes.model_copy(update={"registry_host": "registry.ml:5000"})
    settings.CONFIG = replace(settings.CONFIG, kubernetes=kubernetes)
    row, spec = built(settings)
    assert spec.build.destination == f"registry.ml:5000/{row.image}"
    run = experiment(build_job=row)
    assert told(run).image == f"127.0.0.1:31813/{row.image}"


def test_without_a_registry_no_image_is_built(settings: Any) -> None:
    kubernetes = settings.CONFIG.kubernetes.model_copy(update={"registry_localhost": ""})
    settings.CONFIG = replace(settings.CONFIG, kubernetes=kubernetes)
    with pytest.raises(InvalidInput, match="There is no registry for built images"):
        built(settings)
