"""What all runs of an installation have in common, by its configuration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scheduler.runners.kubernetes.spec import ClusterSettings, Kind

if TYPE_CHECKING:
    from polyaxon.settings.config import Config


def cluster_settings(config: Config) -> ClusterSettings:
    """The settings of the area `kubernetes`, as builders of manifests take them."""
    given = config.kubernetes
    accounts = {
        Kind.EXPERIMENT: given.k8s_service_account_experiments,
        Kind.BUILD: given.k8s_service_account_builds,
        **dict.fromkeys((Kind.JOB, Kind.NOTEBOOK, Kind.TENSORBOARD), given.k8s_service_account_jobs),
    }
    return ClusterSettings(
        namespace=given.k8s_namespace,
        version=config.versions.chart_version,
        default_image=given.k8s_default_image,
        helper_image=given.k8s_helper_image,
        helper_pull_policy=given.k8s_helper_pull_policy,
        buildah_image=given.k8s_buildah_image,
        gpu_resource=given.k8s_gpu_resource_key,
        tpu_resource=given.k8s_tpu_resource_key,
        tpu_tensorflow=given.k8s_tpu_tf_version,
        user=given.security_context_user,
        group=given.security_context_group,
        service_accounts={kind.value: account for kind, account in accounts.items() if account},
        grace=math.ceil(config.runner.stop_grace_seconds),
        upload_grace=given.k8s_upload_grace,
    )
