"""The platform in parts: an API and every component as processes, on Postgres, RabbitMQ, Redis and the cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.helper import push_helper
from tests.components.processes import Process
from tests.embedded.server import PASSWORD, ROOT, Server, free_port, postgres_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.cluster.cluster import Cluster

COMPONENTS = ("scheduler", "hpsearch", "monitors", "k8s-events", "events", "beat")


class Platform:
    """Everything that is ours. `api` speaks for it; `parts` are its other processes, by component."""

    def __init__(
        self, cluster: Cluster, namespace: str, folder: Path, *, postgres: str, amqp: str, redis: str, **more: str
    ) -> None:
        """`more`: settings."""
        self.namespace = namespace
        self.outputs = folder / "outputs"
        self.outputs.mkdir()
        self.outputs.chmod(0o777)
        host = cluster.plan.host
        self.environment = {
            "POLYAXON_HOST": host,
            "POLYAXON_ALLOWED_HOSTS": json.dumps([host]),
            "POLYAXON_SECRET_KEY": "only-for-tests-0123456789-0123456789-0123456789",
            "POLYAXON_SECRET_INTERNAL_TOKEN": "only-for-tests",
            "POLYAXON_DATA_DIR": str(folder / "data"),
            **postgres_environment(postgres),
            "POLYAXON_BROKER_BACKEND": "rabbitmq",
            "POLYAXON_AMQP_URL": amqp,
            "POLYAXON_REDIS_URL": redis,
            "POLYAXON_RUNNER_BACKEND": "kubernetes",
            "POLYAXON_LEASE_SECONDS": "10",  # beside a cluster everything is slow
            "POLYAXON_K8S_NAMESPACE": namespace,
            "POLYAXON_K8S_KUBECONFIG": str(cluster.kubeconfig),
            "POLYAXON_K8S_DEFAULT_IMAGE": cluster.base_image,
            "POLYAXON_K8S_HELPER_IMAGE": push_helper(cluster.plan),
            "POLYAXON_PERSISTENCE_OUTPUTS": json.dumps({"o": {"mountPath": "/outputs", "hostPath": str(self.outputs)}}),
            "POLYAXON_OUTPUTS_ROOT": str(self.outputs),
            "NO_PROXY": f"{host},10.0.0.0/8,127.0.0.1,localhost",
            **more,
        }
        self.folder = folder
        self.api = _Api(folder / "data", self.environment)
        self.environment["POLYAXON_API_HOST"] = self.api.url
        self.parts: dict[str, list[Process]] = {}

    def start(self, **replicas: int) -> Platform:
        """`replicas`: of a component, if there are to be more than one; `_` for `-` in its name."""
        self._manage("migrate", "--verbosity=0")
        self._manage("createuser", "--username=admin", "--email=a@b.example", f"--password={PASSWORD}", "--superuser")
        self.api.launch()
        for name in COMPONENTS:
            count = replicas.get(name.replace("-", "_"), 1)
            self.parts[name] = [Process(name, self.folder, self.environment).launch() for _ in range(count)]
        for part in self.all_parts():
            part.until(lambda part=part: part.ask("/readyz")[0] == 200, 180)
        self.api.wait_until_ready(180)
        return self

    def all_parts(self) -> list[Process]:
        return [part for parts in self.parts.values() for part in parts]

    def stop(self) -> dict[str, list[int]]:
        """The exit code of each process, by component."""
        codes = {name: [part.stop() for part in parts] for name, parts in self.parts.items()}
        return codes | {"api": [self.api.stop()]}

    def close(self) -> None:
        for part in self.all_parts():
            part.close()
        if self.api.process is not None and self.api.process.poll() is None:
            self.api.kill()

    def describe(self) -> str:
        """The end of every log."""
        logs = {part.name: part.tail() for part in self.all_parts()} | {"api": self.api.log.read_text()}
        return "\n".join(f"== {name} ==\n{text[-2000:]}" for name, text in logs.items())

    def _manage(self, *arguments: str) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        subprocess.run(command, cwd=ROOT, env=self.api.environment, check=True, stdout=subprocess.DEVNULL)


class _Api(Server):
    """The API, as a component of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(folder)
        self.environment |= environment
        self.environment["POLYAXON_COMPONENT_PORT"] = str(free_port())
        self.url = f"http://{environment['POLYAXON_HOST']}:{self.port}"
        self.command = [sys.executable, str(ROOT / "manage.py"), "component", "api"]
