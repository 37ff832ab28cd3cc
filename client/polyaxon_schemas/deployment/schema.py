"""The deployment file as a whole, and reading it."""

# ruff: noqa: UP045 - pydantic evaluates annotations, on Python 3.9 too

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional

from pydantic import Field, ValidationError

from polyaxon_schemas.deployment import sections as parts
from polyaxon_schemas.deployment.sections import AnyMap, Count, Section, Tolerations
from polyaxon_schemas.located import plain
from polyaxon_schemas.problems import PolyaxonfileError, Problem, describe, refuse
from polyaxon_schemas.validation import located, problems_of, suggestion
from polyaxon_schemas.yaml_loader import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["TYPES", "Deployment", "load", "unknown_keys"]

TYPES = ("kubernetes", "minikube", "microk8s", "docker-compose", "docker", "heroku")
NAMESPACE = "polyaxon"
MAX_BYTES = 1_000_000


class Deployment(Section):
    """A deployment file, of the shape of the chart's values."""

    deployment_type: Optional[Literal["kubernetes", "minikube", "microk8s", "docker-compose", "docker", "heroku"]] = (
        "kubernetes"
    )
    deployment_version: Optional[str] = None
    cluster_id: Optional[str] = None
    namespace: Optional[str] = NAMESPACE
    polyaxon_secret: Optional[str] = None
    internal_token: Optional[str] = None
    encryption_secret: Optional[str] = None
    time_zone: Optional[str] = None
    environment: Optional[str] = None
    host_name: Optional[str] = None
    repos_access_token: Optional[str] = None
    log_level: Optional[str] = None
    tracker_backend: Optional[str] = None
    password_length: Optional[Count] = None
    global_replicas: Optional[Count] = None
    global_concurrency: Optional[Count] = None
    admin_view_enabled: Optional[bool] = None
    limit_resources: Optional[bool] = None
    debug_mode: Optional[bool] = None
    service_type: Optional[Literal["LoadBalancer", "NodePort", "ClusterIP"]] = None
    broker: Optional[Literal["redis", "rabbitmq"]] = None
    rbac: Optional[parts.Rbac] = None
    ssl: Optional[parts.Ssl] = None
    ingress: Optional[parts.Ingress] = None
    user: Optional[parts.User] = None
    node_selector: Optional[AnyMap] = None
    affinity: Optional[AnyMap] = None
    dirs: Optional[AnyMap] = None
    mount_paths: Optional[AnyMap] = None
    tolerations: Optional[Tolerations] = None
    allowed_hosts: Optional[list[str]] = None
    admin_models: Optional[list[str]] = None
    dns: Optional[Any] = None
    plugins: Optional[Any] = None
    ldap: Optional[Any] = None
    intervals: Optional[parts.Intervals] = None
    email: Optional[parts.Email] = None
    security_context: Optional[parts.SecurityContext] = None
    api: Optional[parts.Api] = None
    streams: Optional[parts.Api] = None
    scheduler: Optional[parts.Worker] = None
    worker: Optional[parts.Worker] = None
    hpsearch: Optional[parts.Worker] = None
    events_handlers: Optional[parts.Worker] = None
    k8s_events_handlers: Optional[parts.Worker] = Field(None, alias="k8sEventsHandlers")
    beat: Optional[parts.Service] = None
    crons: Optional[parts.Service] = None
    tables_hook: Optional[parts.Service] = None
    hooks: Optional[parts.Hooks] = None
    event_monitors: Optional[parts.EventMonitors] = None
    resources_daemon: Optional[parts.ThirdParty] = None
    postgresql: Optional[parts.Postgresql] = None
    redis: Optional[parts.Redis] = None
    rabbitmq_ha: Optional[parts.Rabbitmq] = Field(None, alias="rabbitmq-ha")
    docker_registry: Optional[parts.Registry] = Field(None, alias="docker-registry")
    external_services: Optional[parts.ExternalServices] = None
    persistence: Optional[parts.Persistence] = None
    # What the chart knows and 0.6's tool refused.
    include_chart_revision: Optional[bool] = None
    default_persistence: Optional[AnyMap] = None
    types: Optional[AnyMap] = None
    roles: Optional[AnyMap] = None
    k8s: Optional[AnyMap] = Field(None, alias="k8s")
    public_jobs: Optional[Any] = None
    tpu_tensorflow_version: Optional[str] = None
    tpu_resource_key: Optional[str] = None
    name_override: Optional[str] = None

    @property
    def kind(self) -> str:
        """The type of deployment."""
        return self.deployment_type or "kubernetes"

    @property
    def where(self) -> str:
        """The namespace."""
        return self.namespace or NAMESPACE


def _absent_services(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Services that are switched off without another one in their place. Looks at what was read, right or wrong."""
    external = _mapping(data, "externalServices")
    for name, elsewhere, instead in (
        ("postgresql", "postgresql", ""),
        ("redis", "redis", ""),
        ("rabbitmq-ha", "rabbitmq", ", or broker: redis"),
    ):
        is_off = _mapping(data, name).get("enabled") is False
        if is_off and not external.get(elsewhere) and not (instead and data.get("broker") == "redis"):
            yield located(data, (name, "enabled"), f"{name} is off: give externalServices.{elsewhere}{instead}")


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def load(path: Path | None) -> tuple[Deployment, list[str]]:
    """The file and warnings about it; without a path all defaults. `PolyaxonfileError` names every problem."""
    if path is None:
        return Deployment(), []
    data = plain(_read(path))
    problems = list(_absent_services(data))
    deployment = Deployment()
    try:
        deployment = Deployment.model_validate(data)
    except ValidationError as error:
        problems += problems_of(error.errors(include_url=False), data, Deployment)
    if problems:
        raise PolyaxonfileError(sorted(problems, key=lambda problem: problem.line or 0), str(path))
    return deployment, [*data.warnings, *unknown_keys(data)]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise refuse(f"cannot be read: {reason}", source=str(path)) from error
    if len(content) > MAX_BYTES:
        raise refuse("is larger than 1 MB", source=str(path))
    data = load_yaml(text, str(path))
    if data is not None and not isinstance(data, dict):
        raise refuse(f"expected a mapping at the top of the file, found {describe(data)}", source=str(path))
    return data or {}


def unknown_keys(data: Mapping[str, Any]) -> list[str]:
    """Keys of services that nothing reads: most likely slips, which are not refused."""
    return [
        f"{name}.{key} is not known{suggestion(key, known)}"
        for name, known in _service_keys().items()
        for key in _mapping(data, name)
        if key not in known
    ]


def _service_keys() -> dict[str, list[str]]:
    found = {}
    for field in Deployment.model_fields.values():
        for model in getattr(field.annotation, "__args__", ()):
            # Charts of others have values of their own.
            if isinstance(model, type) and issubclass(model, parts.Service) and not issubclass(model, parts.ThirdParty):
                found[str(field.alias)] = [str(each.alias) for each in model.model_fields.values()]
    return found
