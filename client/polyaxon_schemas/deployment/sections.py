"""Sections of a deployment file. Keys are written in camel case, as in the chart's values."""

# ruff: noqa: UP045 - pydantic evaluates annotations, on Python 3.9 too

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Optional

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

__all__ = [
    "Api",
    "Email",
    "EventMonitors",
    "ExternalServices",
    "Hooks",
    "Ingress",
    "Intervals",
    "Persistence",
    "Postgresql",
    "Rabbitmq",
    "Rbac",
    "Redis",
    "Registry",
    "Section",
    "SecurityContext",
    "Service",
    "Ssl",
    "ThirdParty",
    "User",
    "Worker",
]

AnyMap = dict[str, Any]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0)]
Store = Literal["s3", "gcs", "azure"]
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")


def _email(text: str) -> str:
    if not _EMAIL.match(text):
        raise ValueError(f"expected an e-mail address, found {text!r}")
    return text


class Section(BaseModel):
    """A mapping; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class Service(Section):
    """A service of the platform. Unknown keys are ignored, as in 0.6: the chart may know more of them."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)

    enabled: Optional[bool] = None
    image: Optional[str] = None
    image_tag: Optional[str] = None
    image_pull_policy: Optional[Literal["Always", "IfNotPresent", "Never"]] = None
    replicas: Optional[Count] = None
    concurrency: Optional[Count] = None
    resources: Optional[AnyMap] = None


class Api(Service):
    """The API, or the streams beside it."""

    service: Optional[AnyMap] = None


class Celery(Section):
    """How a worker takes its tasks."""

    task_track_started: Optional[bool] = None
    broker_pool_limit: Optional[int] = None
    confirm_publish: Optional[bool] = None
    worker_prefetch_multiplier: Optional[int] = None
    worker_max_tasks_per_child: Optional[int] = None
    worker_max_memory_per_child: Optional[int] = None
    task_always_eager: Optional[bool] = None


class Worker(Service):
    """A worker."""

    celery: Optional[Celery] = None


class Hooks(Service):
    """Jobs around an installation."""

    load_fixtures: Optional[bool] = None


class Monitor(Service):
    """A monitor of events."""

    persist: Optional[bool] = None
    sleep_interval: Optional[int] = None


class EventMonitors(Section):
    """Monitors of namespace and statuses."""

    replicas: Optional[Count] = None
    namespace: Optional[Monitor] = None
    statuses: Optional[Monitor] = None


class ThirdParty(Service):
    """A service of others that comes with the platform."""

    # Redis takes a mapping or a text.
    image: Optional[Any] = None
    persistence: Optional[AnyMap] = None
    node_selector: Optional[AnyMap] = None
    affinity: Optional[AnyMap] = None
    tolerations: Optional[list[AnyMap]] = None


class Postgresql(ThirdParty):
    """The database. Both the tool's and the chart's names of its account are read."""

    postgres_user: Optional[str] = None
    postgres_password: Optional[str] = None
    postgres_database: Optional[str] = None
    postgresql_username: Optional[str] = None
    postgresql_password: Optional[str] = None
    postgresql_database: Optional[str] = None
    conn_max_age: Optional[Count] = None


class Redis(ThirdParty):
    """Cache and channels."""

    use_password: Optional[bool] = None
    password: Optional[str] = None


class Rabbitmq(ThirdParty):
    """The broker."""

    rabbitmq_username: Optional[str] = None
    rabbitmq_password: Optional[str] = None


class Registry(ThirdParty):
    """The registry of images."""

    registry_user: Optional[str] = None
    registry_password: Optional[str] = None


class Rbac(Section):
    """Roles of service accounts."""

    enabled: Optional[bool] = None


class Ssl(Section):
    """Certificates of the API."""

    enabled: Optional[bool] = None
    secret_name: Optional[str] = None
    path: Optional[str] = None


class Ingress(Section):
    """The way in from outside of the cluster."""

    enabled: Optional[bool] = None
    host_name: Optional[str] = None
    path: Optional[str] = None
    tls: Optional[list[AnyMap]] = None
    annotations: Optional[AnyMap] = None


class User(Section):
    """The first administrator."""

    username: Optional[str] = None
    password: Optional[str] = None
    email: Optional[Annotated[str, AfterValidator(_email)]] = None


class Email(Section):
    """The server that mails go through."""

    host: Optional[str] = None
    port: Optional[Port] = None
    use_tls: Optional[bool] = None
    host_user: Optional[str] = None
    host_password: Optional[str] = None
    backend: Optional[str] = None
    # The chart reads it, which 0.6's tool refused.
    sender: Optional[str] = Field(None, alias="from")
    subject_prefix: Optional[str] = None


class Intervals(Section):
    """Seconds between two looks."""

    experiments_scheduler: Count = 0
    experiments_sync: Count = 0
    clusters_update_system_info: Count = 0
    clusters_update_system_nodes: Count = 0
    pipelines_scheduler: Count = 0
    operations_default_retry_delay: Count = 0
    operations_max_retry_delay: Count = 0


class SecurityContext(Section):
    """The account that pods run as."""

    enabled: Optional[bool] = None
    user: Optional[Count] = None
    group: Optional[Count] = None

    @model_validator(mode="after")
    def _both_or_none(self) -> SecurityContext:
        if (self.user is None) != (self.group is None):
            raise ValueError("needs both user and group, or none of them")
        return self


class ExternalService(Section):
    """A service that is installed elsewhere."""

    user: Optional[str] = None
    password: Optional[str] = None
    host: Optional[str] = None
    port: Optional[Port] = None
    database: Optional[str] = None
    use_password: Optional[bool] = None
    conn_max_age: Optional[Count] = None


class ExternalServices(Section):
    """Services that are installed elsewhere."""

    postgresql: Optional[ExternalService] = None
    redis: Optional[ExternalService] = None
    rabbitmq: Optional[ExternalService] = None


class Volume(Section):
    """Where files are kept: a claim, a path of the node, or a bucket."""

    existing_claim: Optional[str] = None
    mount_path: Optional[str] = None
    host_path: Optional[str] = None
    store: Optional[Store] = None
    bucket: Optional[str] = None
    secret: Optional[str] = None
    secret_key: Optional[str] = None
    read_only: Optional[bool] = None
    sub_path: Optional[str] = None

    @model_validator(mode="after")
    def _one_place(self) -> Volume:
        given = {"existingClaim": self.existing_claim, "hostPath": self.host_path, "store": self.store}
        named = [name for name, value in given.items() if value]
        if len(named) > 1:
            raise ValueError(f"takes one of {', '.join(given)}, found {' and '.join(named)}")
        if self.store and not self.bucket:
            raise ValueError(f"a {self.store} store needs a bucket")
        return self


class Persistence(Section):
    """Where the platform keeps its files."""

    logs: Optional[Volume] = None
    repos: Optional[Volume] = None
    upload: Optional[Volume] = None
    data: Optional[dict[str, Volume]] = None
    outputs: Optional[dict[str, Volume]] = None


Tolerations = list[AnyMap]
