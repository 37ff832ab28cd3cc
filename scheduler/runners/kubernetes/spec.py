"""What the builders of manifests are told: plain values, no rows, no client library."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """What is run."""

    EXPERIMENT = "experiment"
    JOB = "job"
    BUILD = "build"
    NOTEBOOK = "notebook"
    TENSORBOARD = "tensorboard"


class Backend(StrEnum):
    """Who makes the pods of an experiment."""

    NATIVE = "native"  # we do
    KUBEFLOW = "kubeflow"  # the training operator: TFJob, PyTorchJob
    MPI = "mpi"  # the MPI operator: MPIJob
    TRAINER = "trainer"  # Kubeflow Trainer: TrainJob


MASTER = "master"
WORKER = "worker"
PS = "ps"  # parameter servers; MXNet calls them servers
SERVER = "server"

# ClusterTrainingRuntime by framework, as Kubeflow Trainer installs them.
TRAINER_RUNTIMES = {"pytorch": "torch-distributed", "mpi": "mpi-distributed", "horovod": "mpi-distributed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A secret or config map of the namespace; `items` are the keys that are meant, none means all."""

    name: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What one replica asks of the cluster. None is the cluster's default."""

    # `{"cpu": {"requests": 1.0, "limits": 2.0}, …}`: cores, MiB, devices; set keys only.
    resources: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] | None = None
    affinity: Mapping[str, Any] | None = None
    tolerations: tuple[Mapping[str, Any], ...] = ()
    security_context: Mapping[str, Any] | None = None
    service_account: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    secrets: tuple[Reference, ...] = ()
    config_maps: tuple[Reference, ...] = ()

    @property
    def gpus(self) -> int:
        """GPUs that the replica gets."""
        bounds = self.resources.get("gpu", {})
        return int(bounds.get("limits", bounds.get("requests", 0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One process of a run."""

    role: str = MASTER
    index: int = 0
    place: Placement = field(default_factory=Placement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A folder of a volume claim or of the nodes, as a run sees it; with neither, one that ends with the pod."""

    name: str
    mount_path: str
    claim: str | None = None
    host_path: str | None = None
    sub_path: str | None = None  # folder of the volume that is mounted: a run sees no other run's
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A place in an object store, and where a run finds its copy."""

    name: str
    url: str  # s3://bucket/prefix, gs://…, wasbs://container@account.blob.core.windows.net/prefix
    path: str  # folder in the pod
    secret: str | None = None  # secret with the credentials as JSON, under `secret_key`
    secret_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Where the code of a run is fetched from, before it starts."""

    url: str  # of an archive, tar.gz
    token: str = field(repr=False)  # good for that archive only


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKey:
    """What replicas of one run log in to each other with (MPI, Horovod)."""

    private: str = field(repr=False)  # OpenSSH's text form
    public: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """An image to be made. Its context is the code of the run."""

    backend: str  # native (buildah, without a daemon) or kaniko
    destination: str  # host/name:tag
    dockerfile: str
    context: str = "."  # folder of the code
    is_insecure: bool = False  # a registry without TLS
    no_cache: bool = False
    registry_secret: str | None = None  # of type dockerconfigjson


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """What the cluster back-end needs beyond a `LaunchSpec`."""

    kind: Kind = Kind.EXPERIMENT
    image: str | None = None  # None: the cluster's default image
    image_pull_policy: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)  # names and uuids of run, project, group
    framework: str | None = None
    backend: Backend = Backend.NATIVE
    replicas: tuple[Replica, ...] = (Replica(),)
    outputs: Volume | Bucket | None = None  # None: a folder that ends with the pod
    volumes: tuple[Volume, ...] = ()  # data
    reads: tuple[Volume, ...] = ()  # outputs of other runs, which are made if they are missing
    downloads: tuple[Bucket, ...] = ()  # both of them from object stores
    copied: Volume | Bucket | None = None  # outputs of another run that its own begin with
    code: Code | None = None
    has_code_in_image: bool = False  # built by us, with the code at its working folder
    timeout: int | None = None  # seconds
    ttl: int | None = None  # seconds that a finished custom resource is kept
    port: int | None = None  # of a notebook or tensorboard
    ready_path: str = "/"
    ssh: SshKey | None = None
    build: Build | None = None

    @property
    def is_distributed(self) -> bool:
        """Whether replicas talk to each other."""
        return len(self.replicas) > 1

    def count(self, role: str) -> int:
        """Replicas of a role."""
        return sum(replica.role == role for replica in self.replicas)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """What all runs of an installation have in common."""

    namespace: str = "polyaxon"
    version: str = ""
    default_image: str = ""
    helper_image: str = ""
    helper_pull_policy: str = "IfNotPresent"
    buildah_image: str = "quay.io/buildah/stable:v1.41"
    kaniko_image: str = "gcr.io/kaniko-project/executor:v1.24.0"
    gpu_resource: str = "nvidia.com/gpu"
    tpu_resource: str = "cloud-tpus.google.com/v2"
    tpu_tensorflow: str = "1.12"
    user: int = 2222
    group: int = 2222
    service_accounts: Mapping[str, str] = field(default_factory=dict)  # by kind
    trainer_runtimes: Mapping[str, str] = field(default_factory=lambda: dict(TRAINER_RUNTIMES))
    grace: int = 10  # seconds between SIGTERM and SIGKILL
    upload_grace: int = 600  # seconds that copying outputs to an object store may take after the end
    api_url: str = ""
