"""Launches of every kind, with everything in them that a person may ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from scheduler.runners.base import LaunchSpec
from scheduler.runners.kubernetes.spec import (
    PS,
    SERVER,
    WORKER,
    Backend,
    Bucket,
    Build,
    ClusterSettings,
    ClusterSpec,
    Code,
    Kind,
    Placement,
    Reference,
    Replica,
    SshKey,
    Volume,
)

RUN = "0123456789abcdef0123456789abcdef"
SETTINGS = ClusterSettings(
    namespace="ml",
    version="0.7.0",
    default_image="python:3.11",
    helper_image="registry.example.com/polyaxon-helper:0.7.0",
    service_accounts={"build": "polyaxon-builds"},
    api_url="http://polyaxon-api.ml:80",
)
ENV = {
    "POLYAXON_SECRET_USER_TOKEN": "secret-token",
    "POLYAXON_RUN_OUTPUTS_PATH": "/outputs/ada/mnist/experiments/7",
    "POLYAXON_PARAMS": '{"lr": 0.1}',
}
LABELS = {
    "project_name": "ada.mnist",
    "project_uuid": "f" * 32,
    "experiment_name": "ada.mnist.7",
    "experiment_uuid": RUN,
}
_JOB = {"project_name": "ada.mnist", "job_name": "ada.mnist.jobs.3"}
PLACE = "ada/mnist/experiments/7"
OUTPUTS = Volume(
    name="outputs",
    mount_path=f"/outputs/{PLACE}",
    claim="outputs-pvc",
    sub_path=PLACE,
)
CODE = Code(url="http://polyaxon-api.ml:80/api/v1/ada/mnist/repo/download?commit=" + "a" * 40, token="code-only")
SSH = SshKey(private="-----BEGIN OPENSSH PRIVATE KEY-----\n…\n", public="ssh-ed25519 AAAA polyaxon")
GPU = Placement(resources={"gpu": {"limits": 2.0}})
RICH = Placement(
    resources={
        "cpu": {"requests": 0.5, "limits": 2.0},
        "memory": {"requests": 512.0, "limits": 1536.5},
        "gpu": {"limits": 1.0},
    },
    labels={"team": "vision", "app": "no-chance"},
    annotations={"example.com/note": "hello"},
    env={"OMP_NUM_THREADS": "2", "PRICE": "$(HOME) $5", "POLYAXON_PARAMS": "no chance"},
    node_selector={"accelerator": "a100"},
    affinity={
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]
            }
        }
    },
    tolerations=({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},),
    security_context={"runAsUser": 1000, "fsGroup": 1000},
    service_account="trainer",
    image_pull_secrets=("regcred",),
    secrets=(Reference(name="wandb"), Reference(name="aws", items=("AWS_ACCESS_KEY_ID",))),
    config_maps=(Reference(name="flags"), Reference(name="tuning", items=("MODE",))),
)


def launch(command: str = "python train.py --lr=0.1", **cluster: Any) -> LaunchSpec:
    """A launch of attempt 1."""
    given = {"image": "registry.example.com/ada/mnist:1", "labels": LABELS, "outputs": OUTPUTS, **cluster}
    path = given["outputs"]
    place = path.mount_path if isinstance(path, Volume) else path.path
    spec = ClusterSpec(**given)
    return LaunchSpec(RUN, 1, command, ENV, None, None, Path("/logs/7"), Path(place), spec)


def workers(number: int, role: str = WORKER, place: Placement | None = None) -> tuple[Replica, ...]:
    return tuple(Replica(role=role, index=index, place=place or Placement()) for index in range(number))


def distributed(framework: str, *others: Replica, place: Placement | None = None, **more: Any) -> LaunchSpec:
    replicas = (Replica(place=place or Placement()), *others)
    return launch(framework=framework, replicas=replicas, code=CODE, **more)


def _bucket(scheme: str) -> LaunchSpec:
    urls = {"s3": "s3://runs/ada", "gcs": "gs://runs/ada", "azure": "wasbs://runs@acme.blob.core.windows.net/ada"}
    outputs = Bucket(
        name=scheme, url=f"{urls[scheme]}/mnist/experiments/7", path="/outputs/7", secret="store", secret_key="key.json"
    )
    data = Bucket(name="images", url="s3://data/images", path="/data/images")
    return launch(outputs=outputs, downloads=(data,), code=CODE)


def _cluster(made: LaunchSpec) -> ClusterSpec:
    assert made.cluster is not None
    return made.cluster


def _of_plugin(kind: Kind, port: int, path: str, command: str) -> LaunchSpec:
    return launch(command, kind=kind, port=port, ready_path=path, labels=_JOB)


BUILD = Build(
    backend="native",
    destination="registry.example.com/mnist_1:42",
    dockerfile="FROM python:3.11\nCOPY . /code\n",
    context="sub dir",
    is_insecure=True,
    registry_secret="regcred",
)

LAUNCHES: dict[str, LaunchSpec] = {
    "experiment": launch(code=CODE),
    "experiment-default-image": LaunchSpec(RUN, 1, "echo $(date) $$", {}, None, None, Path("/l"), Path("/outputs/x")),
    "experiment-everything": launch(
        replicas=(Replica(place=RICH),),
        code=CODE,
        timeout=3600,
        volumes=(
            Volume(name="data", mount_path="/data", host_path="/mnt/data", read_only=True),
            Volume(name="outputs", mount_path="/outputs/ada/mnist/experiments/5", claim="outputs-pvc",
                   sub_path="ada/mnist/experiments/5", read_only=True),
        ),
    ),
    "experiment-reads-and-copies": launch(
        reads=(
            Volume(name="outputs", mount_path="/outputs/ada/mnist/experiments/5", claim="outputs-pvc",
                   sub_path="ada/mnist/experiments/5", read_only=True),
            Volume(name="old", mount_path="/old/ada/mnist/jobs/2", claim="old-pvc", sub_path="ada/mnist/jobs/2",
                   read_only=True),
        ),
        copied=Volume(name="old", mount_path="/old/ada/mnist/experiments/3", claim="old-pvc",
                      sub_path="ada/mnist/experiments/3"),
    ),
    "experiment-s3-copies": replace(
        _bucket("s3"),
        cluster=replace(_cluster(_bucket("s3")), copied=Bucket(
            name="s3", url="s3://runs/ada/mnist/experiments/3", path="/outputs/3", secret="store",
            secret_key="key.json",
        )),
    ),
    "experiment-second-attempt": replace(launch(), attempt=2),
    "experiment-image-with-code": launch(has_code_in_image=True),
    "experiment-tpu": launch(replicas=(Replica(place=Placement(resources={"tpu": {"limits": 8.0}})),)),
    "experiment-s3": _bucket("s3"),
    "experiment-gcs": _bucket("gcs"),
    "experiment-azure": _bucket("azure"),
    "tensorflow": distributed("tensorflow", *workers(2), *workers(1, PS)),
    "pytorch": distributed("pytorch", *workers(2, place=GPU), place=GPU),
    "mxnet": distributed("mxnet", *workers(2), *workers(2, SERVER)),
    "horovod": distributed("horovod", *workers(2, place=GPU), place=GPU, ssh=SSH),
    "mpi": distributed("mpi", *workers(1), ssh=SSH),
    "kubeflow-tfjob": distributed(
        "tensorflow", *workers(2), *workers(1, PS), backend=Backend.KUBEFLOW, timeout=60, ttl=300
    ),
    "kubeflow-pytorchjob": distributed("pytorch", *workers(3, place=GPU), place=RICH, backend=Backend.KUBEFLOW),
    "kubeflow-mpijob": launch(framework="horovod", backend=Backend.MPI, replicas=workers(2, place=GPU), code=CODE),
    "kubeflow-trainjob": launch(
        framework="pytorch", backend=Backend.TRAINER, replicas=(Replica(place=RICH), *workers(1, place=RICH)),
        has_code_in_image=True,
    ),
    "job": launch("bash clean.sh", kind=Kind.JOB, labels=_JOB, code=CODE),
    "notebook": _of_plugin(Kind.NOTEBOOK, 8888, "/notebook/ada/mnist/api/status", "jupyter lab --ip=0.0.0.0"),
    "tensorboard": _of_plugin(Kind.TENSORBOARD, 6006, "/tensorboard/ada/mnist/", "tensorboard --logdir=/outputs"),
    "build": launch("", kind=Kind.BUILD, labels=_JOB, code=CODE, build=BUILD),
    "build-kaniko": launch("", kind=Kind.BUILD, labels=_JOB, code=CODE, build=replace(BUILD, backend="kaniko")),
}  # fmt: skip
