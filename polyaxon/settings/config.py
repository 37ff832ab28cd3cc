"""Typed configuration: one class per area, read from `POLYAXON_*` variables and an optional JSON file.

The environment wins over the file named by `POLYAXON_CONFIG_FILE`. A wrong value stops the start: `load()` raises
`ConfigurationError` with one line per key.
"""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import TypedDict

PREFIX = "POLYAXON_"
MIB = 1024 * 1024
FERNET_BYTES = 32

Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _fernet_key(text: str) -> str:
    """`text` if it is empty or 32 bytes in URL-safe base64."""
    try:
        size = len(base64.b64decode(text, altchars=b"-_", validate=True))
    except ValueError:
        size = -1
    if text and size != FERNET_BYTES:
        raise ValueError("is no Fernet key: 32 bytes in URL-safe base64, 44 characters")
    return text


FernetKey = Annotated[str, AfterValidator(_fernet_key)]


def _ip_network(text: str) -> str:
    """`text` if it is an address or a network."""
    ip_network(text, strict=False)
    return text


IPNetwork = Annotated[str, AfterValidator(_ip_network)]


def _listed(value: Any) -> Any:
    """A text separated by commas, or a JSON list, as a list."""
    if not isinstance(value, str) or value.lstrip().startswith("["):
        return json.loads(value) if isinstance(value, str) else value
    return [part.strip() for part in value.split(",") if part.strip()]


def _origin(text: str) -> str:
    """`text` if it is scheme, host and maybe port, as browsers send it."""
    if not _ORIGIN.fullmatch(text):
        raise ValueError("is no origin such as https://ml.example.com, without a path")
    return text


_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]_-]+")
Origins = Annotated[list[Annotated[str, AfterValidator(_origin)]], NoDecode, BeforeValidator(_listed)]


class ConfigurationError(Exception):
    """A setting has a value that the platform cannot start with."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Area(BaseSettings):
    """Base of the areas: reads `POLYAXON_<FIELD>`; ignores the keys of other areas."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, dotenv_settings, file_secret_settings
        # The file's values arrive as init arguments, so the environment has to come before them.
        return (env_settings, init_settings)


class CoreConfig(Area):
    """What every process needs."""

    data_dir: Path = Field(Path("data"), description="Folder of everything that is kept on disk.")
    secret_key: str = Field("", description="Signs sessions. Empty: generated once into the data folder.")
    secret_internal_token: str = Field("", description="Shared by the platform's own services. Empty: generated.")
    environment: Literal["testing", "local", "staging", "production"] = Field(
        "local", description="What this installation is for. Clients report it with their errors."
    )
    debug: bool = Field(default=False, description="Django's debug pages. Never on a server that others reach.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field(
        "INFO", description="Level of the server's own log."
    )
    strict_templates: bool = Field(
        default=False,
        description="Refuse files whose templates name what has no value. Otherwise it is empty text, as in 0.6.",
    )
    time_zone: str = Field("UTC", description="Zone of dates in answers and of dates without an offset.")
    allowed_hosts: list[str] = Field(
        ["localhost", "127.0.0.1", "[::1]"], description="Host headers that are answered (JSON list)."
    )
    admin_username: str = Field("admin", description="Name of the account made at the first start.")
    admin_email: str = Field("admin@localhost.localdomain", description="Its e-mail address.")
    admin_password: str = Field("", description="Its password. Empty: generated, printed once, kept in a 0600 file.")


class ServerConfig(Area):
    """The HTTP server."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(8000, description="Port to listen on.")
    api_threads: Positive = Field(16, description="Requests worked on at once in one process.")
    client_header_timeout: Seconds = Field(30.0, description="Seconds that the head of a request may take.")
    client_body_timeout: Seconds = Field(30.0, description="Seconds without a byte of a body until it is given up.")
    client_send_timeout: Seconds = Field(60.0, description="Seconds that a client may take nothing of its answer.")
    streams_max: Positive = Field(2000, description="Followed logs and event streams at once in one process.")
    streams_max_per_user: Positive = Field(1000, description="The same of one user.")
    streams_recheck: Seconds = Field(5.0, description="Seconds until a stream asks again whether it is allowed.")
    api_host: str = Field("", description="Address that runs use to reach the API. Empty: from host and port.")
    trusted_proxies: list[IPNetwork] = Field(
        [], description="Addresses or networks of proxies whose X-Forwarded-For is believed (JSON list)."
    )
    csrf_trusted_origins: list[str] = Field(
        [], description="Other origins whose pages may use a session, such as `https://ml.example.com` (JSON list)."
    )
    cors_origin_whitelist: Origins = Field(
        [], description="Origins of other sites whose pages may call the API (list separated by commas)."
    )
    gzip_level: Annotated[int, Field(ge=0, le=9)] = Field(
        1, description="How hard JSON is compressed for clients that accept it; 0: not at all."
    )
    ssl_enabled: bool = Field(default=False, description="Served behind TLS: secure cookies, https links.")
    page_size: Positive = Field(20, description="Rows of a list when the request names no limit.")
    page_size_max: Positive = Field(300_000, description="Most rows of a list in one answer.")


class DatabaseConfig(Area):
    """SQLite in the data folder, or Postgres."""

    db_engine: Literal["django.db.backends.sqlite3", "django.db.backends.postgresql"] = Field(
        "django.db.backends.sqlite3", description="Database back-end."
    )
    db_name: str = Field("", description="Database name; for SQLite a file, by default in the data folder.")
    db_user: str = Field("polyaxon", description="Postgres user.")
    db_password: str = Field("", description="Postgres password.")
    db_host: str = Field("localhost", description="Postgres host.")
    db_port: Port = Field(5432, description="Postgres port.")
    db_conn_max_age: Annotated[int, Field(ge=0)] = Field(
        60, description="Seconds that a database connection is kept between requests."
    )
    db_prepared_statements: bool = Field(
        default=True,
        description="Prepare statements on Postgres; off behind a pooler that shares connections between transactions.",
    )


class BrokerConfig(Area):
    """Where wake-ups travel. `memory` stays inside one process: the embedded server."""

    broker_backend: Literal["memory", "rabbitmq", "redis"] = Field("memory", description="Message broker.")
    amqp_url: str = Field("", description="RabbitMQ address, `amqp://user:password@host:port/vhost`.")
    redis_celery_broker_url: str = Field("", description="Redis broker as `host:port/db`, with broker `redis`.")
    redis_url: str = Field("", description="Redis cache, `redis://host:port/db`. Empty: memory of the process.")


class RunnerConfig(Area):
    """Where runs execute."""

    runner_backend: Literal["local", "kubernetes"] = Field(
        "local", description="Back-end that executes runs: processes of this machine, or pods of a cluster."
    )
    local_concurrency: Positive = Field(
        default_factory=lambda: os.cpu_count() or 1, description="Local runs at once (default: cores)."
    )
    local_docker_host: str = Field(
        "",
        description="Docker daemon that builds images, such as `unix:///var/run/docker.sock`. Whoever may start builds "
        "has its rights over the machine. Empty: none are built.",
    )
    stop_grace_seconds: Seconds = Field(10.0, description="Seconds between SIGTERM and SIGKILL of a stopped run.")
    usage_interval: Seconds = Field(5.0, description="Seconds between two samples of a run's CPU and memory.")


class StoreDefinition(TypedDict, total=False):
    """A store of outputs or data as pods reach it: a volume, or a bucket."""

    mountPath: str  # folder in pods
    hostPath: str
    existingClaim: str
    subPath: str
    readOnly: bool
    store: Literal["s3", "gcs", "azure"]
    bucket: str
    secret: str
    secretKey: str


def _definition(found: StoreDefinition) -> StoreDefinition:
    if found.get("store") and not found.get("bucket"):
        raise ValueError("a store of a cloud needs a bucket")
    if not found.get("store") and not found.get("mountPath"):
        raise ValueError("a volume needs a mountPath")
    if bool(found.get("secret")) != bool(found.get("secretKey")):
        raise ValueError("secret and secretKey go together")
    return found


Stores = dict[str, Annotated[StoreDefinition, AfterValidator(_definition)]]


class KubernetesConfig(Area):
    """Runs as pods, with the runner back-end `kubernetes`."""

    k8s_namespace: str = Field("polyaxon", description="Namespace of the pods of runs.")
    k8s_kubeconfig: str = Field(
        "", description="File with the address and credentials of the cluster. Empty: those of the pod we run in."
    )
    k8s_context: str = Field("", description="Context of that file. Empty: its current one.")
    k8s_concurrency: Positive = Field(1000, description="Runs at once in the cluster.")
    k8s_requests_per_second: Seconds = Field(
        500.0,
        description="Requests a second to the API server, over time. After a 429 all wait as long as that says.",
    )
    k8s_requests_burst: Positive = Field(500, description="Requests to it at once.")
    k8s_watch_seconds: Positive = Field(
        15, description="Seconds that one request of the watch of pods lasts; silent for a third longer, it is cut."
    )
    k8s_refused_patience: Seconds = Field(
        60.0, description="Seconds for which the cluster may refuse to show its pods until the watching process ends."
    )
    k8s_default_image: str = Field("", description="Image of runs whose file names none and builds none.")
    k8s_helper_image: str = Field(
        "polyaxon/polyaxon-helper:latest", description="Image that fetches code and stores outputs (`docker/helper`)."
    )
    k8s_helper_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When it is pulled."
    )
    k8s_kubeflow_api: Literal["training-operator", "trainer"] = Field(
        "training-operator",
        description="What runs experiments with a `backend`: TFJob, PyTorchJob and MPIJob, or Trainer's TrainJob.",
    )
    k8s_gpu_resource_key: str = Field("nvidia.com/gpu", description="Resource name of GPUs.")
    k8s_tpu_resource_key: str = Field("cloud-tpus.google.com/v2", description="Resource name of TPUs.")
    k8s_tpu_tf_version: str = Field("1.12", description="TensorFlow version of TPUs.")
    k8s_service_account_experiments: str = Field("", description="Service account of experiments' pods.")
    k8s_service_account_jobs: str = Field("", description="Service account of jobs' pods, notebooks, tensorboards.")
    k8s_service_account_builds: str = Field("", description="Service account of builds' pods.")
    k8s_service_accounts_allowed: list[str] = Field(
        [], description="Service accounts that files may name, beside those above (JSON list): they act in the cluster."
    )
    k8s_image_patience: Seconds = Field(
        300.0, description="Seconds for which an image may fail to be pulled until the run fails."
    )
    k8s_config_patience: Seconds = Field(
        300.0, description="Seconds for which a secret or volume of a pod may be missing until the run fails."
    )
    k8s_node_patience: Seconds = Field(
        60.0,
        description="Seconds after a pod should be gone until its node counts as lost, and the pod is given up.",
    )
    k8s_dcgm_namespace: str = Field("gpu-operator", description="Namespace of the pods of NVIDIA's DCGM exporter.")
    k8s_dcgm_selector: str = Field(
        "",
        description="Labels of these pods, such as `app=nvidia-dcgm-exporter`. Empty: GPUs of runs are not measured.",
    )
    k8s_logs_interval: Seconds = Field(0.5, description="Seconds between two times that logs of pods are stored.")
    k8s_logs_streams: Positive = Field(500, description="Containers whose logs one process follows at once.")
    k8s_logs_patience: Seconds = Field(
        600.0,
        description="Seconds after its end that a run's pods are kept when their logs cannot be stored. What is "
        "missing then is given up, and the reason noted.",
    )
    k8s_upload_grace: Positive = Field(
        600, description="Seconds that storing outputs in an object store may take after the end of a run."
    )
    security_context_user: Positive = Field(2222, description="User id of pods, unless a file asks for another.")
    security_context_group: Positive = Field(2222, description="Group id of pods, and of what they write.")
    registry_localhost: str = Field("", description="Registry of built images, as nodes call it.")
    registry_host: str = Field("", description="The same as pods call it, which push to it. Empty: as nodes do.")
    registry_insecure: bool = Field(default=True, description="Whether that registry is reached without TLS.")
    k8s_buildah_image: str = Field(
        "quay.io/buildah/stable:v1.41", description="Image that builds images, with the build back-end `native`."
    )
    k8s_nvidia_bin: str = Field("", description="Folder of NVIDIA's programs, put on the PATH of built images.")
    persistence_outputs: Stores = Field(
        {}, description="Outputs stores: JSON, name to `{mountPath, existingClaim | hostPath}` or `{store, bucket, …}`."
    )
    persistence_data: Stores = Field({}, description="Data stores, in the same form.")


class SchedulerConfig(Area):
    """Periodic passes."""

    sync_interval: Seconds = Field(0.5, description="Seconds between two looks at active local runs.")
    reconcile_interval: Seconds = Field(5.0, description="Seconds between two searches for forgotten work.")
    heartbeat_timeout: Positive = Field(1800, description="Seconds without heartbeat until an unmanaged run fails.")
    scheduler_reconcile_countdown: Positive = Field(
        120, description="Seconds until a status that a run's helper reported counts, if the run is not done by then."
    )
    worker_threads: Positive = Field(4, description="Passes worked on at once in one worker.")


class ComponentsConfig(Area):
    """Processes of a server in parts: `manage.py component NAME`."""

    component_host: str = Field("127.0.0.1", description="Address of `/healthz`, `/readyz` and `/metrics`.")
    component_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        9100, description="Port of them. 0: any free one, which the process tells."
    )
    component_stop_timeout: Seconds = Field(
        25.0, description="Seconds that a process that is asked to end has for the passes under way."
    )
    lease_seconds: Annotated[float, Field(ge=1)] = Field(
        15.0, description="Seconds until another replica takes over from one that was killed."
    )


class LimitsConfig(Area):
    """What one request may cost."""

    upload_max_bytes: Positive = Field(512 * MIB, description="Most bytes of an uploaded archive.")
    upload_max_unpacked_bytes: Positive = Field(2048 * MIB, description="Most bytes of its files together.")
    upload_max_file_bytes: Positive = Field(1024 * MIB, description="Most bytes of one file in it.")
    upload_max_members: Positive = Field(100_000, description="Most files and folders in it.")
    upload_max_ratio: Positive = Field(200, description="Most bytes unpacked per byte packed (zip bombs).")
    body_max_bytes: Positive = Field(32 * MIB, description="Most bytes of any other request body.")
    artifact_max_bytes: Positive = Field(10 * 1024 * MIB, description="Most bytes of one artifact of a run.")
    artifacts_max: Positive = Field(10_000, description="Most artifacts of one run.")
    artifacts_max_bytes: Positive = Field(50 * 1024 * MIB, description="Most bytes of all artifacts of one run.")
    metrics_batch_max: Positive = Field(100_000, description="Most metric points in one request.")


class StoresConfig(Area):
    """Roots of what is stored. Relative or empty: inside the data folder."""

    outputs_root: Path = Field(Path("outputs"), description="Outputs of runs.")
    logs_root: Path = Field(Path("logs"), description="Logs of runs.")
    repos_root: Path = Field(Path("repos"), description="Git repositories of uploaded code.")
    runs_root: Path = Field(Path("runs"), description="Work trees and state of local runs.")
    data_paths: dict[str, str] = Field({}, description="Data stores offered to runs: JSON, name to path.")


class SecurityConfig(Area):
    """Accounts and tokens."""

    ttl_token_days: Positive = Field(30, description="Days until a user token expires.")
    ttl_ephemeral_token: Positive = Field(10_800, description="Seconds until a token for one use expires.")
    signup_enabled: bool = Field(
        default=False, description="Whether anybody may ask for an account, which an administrator then activates."
    )
    password_length: Annotated[int, Field(ge=6)] = Field(8, description="Fewest characters of a password.")
    throttle_rates_user: Positive = Field(6000, description="Requests a minute of one user.")
    throttle_rates_admin: Positive = Field(100, description="Changes of accounts a minute by one administrator.")
    throttle_rates_anon: Positive = Field(30, description="Requests a minute of one anonymous address.")
    throttle_rates_checks: Positive = Field(10, description="Health and status requests a minute of one address.")
    encryption_secret: FernetKey = Field(
        "", description="Encrypts stored secrets: a Fernet key. Empty: generated once into the data folder."
    )
    encryption_key: str = Field("default", min_length=1, description="Label of that key, stored beside each secret.")
    throttle_rates_login: Positive = Field(20, description="Login attempts a minute of one address.")
    throttle_rates_login_name: Positive = Field(10, description="Login attempts a minute as one user.")
    throttle_rates_high: Positive = Field(5000, description="Requests a second with metrics of one user.")
    throttle_rates_internal: Positive = Field(5000, description="Requests a second of one service at one address.")
    throttle_rates_impersonate: Positive = Field(120, description="Tokens a second that one service asks for.")


class CodeConfig(Area):
    """External git repositories, and what is built and started of code."""

    repos_access_token: str = Field("", description="Token for private external repositories, over https only.")
    repos_credentials: str = Field("", description="Or `user:password` for them.")
    repos_credentials_hosts: list[str] = Field(
        ["github.com", "gitlab.com", "bitbucket.org"],
        description="Servers that the token or credentials are sent to, with port unless 443 (JSON list).",
    )
    repos_allow_file: bool = Field(
        default=False, description="Take `file://` repositories. Whoever may set one reads any of the host."
    )
    repos_fetch_timeout: Seconds = Field(120.0, description="Seconds that fetching an external repository may take.")
    build_jobs_backend: Literal["native", "kaniko"] = Field("native", description="Back-end of builds that name none.")
    build_jobs_always_pull_latest: bool = Field(
        default=False, description="Build again whenever the base image's tag is `latest`."
    )
    notebooks_command: str = Field(
        "",
        description="What is run instead of Jupyter: a command for bash that serves at `$POLYAXON_SERVICE_HOST`, "
        "`$POLYAXON_SERVICE_PORT` below `$POLYAXON_SERVICE_PATH`, and takes `$POLYAXON_SERVICE_TOKEN`.",
    )
    tensorboards_command: str = Field(
        "", description="The same instead of TensorBoard; it shows what is in `$POLYAXON_SERVICE_FOLDER`."
    )
    notebooks_backend: Literal["notebook", "lab"] = Field("notebook", description="Back-end of notebooks.")
    notebooks_docker_image: str = Field("", description="Image of notebooks that are started without content.")
    tensorboards_docker_image: str = Field(
        "tensorflow/tensorflow:1.11.0-py3", description="Image of tensorboards that are started without content."
    )


class IntervalsConfig(Area):
    """How often the cluster is looked at."""

    intervals_clusters_update_system_nodes: Seconds = Field(
        150.0, description="Seconds between two looks at the nodes of the cluster."
    )


class CleaningConfig(Area):
    """How long things are kept. Options of the same names go before these settings."""

    cleaning_intervals_activity_logs: Positive = Field(30, description="Days for which activity is kept.")
    cleaning_intervals_events: Positive = Field(30, description="Days for which the stream of events can be read back.")
    cleaning_intervals_archives: Positive = Field(7, description="Days until what is archived is deleted.")
    idempotency_hours: Positive = Field(
        24, description="Hours for which the answer to a creation is kept for those who repeat its Idempotency-Key."
    )


class VersionsConfig(Area):
    """What clients are told about versions. Empty: this release."""

    cli_min_version: str = Field("0.6.0", description="Oldest command line tool that may be used.")
    cli_latest_version: str = Field("", description="Newest command line tool.")
    platform_min_version: str = Field("0.6.0", description="Oldest platform that clients may talk to.")
    platform_latest_version: str = Field("", description="Newest platform.")
    lib_min_version: str = Field("0.6.0", description="Oldest client library that may be used.")
    lib_latest_version: str = Field("", description="Newest client library.")
    chart_version: str = Field("", description="Helm chart of this installation.")
    chart_is_upgrade: bool = Field(default=False, description="Whether the chart replaced an older one.")
    cli_dsn: str = Field("", description="Where clients report their errors. Empty: nowhere.")


class WebhooksConfig(Area):
    """Webhooks of projects."""

    webhooks_allow_private: bool = Field(
        default=False, description="Whether webhooks may reach private and loopback addresses."
    )
    webhooks_timeout: Seconds = Field(10.0, description="Seconds that one delivery may take.")
    webhooks_interval: Seconds = Field(2.0, description="Seconds between two looks at what is to be delivered.")
    webhooks_attempts: Positive = Field(8, description="Tries of a delivery until it is given up.")
    webhooks_backoff: Seconds = Field(10.0, description="Seconds before the second try; then each time fourfold.")
    webhooks_log_days: Positive = Field(30, description="Days that finished deliveries are kept.")


@dataclass(frozen=True, slots=True)
class Config:
    """All areas."""

    core: CoreConfig
    server: ServerConfig
    database: DatabaseConfig
    broker: BrokerConfig
    runner: RunnerConfig
    kubernetes: KubernetesConfig
    scheduler: SchedulerConfig
    components: ComponentsConfig
    limits: LimitsConfig
    stores: StoresConfig
    security: SecurityConfig
    code: CodeConfig
    intervals: IntervalsConfig
    cleaning: CleaningConfig
    versions: VersionsConfig
    webhooks: WebhooksConfig

    @property
    def data_dir(self) -> Path:
        return self.core.data_dir.expanduser().absolute()

    @property
    def slots(self) -> int:
        """Runs that may be under way at once."""
        return self.kubernetes.k8s_concurrency if self.on_cluster else self.runner.local_concurrency

    @property
    def on_cluster(self) -> bool:
        """Whether runs are pods."""
        return self.runner.runner_backend == "kubernetes"

    @property
    def in_one_process(self) -> bool:
        """Whether every pass is here: there is no broker that other processes would reach."""
        return self.broker.broker_backend == "memory"

    def root(self, path: Path) -> Path:
        """A store's root: absolute as given, otherwise inside the data folder."""
        return self.data_dir / path.expanduser()


AREAS: dict[str, type[Area]] = {
    "core": CoreConfig,
    "server": ServerConfig,
    "database": DatabaseConfig,
    "broker": BrokerConfig,
    "runner": RunnerConfig,
    "kubernetes": KubernetesConfig,
    "scheduler": SchedulerConfig,
    "components": ComponentsConfig,
    "limits": LimitsConfig,
    "stores": StoresConfig,
    "security": SecurityConfig,
    "intervals": IntervalsConfig,
    "cleaning": CleaningConfig,
    "versions": VersionsConfig,
    "webhooks": WebhooksConfig,
    "code": CodeConfig,
}

AreaT = TypeVar("AreaT", bound=Area)


def load() -> Config:
    """Read and check every area. Raises `ConfigurationError` that names each wrong key."""
    values = _file_values()
    problems: list[str] = []
    areas: dict[str, Any] = {}
    for name, area in AREAS.items():
        try:
            areas[name] = area(**{key: values[key] for key in area.model_fields if key in values})
        except ValidationError as error:
            problems += [_problem(item) for item in error.errors()]
        except ValueError as error:  # pydantic-settings: a complex value that is not JSON
            problems.append(f"{_key_of(error, area)}: is not valid JSON.")
    if problems:
        raise ConfigurationError(problems)
    return _checked(Config(**areas))


def _checked(config: Config) -> Config:
    """What one area needs of another."""
    if config.on_cluster and not config.kubernetes.persistence_outputs:
        raise ConfigurationError(
            [f"{PREFIX}PERSISTENCE_OUTPUTS: is empty, so what runs write would end with their pods. Name a store."]
        )
    return config


def _file_values() -> dict[str, Any]:
    path = os.environ.get(f"{PREFIX}CONFIG_FILE")
    if not path:
        return {}
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"{PREFIX}CONFIG_FILE: cannot read {path}: {error}."]) from error
    if not isinstance(content, dict):
        raise ConfigurationError([f"{PREFIX}CONFIG_FILE: {path} must hold a JSON object."])
    return {str(key).removeprefix(PREFIX).lower(): value for key, value in content.items()}


def _problem(item: Any) -> str:
    key = PREFIX + ".".join(str(part) for part in item["loc"]).upper()
    found = "" if _is_secret(key) else f" (found {item['input']!r})"
    return f"{key}: {item['msg']}{found}."


def _is_secret(key: str) -> bool:
    return any(word in key for word in ("SECRET", "PASSWORD", "TOKEN", "CREDENTIALS", "URL", "DSN"))


def _key_of(error: ValueError, area: type[Area]) -> str:
    named = [field for field in area.model_fields if f'"{field}"' in str(error)]
    return PREFIX + (named[0].upper() if named else area.__name__)
