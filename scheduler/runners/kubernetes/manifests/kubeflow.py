"""Custom resources of Kubeflow: its operators make the pods, of our templates.

TFJob and PyTorchJob: training operator v1, `kubeflow.org/v1`. MPIJob: MPI operator, `kubeflow.org/v2beta1`.
TrainJob: Kubeflow Trainer, `trainer.kubeflow.org/v1alpha1`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon.pods import labels
from scheduler.runners.base import LaunchRefused
from scheduler.runners.kubernetes.manifests import commands, containers, environment, names, pods, volumes
from scheduler.runners.kubernetes.spec import MASTER, PS, WORKER, Backend, Placement, Replica

if TYPE_CHECKING:
    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.spec import ClusterSettings

# Framework: kind, key of the replicas, name that the operator wants the container to have, role by ours.
_TRAINING = {
    "tensorflow": ("TFJob", "tfReplicaSpecs", "tensorflow", {MASTER: "Chief", WORKER: "Worker", PS: "PS"}),
    "pytorch": ("PyTorchJob", "pytorchReplicaSpecs", "pytorch", {MASTER: "Master", WORKER: "Worker"}),
}
LAUNCHER = "launcher"
KINDS = {
    "TFJob": ("kubeflow.org", "v1", "tfjobs"),
    "PyTorchJob": ("kubeflow.org", "v1", "pytorchjobs"),
    "MPIJob": ("kubeflow.org", "v2beta1", "mpijobs"),
    "TrainJob": ("trainer.kubeflow.org", "v1alpha1", "trainjobs"),
}


def custom_resource(launch: LaunchSpec, settings: ClusterSettings) -> dict[str, Any]:
    """The one object of an experiment that an operator runs."""
    backend = names.cluster(launch).backend
    if backend is Backend.TRAINER:
        return _train_job(launch, settings)
    return _mpi_job(launch, settings) if backend is Backend.MPI else _training_job(launch, settings)


def _resource(launch: LaunchSpec, settings: ClusterSettings, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    group, version, _ = KINDS[kind]
    return {
        "apiVersion": f"{group}/{version}",
        "kind": kind,
        "metadata": names.metadata(launch, names.base_of(launch), settings),
        "spec": spec,
    }


def _run_policy(launch: LaunchSpec) -> dict[str, Any]:
    """Nothing is tried again behind our back: a next attempt is ours to start."""
    spec = names.cluster(launch)
    policy: dict[str, Any] = {"cleanPodPolicy": "Running", "backoffLimit": 0}
    if spec.timeout is not None:
        policy["activeDeadlineSeconds"] = spec.timeout + pods.START_ROOM
    if spec.ttl is not None:
        policy["ttlSecondsAfterFinished"] = spec.ttl
    return policy


def _replica_spec(
    launch: LaunchSpec, settings: ClusterSettings, replica: Replica, count: int, container: str | None
) -> dict[str, Any]:
    made = pods.template(launch, settings, replica, None)
    if container:
        made["spec"]["containers"][0]["name"] = container
        made["metadata"]["annotations"][labels.MAIN_CONTAINER] = container
    return {"replicas": count, "restartPolicy": "Never", "template": made}


def _training_job(launch: LaunchSpec, settings: ClusterSettings) -> dict[str, Any]:
    spec = names.cluster(launch)
    if spec.framework not in _TRAINING:
        known = ", ".join(_TRAINING)
        raise LaunchRefused(f"backend kubeflow: framework must be one of {known}, found {spec.framework or 'none'}")
    kind, key, container, roles = _TRAINING[spec.framework]
    specs = {
        roles[role]: _replica_spec(launch, settings, first, count, container)
        for role, (first, count) in _by_role(launch).items()
    }
    return _resource(launch, settings, kind, {"runPolicy": _run_policy(launch), key: specs})


def _by_role(launch: LaunchSpec) -> dict[str, tuple[Replica, int]]:
    """The first replica of each role, after which the others are made, and how many there are."""
    found: dict[str, tuple[Replica, int]] = {}
    for replica in names.cluster(launch).replicas:
        first, count = found.get(replica.role, (replica, 0))
        found[replica.role] = (first, count + 1)
    return found


def _mpi_job(launch: LaunchSpec, settings: ClusterSettings) -> dict[str, Any]:
    workers = [each for each in names.cluster(launch).replicas if each.role == WORKER]
    if not workers:
        raise LaunchRefused("backend mpi: environment.replicas.n_workers must be at least 1")
    launcher = Replica(role=LAUNCHER, place=_without_devices(workers[0].place))
    specs = {
        "Launcher": _replica_spec(launch, settings, launcher, 1, None),
        "Worker": _replica_spec(launch, settings, workers[0], len(workers), None),
    }
    policy = _run_policy(launch)
    return _resource(
        launch,
        settings,
        "MPIJob",
        {
            "slotsPerWorker": max(workers[0].place.gpus, 1),
            "sshAuthMountPath": commands.SSH_PATH,
            "launcherCreationPolicy": "WaitForWorkersReady",
            "runPolicy": policy,
            "mpiReplicaSpecs": specs,
        },
    )


def _without_devices(place: Placement) -> Placement:
    """The launcher computes nothing."""
    return Placement(
        labels=place.labels,
        annotations=place.annotations,
        env=place.env,
        node_selector=place.node_selector,
        affinity=place.affinity,
        tolerations=place.tolerations,
        security_context=place.security_context,
        service_account=place.service_account,
        image_pull_secrets=place.image_pull_secrets,
        secrets=place.secrets,
        config_maps=place.config_maps,
    )


def _train_job(launch: LaunchSpec, settings: ClusterSettings) -> dict[str, Any]:
    """Our command, variables and volumes are put into the pods that the runtime of the framework describes.

    A TrainJob cannot add containers to them, so nothing can be fetched before the start or stored after the end.
    """
    spec = names.cluster(launch)
    if spec.code is not None or any(volumes.buckets(launch)):
        raise LaunchRefused(
            "backend trainer: its pods can be given no containers that fetch code or data; "
            "build an image with the code (section build), and use volumes as stores"
        )
    runtime = settings.trainer_runtimes.get(spec.framework or "")
    if runtime is None:
        known = ", ".join(settings.trainer_runtimes)
        raise LaunchRefused(f"backend trainer: framework must be one of {known}, found {spec.framework or 'none'}")
    replica = Replica(role="node", place=spec.replicas[-1].place)  # with workers, what those ask for
    made = pods.template(launch, settings, replica, None)
    main = made["spec"]["containers"][0]
    made["metadata"]["annotations"][labels.MAIN_CONTAINER] = "node"
    return _resource(
        launch,
        settings,
        "TrainJob",
        {
            "runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "ClusterTrainingRuntime", "name": runtime},
            "labels": made["metadata"]["labels"],
            "annotations": made["metadata"]["annotations"],
            "trainer": _trainer(launch, main, replica),
            "podTemplateOverrides": [_overrides(made)],
        },
    )


def _trainer(launch: LaunchSpec, main: dict[str, Any], replica: Replica) -> dict[str, Any]:
    secret = containers.secret_name(launch)
    found = {
        "image": main["image"],
        "command": main["command"],
        # Whole secrets cannot be taken over here, only keys of them.
        "env": [*main["env"], *(environment.from_key(name, secret, name) for name in launch.env)],
        "numNodes": len(names.cluster(launch).replicas),
        "numProcPerNode": max(replica.place.gpus, 1),
    }
    return found | ({"resourcesPerNode": main["resources"]} if "resources" in main else {})


_OVERRIDABLE = ("serviceAccountName", "nodeSelector", "affinity", "tolerations", "imagePullSecrets", "volumes")


def _overrides(made: dict[str, Any]) -> dict[str, Any]:
    """What a TrainJob may say of its pods."""
    pod, main = made["spec"], made["spec"]["containers"][0]
    spec: dict[str, Any] = {key: pod[key] for key in _OVERRIDABLE if key in pod}
    spec["containers"] = [{"name": "node", "volumeMounts": main["volumeMounts"]}]
    return {"targetJobs": [{"name": "node"}], "metadata": {"labels": made["metadata"]["labels"]}, "spec": spec}
