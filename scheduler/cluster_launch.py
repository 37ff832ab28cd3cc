"""From a run's rows to what the cluster needs of it: image, replicas, stores, code. Reads rows, changes none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from django.conf import settings

from polyaxon import options
from polyaxon.db.models import (
    BuildJob,
    Experiment,
    ExperimentGroup,
    Job,
    K8SConfigMap,
    K8SSecret,
    NotebookJob,
    TensorboardJob,
)
from polyaxon.db.models.abstract import Runnable
from polyaxon.errors import InvalidInput
from polyaxon.security import code_tokens
from polyaxon.settings.config import StoreDefinition
from polyaxon_schemas import Rendered, parse
from polyaxon_schemas.resources import amounts
from scheduler.builds.registries import registry
from scheduler.runners.kubernetes.spec import (
    MASTER,
    Backend,
    Bucket,
    Build,
    ClusterSpec,
    Code,
    Kind,
    Placement,
    Reference,
    Replica,
    Volume,
)
from scheduler.runners.kubernetes.ssh import new_key

if TYPE_CHECKING:
    from scheduler.runners.base import Service

Run = Experiment | Job
Plugin = NotebookJob | TensorboardJob

# What pods of a kind are, and the end of the names of the options that go for them.
_KINDS: dict[type[Runnable], tuple[Kind, str]] = {
    Experiment: (Kind.EXPERIMENT, "EXPERIMENTS"),
    Job: (Kind.JOB, "JOBS"),
    BuildJob: (Kind.BUILD, "BUILD_JOBS"),
    NotebookJob: (Kind.NOTEBOOK, "NOTEBOOKS"),
    TensorboardJob: (Kind.TENSORBOARD, "TENSORBOARDS"),
}

_SCHEMES = {"s3": "s3", "gcs": "gs", "azure": "wasbs"}
_SSH_FRAMEWORKS = frozenset({"horovod", "mpi"})


def cluster_spec(run: Run, rendered: Rendered, labels: dict[str, str], api_url: str) -> ClusterSpec:
    """What the pods of a run are made of. Raises `InvalidInput` for names that mean nothing here."""
    framework = rendered.framework if isinstance(run, Experiment) else None
    backend = _backend(run)
    replicas = tuple(_replicas(run, rendered))
    image, is_built = _image(run, rendered)
    return ClusterSpec(
        kind=_KINDS[type(run)][0],
        image=image,
        labels=labels,
        framework=framework,
        backend=backend,
        replicas=replicas,
        outputs=_outputs(rendered, run.outputs_owner.sub_path),
        volumes=tuple(each for each in _data(rendered) if isinstance(each, Volume)),
        downloads=tuple(each for each in _data(rendered) if isinstance(each, Bucket)),
        copied=_copied(run),
        code=None if is_built else _code(run, api_url),
        has_code_in_image=is_built,
        timeout=getattr(run, "timeout", None),
        ttl=run.ttl,
        ssh=new_key() if framework in _SSH_FRAMEWORKS and len(replicas) > 1 else None,
    )


def notebook_spec(
    run: NotebookJob, rendered: Rendered, labels: dict[str, str], api_url: str, service: Service
) -> ClusterSpec:
    """The pod of a notebook: outputs and data as for a run."""
    image, is_built = _image(run, rendered)
    return ClusterSpec(
        kind=Kind.NOTEBOOK,
        image=image,
        labels=labels,
        replicas=(Replica(place=_placement(run, rendered.environment)),),
        outputs=_outputs(rendered, run.sub_path),
        volumes=tuple(each for each in _data(rendered) if isinstance(each, Volume)),
        downloads=tuple(each for each in _data(rendered) if isinstance(each, Bucket)),
        code=None if is_built else _code(run, api_url),
        has_code_in_image=is_built,
        port=service.port,
        ready_path=service.ready_path,
    )


def build_spec(run: BuildJob, rendered: Rendered, labels: dict[str, str], api_url: str, build: Build) -> ClusterSpec:
    """The pod of a build. It sees no store, and no secrets but those that its file names."""
    return ClusterSpec(
        kind=Kind.BUILD,
        labels=labels,
        replicas=(Replica(place=_placement(run, rendered.environment)),),
        code=_code(run, api_url),
        timeout=run.timeout,
        build=build,
    )


def tensorboard_spec(
    run: TensorboardJob, rendered: Rendered, labels: dict[str, str], service: Service, places: list[str]
) -> tuple[ClusterSpec, str]:
    """The pod of a tensorboard, and where in it the places of the outputs store begin.

    Of a volume it sees its project's outputs, and cannot write. What is in an object store is copied once, at its
    start.
    """
    name, definition = _outputs_store(_asks_for(run.experiment or run.experiment_group))
    project = f"{run.project.owner.name}/{run.project.name}"
    outputs = _store(name, definition, project)
    downloads: tuple[Bucket, ...] = ()
    if isinstance(outputs, Bucket):
        found = (_store(name, definition, place) for place in places)
        downloads = tuple(
            replace(each, name=f"{name}-{number}") for number, each in enumerate(found) if isinstance(each, Bucket)
        )
    spec = ClusterSpec(
        kind=Kind.TENSORBOARD,
        image=_image(run, rendered)[0],
        labels=labels,
        replicas=(Replica(place=_placement(run, rendered.environment)),),
        outputs=replace(outputs, read_only=True) if isinstance(outputs, Volume) else None,
        downloads=downloads,
        port=service.port,
        ready_path=service.ready_path,
    )
    return spec, definition.get("mountPath") or f"/{name}"


def outputs_of(run: Run) -> Volume | Bucket:
    """The outputs of a run, as another sees them. Raises `InvalidInput` if their store is no more."""
    name, definition = _outputs_store(_asks_for(run))
    return _store(name, definition, run.outputs_owner.sub_path)


def _copied(run: Run) -> Volume | Bucket | None:
    """Made in the pod, which may read and write where the platform may not."""
    original = getattr(run, "original_experiment", None)
    return outputs_of(original) if run.cloning_strategy == "copy" and original is not None else None


def _asks_for(shown: Run | ExperimentGroup | None) -> list[str] | None:
    """Outputs stores that the file of what is shown names."""
    if shown is None or not shown.content:
        return None
    return getattr(parse(shown.content, kind=_kind_of_file(shown)).environment, "artifact_refs", None)


def _kind_of_file(shown: Run | ExperimentGroup) -> str:
    if isinstance(shown, Job):
        return "job"
    return "experiment" if isinstance(shown, Experiment) or shown.hptuning is None else "group"


def outputs_path(run: Run | NotebookJob, rendered: Rendered) -> str:
    """Where the run finds its outputs folder."""
    place = _outputs(rendered, run.sub_path if isinstance(run, NotebookJob) else run.outputs_owner.sub_path)
    return place.mount_path if isinstance(place, Volume) else place.path


def data_paths(rendered: Rendered) -> dict[str, str]:
    """Folder of each data store by name."""
    return {each.name: each.mount_path if isinstance(each, Volume) else each.path for each in _data(rendered)}


# -- image and code --


def _image(run: Run | Plugin, rendered: Rendered) -> tuple[str | None, bool]:
    """The image, and whether it is one that we built, with the code in it."""
    if run.build_job is not None:
        return f"{registry().pull_host}/{run.build_job.image}", True
    return getattr(rendered.build, "image", None), False


def _code(run: Runnable, api_url: str) -> Code | None:
    reference = run.code_reference
    if reference is None or not reference.commit or (reference.repo_id is None and reference.external_repo_id is None):
        return None
    project = run.project
    place = f"{project.owner.name}/{project.name}/repo/download?commit={reference.commit}"
    return Code(url=f"{api_url}/api/v1/{place}", token=code_tokens.issue(run))


# -- replicas --


def _backend(run: Run) -> Backend:
    if not isinstance(run, Experiment) or run.backend not in {"kubeflow", "mpi"}:
        return Backend.NATIVE
    is_trainer = settings.CONFIG.kubernetes.k8s_kubeflow_api == "trainer"
    return Backend.TRAINER if is_trainer else Backend(run.backend)


def _replicas(run: Run, rendered: Rendered) -> Iterator[Replica]:
    """As the file means them; a job has one process whatever it says."""
    if not isinstance(run, Experiment):
        yield Replica(role=MASTER, place=_placement(run, rendered.environment))
        return
    for each in rendered.replicas:
        place = _placement(run, _with_access(each.environment, rendered.environment))
        yield Replica(role=each.role, index=each.index, place=place)


# What the command and its image need wherever they run: what a replica leaves out is the whole run's.
_ACCESS = ("image_pull_secrets", "service_account", "secret_refs", "config_map_refs", "security_context")


def _with_access(own: Any, whole: Any) -> Any:
    if own is whole or whole is None:
        return own
    given = {key: getattr(whole, key) for key in _ACCESS if getattr(own, key, None) is None}
    return own.model_copy(update=given) if own is not None else SimpleNamespace(**given)


def _placement(run: Runnable, environment: Any) -> Placement:
    """What the section says, else what the option of the kind says: nothing is mixed."""

    def said(name: str, option: str) -> Any:
        found = getattr(environment, name, None)
        return found if found is not None else options.value(_key(run, option), owner=run.project.owner)

    return Placement(
        resources=amounts(getattr(environment, "resources", None)) or _default_resources(run),
        labels=getattr(environment, "labels", None) or {},
        annotations=said("annotations", "ANNOTATIONS") or {},
        env=_variables(run, environment),
        node_selector=said("node_selector", "NODE_SELECTORS"),
        affinity=said("affinity", "AFFINITIES"),
        tolerations=tuple(said("tolerations", "TOLERATIONS") or ()),
        security_context=getattr(environment, "security_context", None),
        service_account=_service_account(getattr(environment, "service_account", None)),
        image_pull_secrets=tuple(getattr(environment, "image_pull_secrets", None) or ()),
        secrets=_references(K8SSecret, said("secret_refs", "K8S_SECRETS"), "secret"),
        config_maps=_references(K8SConfigMap, said("config_map_refs", "K8S_CONFIG_MAPS"), "config map"),
    )


def _service_account(wanted: str | None) -> str | None:
    """Pods act in the cluster as their account, and the platform's is there as well: files may not name just any."""
    allowed = settings.CONFIG.kubernetes.k8s_service_accounts_allowed
    if wanted is not None and wanted not in allowed:
        known = ", ".join(allowed) or "none"
        raise InvalidInput(
            f"environment.service_account: {wanted!r} may not be used; allowed: {known} "
            "(POLYAXON_K8S_SERVICE_ACCOUNTS_ALLOWED)."
        )
    return wanted


def _key(run: Runnable, option: str) -> str:
    return f"{option}:{_KINDS[type(run)][1]}"


def _default_resources(run: Runnable) -> dict[str, dict[str, float]]:
    found = options.value(_key(run, "K8S_RESOURCES"), owner=run.project.owner) or {}
    return {kind: bounds for kind, bounds in found.items() if isinstance(bounds, dict)}


def _variables(run: Runnable, environment: Any) -> dict[str, str]:
    pairs = options.value(_key(run, "ENV_VARS"), owner=run.project.owner) or []
    own = getattr(environment, "env_vars", None) or {}
    return {**{str(name): str(value) for name, value in pairs}, **{str(k): str(v) for k, v in dict(own).items()}}


def _references(model: type[K8SSecret | K8SConfigMap], wanted: list[str] | None, what: str) -> tuple[Reference, ...]:
    """Entries of the catalog by name."""
    if not wanted:
        return ()
    rows = {row.name: row for row in model._base_manager.filter(name__in=wanted or (), deleted=False)}
    for name in wanted or ():
        if name not in rows:
            raise InvalidInput(
                f"environment: the catalog has no {what} called {name!r}. Ask an administrator to add it."
            )
    return tuple(Reference(name=rows[name].k8s_ref, items=tuple(rows[name].items or ())) for name in wanted or ())


# -- stores --


def _outputs(rendered: Rendered, place: str) -> Volume | Bucket:
    name, definition = _outputs_store(getattr(rendered.environment, "artifact_refs", None))
    return _store(name, definition, place)


def _outputs_store(asked: list[str] | None) -> tuple[str, StoreDefinition]:
    stores = settings.CONFIG.kubernetes.persistence_outputs
    wanted = asked or list(stores)[:1]
    if not wanted or wanted[0] not in stores:
        known = ", ".join(stores) or "none"
        raise InvalidInput(
            f"environment.artifact_refs: there is no outputs store {(wanted or ['?'])[0]!r}; known: {known}."
        )
    return wanted[0], stores[wanted[0]]


def _data(rendered: Rendered) -> Iterator[Volume | Bucket]:
    stores = settings.CONFIG.kubernetes.persistence_data
    wanted = getattr(rendered.environment, "data_refs", None)
    for name in stores if wanted is None else wanted:
        if name not in stores:
            known = ", ".join(stores) or "none"
            raise InvalidInput(f"environment.data_refs: there is no data store {name!r}; known: {known}.")
        yield _store(name, stores[name], "")


def _store(name: str, definition: StoreDefinition, place: str) -> Volume | Bucket:
    """A store, or the folder `place` of it."""
    path = definition.get("mountPath") or f"/{name}"
    inside = str(PurePosixPath(path, place))
    if kind := definition.get("store"):
        bucket = definition.get("bucket", "").rstrip("/")
        address = bucket if "://" in bucket else f"{_SCHEMES[kind]}://{bucket}"
        credentials = {"secret": definition.get("secret"), "secret_key": definition.get("secretKey")}
        return Bucket(name=name, url=f"{address}/{place}".rstrip("/"), path=inside, **credentials)
    return Volume(
        name=name,
        mount_path=inside,
        claim=definition.get("existingClaim"),
        host_path=None if definition.get("existingClaim") else definition.get("hostPath") or path,
        sub_path="/".join(part for part in ((definition.get("subPath") or "").strip("/"), place) if part) or None,
        read_only=bool(definition.get("readOnly")),
    )
