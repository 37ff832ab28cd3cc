"""Which commands of which tools put a deployment in place: helm on clusters, compose on one machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from polyaxon_schemas.deployment.schema import Deployment

__all__ = ["Plan", "plan"]

RELEASE = "polyaxon"
CHART = "polyaxon/polyaxon"
VOLUME = "polyaxon-postgres"
COMPOSE_FOLDER = "~/.polyaxon/.compose"
CLUSTERS = ("kubernetes", "minikube", "microk8s")
TOOLS = {**dict.fromkeys(CLUSTERS, ("kubectl", "helm")), "docker-compose": ("docker",), "docker": ("docker",)}


@dataclass(frozen=True)
class Plan:
    """The tools that are needed, and the commands in order."""

    tools: tuple[str, ...] = ()
    commands: list[list[str]] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """Tools that this machine does not have."""
        return [tool for tool in self.tools if shutil.which(tool) is None]


def plan(
    verb: str,
    deployment: Deployment,
    file: Path | None,
    *,
    chart: str | None = None,
    dry_run: bool = False,
    hooks: bool = True,
) -> Plan:
    """What `deploy`, `upgrade` or `teardown` (`verb`) of a deployment does."""
    tools = TOOLS.get(deployment.kind, ())
    if deployment.kind in CLUSTERS:
        return Plan(tools, _helm(verb, deployment, file, chart or CHART, dry_run=dry_run, hooks=hooks))
    if deployment.kind == "docker-compose":
        return Plan(tools, _compose(verb, dry_run=dry_run))
    # The types docker and heroku are set up by hand.
    return Plan(tools)


def _helm(
    verb: str, deployment: Deployment, file: Path | None, chart: str, *, dry_run: bool, hooks: bool
) -> list[list[str]]:
    namespace = f"--namespace={deployment.where}"
    if verb == "teardown":
        return [["helm", "delete", RELEASE, *([] if hooks else ["--no-hooks"]), namespace]]
    values = ["-f", str(file)] if file else []
    version = ["--version", deployment.deployment_version] if deployment.deployment_version else []
    options = [namespace, *values, *version, *(["--debug", "--dry-run"] if dry_run else [])]
    if verb == "upgrade":
        return [["helm", "upgrade", RELEASE, chart, *options]]
    return [["helm", "install", RELEASE, chart, "--create-namespace", *options]]


def _compose(verb: str, *, dry_run: bool) -> list[list[str]]:
    compose = ["docker", "compose", "-f", f"{COMPOSE_FOLDER}/docker-compose.yml"]
    if verb == "teardown":
        return [[*compose, "down"]]
    if dry_run:
        return [[*compose, "config"]]
    return [["docker", "volume", "create", f"--name={VOLUME}"], [*compose, "up", "-d"]]
