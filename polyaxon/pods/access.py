"""The way to the API server of the cluster."""

from __future__ import annotations

from kubernetes import client, config


class NoAccess(Exception):
    """There are no credentials, or they cannot be read: one sentence."""


def connect(kubeconfig: str = "", context: str = "") -> client.ApiClient:
    """A client by the file, or by the account of the pod that this process runs in. Raises `NoAccess`."""
    settings = client.Configuration()
    try:
        if kubeconfig:
            config.load_kube_config(kubeconfig, context=context or None, client_configuration=settings)
        else:
            config.load_incluster_config(client_configuration=settings)
    except (config.ConfigException, OSError) as error:
        where = f"POLYAXON_K8S_KUBECONFIG={kubeconfig}" if kubeconfig else "the account of this pod"
        raise NoAccess(f"no access to the cluster by {where}: {error}") from error
    settings.connection_pool_maxsize = 32
    settings.retries = False  # what is worth trying again is tried by whoever asked
    return client.ApiClient(settings)
