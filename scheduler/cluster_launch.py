"""From a run's rows to what the cluster needs of it: image, replicas, stores, code. Reads rows, changes none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

from django.conf import settings

from polyaxon import options
from polyaxon.db.models import Experiment, Job, K8SConfigMap, K8SSecret, RegistryAccess
from polyaxon.errors import InvalidInput
from polyaxon.security import code_tokens
from polyaxon.settings.config import StoreDefinition
from polyaxon_schemas import Rendered
from polyaxon_schemas.resources import amounts
from scheduler.runners.kubernetes.spec import (
    MASTER,
    Backend,
    Bucket,
    ClusterSpec,
    Code,
    Kind,
    Placement,
    Reference,
    Replica,
    Volume,
)
from scheduler.runners.kubernetes.ssh import new_key

Run = Experiment | Job

_SCHEMES = {"s3": "s3", "gcs": "gs", "azure": "wasbs"}
_SSH_FRAMEWORKS = frozenset({"horovod", "mpi"})


def cluster_spec(run: Run, rendered: Rendered, labels: dict[str, str], api_url: str) -> ClusterSpec:
    """What the pods of a run are made of. Raises `InvalidInput` for names that mean nothing here."""
    framework = rendered.framework if isinstance(run, Experiment) else None
    backend = _backend(run)
    replicas = tuple(_replicas(run, rendered))
    image, is_built = _image(run, rendered)
    return ClusterSpec(
        kind=Kind.EXPERIMENT if isinstance(run, Experiment) else Kind.JOB,
        image=image,
        labels=labels,
        framework=framework,
        backend=backend,
        replicas=replicas,
        outputs=_outputs(run, rendered),
        volumes=tuple(each for each in _data(rendered) if isinstance(each, Volume)),
        downloads=tuple(each for each in _data(rendered) if isinstance(each, Bucket)),
        code=None if is_built else _code(run, api_url),
        has_code_in_image=is_built,
        timeout=getattr(run, "timeout", None),
        ttl=run.ttl,
        ssh=new_key() if framework in _SSH_FRAMEWORKS and len(replicas) > 1 else None,
    )


def outputs_path(run: Run, rendered: Rendered) -> str:
    """Where the run finds its outputs folder."""
    place = _outputs(run, rendered)
    return place.mount_path if isinstance(place, Volume) else place.path


def data_paths(rendered: Rendered) -> dict[str, str]:
    """Folder of each data store by name."""
    return {each.name: each.mount_path if isinstance(each, Volume) else each.path for each in _data(rendered)}


# -- image and code --


def _image(run: Run, rendered: Rendered) -> tuple[str | None, bool]:
    """The image, and whether it is one that we built, with the code in it."""
    if run.build_job is not None:
        return f"{_registry()}/{run.build_job.image}", True
    return getattr(rendered.build, "image", None), False


def _registry() -> str:
    chosen = options.value("ACCESS:REGISTRY")
    entry = RegistryAccess.objects.filter(pk=chosen, deleted=False).first() if chosen else None
    host = entry.host if entry else settings.CONFIG.kubernetes.registry_localhost
    if not host:
        raise InvalidInput(
            "There is no registry to pull the built image from. Set POLYAXON_REGISTRY_LOCALHOST, or the option "
            "ACCESS:REGISTRY to an entry of the registry catalog."
        )
    return str(host).rstrip("/")


def _code(run: Run, api_url: str) -> Code | None:
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


def _placement(run: Run, environment: Any) -> Placement:
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


def _key(run: Run, option: str) -> str:
    return f"{option}:{'EXPERIMENTS' if isinstance(run, Experiment) else 'JOBS'}"


def _default_resources(run: Run) -> dict[str, dict[str, float]]:
    found = options.value(_key(run, "K8S_RESOURCES"), owner=run.project.owner) or {}
    return {kind: bounds for kind, bounds in found.items() if isinstance(bounds, dict)}


def _variables(run: Run, environment: Any) -> dict[str, str]:
    pairs = options.value(_key(run, "ENV_VARS"), owner=run.project.owner) or []
    own = getattr(environment, "env_vars", None) or {}
    return {**{str(name): str(value) for name, value in pairs}, **{str(k): str(v) for k, v in dict(own).items()}}


def _references(model: type[K8SSecret | K8SConfigMap], wanted: list[str] | None, what: str) -> tuple[Reference, ...]:
    """Entries of the catalog by name."""
    rows = {row.name: row for row in model._base_manager.filter(name__in=wanted or (), deleted=False)}
    for name in wanted or ():
        if name not in rows:
            raise InvalidInput(
                f"environment: the catalog has no {what} called {name!r}. Ask an administrator to add it."
            )
    return tuple(Reference(name=rows[name].k8s_ref, items=tuple(rows[name].items or ())) for name in wanted or ())


# -- stores --


def _outputs(run: Run, rendered: Rendered) -> Volume | Bucket:
    stores = settings.CONFIG.kubernetes.persistence_outputs
    wanted = getattr(rendered.environment, "artifact_refs", None) or list(stores)[:1]
    if not wanted or wanted[0] not in stores:
        known = ", ".join(stores) or "none"
        raise InvalidInput(
            f"environment.artifact_refs: there is no outputs store {(wanted or ['?'])[0]!r}; known: {known}."
        )
    return _store(wanted[0], stores[wanted[0]], run.outputs_owner.sub_path)


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
