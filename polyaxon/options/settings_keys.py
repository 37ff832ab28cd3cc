"""Settings of the process, shown among the options. They are changed where the process is started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from polyaxon.options.definitions import Option, OptionStore

_TYPED = {
    "bool": """ADMIN_VIEW_ENABLED DEBUG CHART_IS_UPGRADE K8S_RBAC_ENABLED K8S_INGRESS_ENABLED REGISTRY_IN_CLUSTER
        DNS_USE_RESOLVER""",
    "int": "PASSWORD_LENGTH ACCOUNT_ACTIVATION_DAYS SECURITY_CONTEXT_USER SECURITY_CONTEXT_GROUP",
    "dict": """LOGGING K8S_CONFIG K8S_INGRESS_ANNOTATIONS MOUNT_PATHS_NVIDIA DIRS_NVIDIA SCOPE_ROLES PERSISTENCE_DATA
        PERSISTENCE_OUTPUTS PERSISTENCE_LOGS PLUGINS""",
    "str": """PROTOCOL API_HOST LOGIN_URL CELERY_BROKER_BACKEND CELERY_BROKER_URL HEADERS_INTERNAL SECRET_INTERNAL_TOKEN
        CLUSTER_NOTIFICATION_URL CLUSTER_NOTIFICATION_ALIVE_URL CLUSTER_NOTIFICATION_NODES_URL ENCRYPTION_KEY
        ENCRYPTION_SECRET POLYAXON_ENVIRONMENT CHART_VERSION CLI_MIN_VERSION CLI_LATEST_VERSION PLATFORM_MIN_VERSION
        PLATFORM_LATEST_VERSION LIB_MIN_VERSION LIB_LATEST_VERSION ARCHIVES_ROOT_REPOS ARCHIVES_ROOT_ARTIFACTS
        ARCHIVES_ROOT_LOGS DOWNLOADS_ROOT_ARTIFACTS DOWNLOADS_ROOT_LOGS DEFAULT_FROM_EMAIL EMAIL_HOST_USER
        EMAIL_HOST_PASSWORD K8S_NAMESPACE K8S_NODE_NAME K8S_SERVICE_ACCOUNT_NAME K8S_SERVICE_ACCOUNT_EXPERIMENTS
        K8S_SERVICE_ACCOUNT_JOBS K8S_SERVICE_ACCOUNT_BUILDS DEFAULT_ROLE REPOS_CLAIM_NAME REPOS_HOST_PATH
        REPOS_MOUNT_PATH UPLOAD_MOUNT_PATH REGISTRY_LOCALHOST REGISTRY_HOST ROLE_LABELS_WORKER ROLE_LABELS_DASHBOARD
        ROLE_LABELS_LOG ROLE_LABELS_API ROLE_LABELS_CONFIG ROLE_LABELS_HOOKS TYPE_LABELS_CORE TYPE_LABELS_RUNNER
        APP_LABELS_TENSORBOARD APP_LABELS_NOTEBOOK APP_LABELS_DOCKERIZER APP_LABELS_EXPERIMENT APP_LABELS_JOB
        DNS_CUSTOM_CLUSTER""",
}
_LISTS = {"dict": "ROLES", "str": "OWNER_TYPES PUBLIC_PLUGIN_JOBS"}
# They would hand out the installation: nobody reads them over the network, administrators neither.
_NEVER_SHOWN = frozenset({"SECRET_INTERNAL_TOKEN", "ENCRYPTION_SECRET", "EMAIL_HOST_PASSWORD", "CELERY_BROKER_URL"})
_OTHER_NAMES = {"CELERY_BROKER_BACKEND": "broker_backend", "POLYAXON_ENVIRONMENT": "environment"}


def settings_options() -> Iterator[Option]:
    """The definitions. Which of them have a value depends on what this installation can be configured to do."""
    for is_list, kinds in ((False, _TYPED), (True, _LISTS)):
        for typing, names in kinds.items():
            for name in names.split():
                yield Option(
                    name,
                    typing,
                    f"Setting of the process: {name.lower().replace('_', ' ')}.",
                    is_list=is_list,
                    is_secret=name in _NEVER_SHOWN,
                    store=OptionStore.SETTINGS,
                )


def setting_value(key: str) -> Any:
    """What this process was started with under `key`; None for what it does not know, and for secrets."""
    if key in _NEVER_SHOWN:
        return None
    return configured(_OTHER_NAMES.get(key, key.lower().replace(":", "_")))


def configured(name: str) -> Any:
    """The field `name` of whichever area of the configuration has it; None for an empty one and if none has."""
    area = _areas().get(name)
    if area is None:
        return None
    found = getattr(getattr(settings.CONFIG, area), name)
    return str(found) if isinstance(found, Path) else found if found != "" else None


@cache
def _areas() -> dict[str, str]:
    """Which area of the configuration has a field: the first of those that do."""
    areas = [(area.name, type(getattr(settings.CONFIG, area.name)).model_fields) for area in fields(settings.CONFIG)]
    return {name: area for area, names in reversed(areas) for name in names}
