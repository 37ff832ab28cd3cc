"""Every option. Keys of the database store are separated by colons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from polyaxon.errors import InvalidInput
from polyaxon.options.definitions import Option
from polyaxon.options.settings_keys import settings_options

PRIMITIVES = ("BUILD_JOBS", "JOBS", "EXPERIMENTS", "NOTEBOOKS", "TENSORBOARDS")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
PROVIDERS = {"GITHUB": "GitHub", "GITLAB": "GitLab", "BITBUCKET": "Bitbucket", "AZURE": "Azure"}
CHANNELS = ("SLACK", "DISCORD", "HIPCHAT", "MATTERMOST", "PAGER_DUTY", "GENERIC")
SHORT, LONG = 10, 600  # seconds
OWN: dict[str, Any] = {"per_owner": True}


def _per_primitive() -> Iterator[Option]:
    for primitive in PRIMITIVES:
        kind = primitive.lower().replace("_", " ")
        runs = f"of {kind} whose file says nothing"
        yield Option(f"NODE_SELECTORS:{primitive}", "dict", f"Node selector {runs}.", **OWN)
        yield Option(f"AFFINITIES:{primitive}", "dict", f"Affinity {runs}.", **OWN)
        yield Option(f"ANNOTATIONS:{primitive}", "dict", f"Annotations of the pods {runs}.", **OWN)
        yield Option(f"TOLERATIONS:{primitive}", "dict", f"Tolerations {runs}.", is_list=True, **OWN)
        yield Option(f"K8S_RESOURCES:{primitive}", "dict", f"CPU, memory, GPU and TPU {runs}.", **OWN)
        yield Option(f"K8S_SECRETS:{primitive}", "str", f"Catalog names of secrets {runs}.", is_list=True, **OWN)
        yield Option(
            f"K8S_CONFIG_MAPS:{primitive}", "str", f"Catalog names of config maps {runs}.", is_list=True, **OWN
        )
        yield Option(
            f"ENV_VARS:{primitive}", "list", f"Name and value pairs for all {kind}.", is_list=True, item_length=2, **OWN
        )
        yield Option(f"SERVICE_ACCOUNTS:{primitive}", "str", f"Service account of {kind}.")
        yield Option(f"MAX_RESTARTS:{primitive}", "int", f"Restarts {runs}.", default=0, minimum=0, **OWN)


def _builds() -> Iterator[Option]:
    yield Option("BUILD_JOBS:BACKEND", "str", "What builds images.", "native", choices=("native", "kaniko"), **OWN)
    yield Option(
        "BUILD_JOBS:ALWAYS_PULL_LATEST",
        "bool",
        "Build again when the base image's tag is `latest`.",
        default=False,
        cache_seconds=240,
        **OWN,
    )
    yield Option("BUILD_JOBS:LANG_ENV", "str", "`LANG` in built images.", **OWN)
    yield _image("BUILD_JOBS", "polyaxon/polyaxon-dockerizer:0.6.1", 240)
    yield _pull_policy("BUILD_JOBS", "Always", 240)
    yield Option("BUILD_JOBS:SET_SECURITY_CONTEXT", "bool", "Run builds as the configured user.", default=True)
    yield _image("KANIKO", "gcr.io/kaniko-project/executor:v0.9.0", SHORT)
    yield _pull_policy("KANIKO", "IfNotPresent", SHORT)


def _image(area: str, default: str | None, cache: int, *, per_owner: bool = False) -> Option:
    return Option(
        f"{area}:DOCKER_IMAGE",
        "str",
        f"Image of {area.lower().replace('_', ' ')}.",
        default,
        cache_seconds=cache,
        per_owner=per_owner,
    )


def _pull_policy(area: str, default: str, cache: int) -> Option:
    return Option(
        f"{area}:IMAGE_PULL_POLICY",
        "str",
        f"When the image of {area.lower().replace('_', ' ')} is pulled.",
        default,
        choices=PULL_POLICIES,
        cache_seconds=cache,
    )


def _pods() -> Iterator[Option]:
    for area, image in (("INIT", "polyaxon/polyaxon-init:0.6.1"), ("SIDECARS", "polyaxon/polyaxon-sidecar:0.6.1")):
        yield _image(area, image, LONG)
        yield _pull_policy(area, "Always", LONG)
    yield Option("SIDECARS:SLEEP_INTERVAL", "str", "Seconds between two looks of a sidecar.", "1", cache_seconds=LONG)
    yield Option("K8S:GPU_RESOURCE_KEY", "str", "Resource name of GPUs.", "nvidia.com/gpu")
    yield Option("K8S:TPU_TF_VERSION", "str", "TensorFlow version of TPUs.", "1.12")
    tpus = ("cloud-tpus.google.com/v2", "cloud-tpus.google.com/preemptible-v2")
    yield Option("K8S:TPU_RESOURCE_KEY", "str", "Resource name of TPUs.", tpus[0], choices=tpus)
    for name, default in _CONTAINERS.items():
        description = f"Name of the container of {name.lower().replace('_', ' ')}."
        yield Option(f"CONTAINER_NAME:{name}", "str", description, default, cache_seconds=LONG)


_CONTAINERS = {
    "BUILD_JOBS": "polyaxon-dockerizer-job",
    "JOBS": "polyaxon-job",
    "EXPERIMENT_JOBS": "polyaxon-experiment-job",
    "PLUGIN_JOBS": "polyaxon-plugin-job",
    "TF_JOBS": "tensorflow",
    "PYTORCH_JOBS": "pytorch",
    "SIDECARS": "polyaxon-sidecar-job",
    "INIT": "polyaxon-init-job",
}


def _plugins() -> Iterator[Option]:
    yield _image("NOTEBOOKS", None, SHORT, per_owner=True)
    yield Option(
        "NOTEBOOKS:BACKEND",
        "str",
        "Kind of notebook.",
        "notebook",
        choices=("notebook", "lab"),
        cache_seconds=120,
        **OWN,
    )
    for area, ports in (("NOTEBOOKS", [6700, 7700]), ("TENSORBOARDS", [5700, 6700])):
        yield Option(
            f"{area}:PORT_RANGE",
            "int",
            f"First and last port of {area.lower()} on a host network.",
            ports,
            is_list=True,
            minimum=1,
            length=2,
            cache_seconds=LONG,
        )
        yield Option(
            f"{area}:IDLE_TIMEOUT",
            "int",
            f"Seconds after which {area.lower()} that nobody opens are stopped; 0: never.",
            0,
            minimum=0,
            **OWN,
        )
    yield Option(
        "NOTEBOOKS:MOUNT_CODE", "bool", "Mount the repository instead of copying it.", default=False, cache_seconds=LONG
    )
    yield _image("TENSORBOARDS", "tensorflow/tensorflow:1.11.0-py3", SHORT, per_owner=True)


# Key: unit and meaning, default.
_TIMES = {
    "GROUPS:CHECK_INTERVAL": ("Seconds between two looks at a group.", 5),
    "GROUPS:CHUNKS": ("Trials that are made at once.", 50),
    "SCHEDULER:GLOBAL_COUNTDOWN": ("Seconds until the resources of a finished run go.", 1),
    "SCHEDULER:GLOBAL_COUNTDOWN_DELAYED": ("Seconds until what was deleted goes for good.", 3),
    "SCHEDULER:RECONCILE_COUNTDOWN": ("Seconds until a reported status counts.", 120),
    "TTL:TOKEN": ("Days until a user token expires.", 30),
    "TTL:EPHEMERAL_TOKEN": ("Seconds until a token for one use expires.", 10_800),
    "TTL:HEARTBEAT": ("Seconds without a sign of life until a run fails.", 1800),
    "TTL:WATCH_STATUSES": ("Seconds until the watch of statuses starts anew.", 1200),
    "TTL:KEEP_STATUSES": ("Seconds for which statuses are remembered.", 1800),
    "CLEANING_INTERVALS:ACTIVITY_LOGS": ("Days for which activity is kept.", 30),
    "CLEANING_INTERVALS:EVENTS": ("Days for which the stream of events can be read back.", 30),
    "CLEANING_INTERVALS:NOTIFICATIONS": ("Days for which notifications are kept.", 30),
    "CLEANING_INTERVALS:ARCHIVES": ("Days until what is archived is deleted.", 7),
    "HEALTH_CHECK_WORKER_TIMEOUT": ("Seconds that a worker has to answer.", 4),
}


def _platform() -> Iterator[Option]:
    for key, (description, default) in _TIMES.items():
        yield Option(key, "int", description, default, minimum=1, cache_seconds=LONG)
    for channel in CHANNELS:
        description = f"Webhooks that {channel.lower().replace('_', ' ')} notifications go to."
        yield Option(f"INTEGRATIONS_WEBHOOKS:{channel}", "dict", description, is_list=True, is_secret=True, **OWN)
    yield Option("REPOS:ACCESS_TOKEN", "str", "Token for private git repositories.", is_secret=True, **OWN)
    yield Option("REPOS:CREDENTIALS", "auth", "User and password for private git repositories.", is_secret=True, **OWN)
    yield Option("ACCESS:GIT", "int", "Id of the default entry of the git catalog.", minimum=1)
    yield Option("ACCESS:REGISTRY", "int", "Id of the default entry of the registry catalog.", minimum=1)
    yield Option(
        "EMAIL:DEFAULT_DOMAIN",
        "str",
        "Domain of users without e-mail address.",
        "local_polyaxon.com",
        cache_seconds=LONG,
    )
    yield Option("STATS:DEFAULT_PREFIX", "str", "Prefix of statistics.", cache_seconds=LONG)
    yield Option("ALLOW_USER_OWNERSHIP", "bool", "Whether users may own projects.", default=True, cache_seconds=LONG)
    yield Option("RESTRICT_K8S_RESOURCES", "bool", "Limit the platform's own pods.", default=True, cache_seconds=LONG)
    for feature in ("HUB", "PIPELINES"):
        yield Option(f"FEATURES:POLYFLOW:{feature}", "bool", f"The feature {feature.lower()}.", default=True)


def _queues() -> Iterator[Option]:
    runs = "Experiments and jobs that may be under way at once"
    yield Option("CONCURRENCY:GLOBAL", "int", f"{runs} in all. Not set: the runner's own limit.", minimum=0)
    yield Option("CONCURRENCY:PROJECT", "int", f"{runs} in each project. Not set: no limit.", minimum=0, **OWN)
    yield Option("CONCURRENCY:PROJECTS", "dict", f"{runs} in single projects: names (`owner.project`) with numbers.")
    yield Option("CONCURRENCY:USER", "int", f"{runs} of each user. Not set: no limit.", minimum=0)
    yield Option(
        "QUEUES",
        "dict",
        "Queues that runs name: each with `priority` (those of more come first) and `concurrency` (runs at once).",
    )


def _sign_in() -> Iterator[Option]:
    for provider, name in PROVIDERS.items():
        area = f"AUTH_{provider}"
        yield Option(f"{area}:ENABLED", "bool", f"Offer signing in with {name}.", default=False)
        yield Option(f"{area}:VERIFICATION_SCHEDULE", "int", "Seconds between two verifications.", 0, minimum=0)
        yield Option(f"{area}:CLIENT_ID", "str", f"Client id at {name}.", is_secret=True)
        yield Option(f"{area}:CLIENT_SECRET", "str", f"Client secret at {name}.", is_secret=True)
    yield Option("AUTH_GITLAB:URL", "str", "Address of GitLab.")
    yield Option("AUTH_AZURE:TENANT_ID", "str", "Tenant at Azure.", is_secret=True)


def _all() -> Iterator[Option]:
    for area in (_per_primitive, _builds, _pods, _plugins, _platform, _queues, _sign_in, settings_options):
        yield from area()


OPTIONS: dict[str, Option] = {option.key: option for option in _all()}


def find(key: str) -> Option:
    """The option called `key`. Raises `InvalidInput`."""
    option = OPTIONS.get(key)
    if option is None:
        raise InvalidInput(f"There is no option {key[:80]!r}.")
    return option
