"""Deployment files: everything the published shape allows, all problems at once, and what would be driven."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polyaxon_schemas.deployment.schema import TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Tool = Callable[..., Result]

FULL = """\
deploymentType: {kind}
deploymentVersion: 0.7.0
clusterId: 1a2b
namespace: lab
rbac: {{enabled: true}}
polyaxonSecret: a
internalToken: b
adminViewEnabled: false
timeZone: Europe/Berlin
environment: staging
ingress: {{enabled: true, hostName: plx.example.org, path: /, tls: [{{secretName: x}}], annotations: {{a: b}}}}
user: {{username: root, email: root@example.org, password: pass}}
nodeSelector: {{disk: ssd}}
tolerations: [{{key: x, operator: Exists}}]
affinity: {{}}
limitResources: true
globalReplicas: 2
globalConcurrency: 3
api: {{enabled: true, image: polyaxon/polyaxon-api, imageTag: latest, imagePullPolicy: Always, service: {{x: 1}}}}
streams: {{resources: {{limits: {{cpu: 1}}}}}}
scheduler: {{enabled: true, concurrency: 3, celery: {{workerPrefetchMultiplier: 4}}}}
worker: {{celery: {{taskTrackStarted: false}}}}
hpsearch: {{}}
eventsHandlers: {{replicas: 2}}
k8sEventsHandlers: {{replicas: 2}}
beat: {{}}
crons: {{}}
eventMonitors: {{replicas: 1, namespace: {{enabled: true}}, statuses: {{enabled: true}}}}
resourcesDaemon: {{enabled: true, concurrency: 1, tolerations: []}}
tablesHook: {{image: x}}
hooks: {{enabled: true, loadFixtures: true}}
postgresql: {{enabled: false, persistence: {{enabled: false}}}}
redis: {{enabled: true, usePassword: true, password: x, image: {{tag: 5.0.4}}}}
rabbitmq-ha: {{enabled: false, rabbitmqUsername: x, rabbitmqPassword: y}}
docker-registry: {{enabled: true, registryUser: x, registryPassword: y}}
broker: redis
email: {{host: smtp, port: 25, useTls: false, hostUser: a, hostPassword: b, backend: c, from: d, subjectPrefix: e}}
ldap: {{enabled: false}}
hostName: 1.2.3.4
allowedHosts: [a.example.org]
adminModels: []
serviceType: NodePort
dirs: {{nvidia: {{lib: /x}}}}
mountPaths: {{}}
intervals: {{experimentsScheduler: 15}}
persistence:
  logs: {{store: s3, bucket: "s3://logs", secret: x, secretKey: y}}
  repos: {{existingClaim: repos, mountPath: /repos}}
  upload: {{hostPath: /tmp/upload}}
  data: {{data1: {{mountPath: /data, hostPath: /data, readOnly: true, subPath: x}}}}
  outputs: {{outputs1: {{store: gcs, bucket: "gs://o"}}}}
securityContext: {{enabled: true, user: 1000, group: 1000}}
externalServices: {{postgresql: {{user: a, password: b, host: h, port: 5432, database: d, connMaxAge: 5}}}}
plugins: {{notebook: {{port: 8888}}}}
dns: {{prefix: x}}
ssl: {{enabled: true, secretName: x, path: /etc/ssl}}
encryptionSecret: s
reposAccessToken: t
debugMode: false
logLevel: info
trackerBackend: noop
passwordLength: 12
includeChartRevision: true
types: {{core: x}}
roles: {{api: x}}
k8s: {{host: x}}
"""


def write(work: Path, text: str) -> str:
    (work / "config.yml").write_text(text)
    return "config.yml"


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("verb", ["deploy", "upgrade", "teardown"])
def test_everything_that_is_known_is_accepted_for_every_type(polyaxon: Tool, work: Path, kind: str, verb: str) -> None:
    result = polyaxon("admin", verb, "--check", "-f", write(work, FULL.format(kind=kind)), "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    plan = json.loads(result.stdout)
    assert (plan["type"], plan["namespace"]) == (kind, "lab")
    tool = {"docker-compose": "docker", "docker": None, "heroku": None}.get(kind, "helm")
    assert {command.split()[0] for command in plan["commands"]} == ({tool} if tool else set())


def test_helm_gets_what_the_file_says(polyaxon: Tool, work: Path) -> None:
    file = write(work, "namespace: lab\ndeploymentVersion: 0.7.0\n")
    install = polyaxon("admin", "deploy", "--check", "--dry_run", "--manager_path=./chart", "-f", file, "--json")
    [command] = json.loads(install.stdout)["commands"]
    assert command.startswith("helm install polyaxon ./chart --create-namespace --namespace=lab ")
    assert command.endswith(" -f config.yml --version 0.7.0 --debug --dry-run")
    delete = polyaxon("admin", "teardown", "--check", "--no-hooks", "-f", file, "--json")
    assert json.loads(delete.stdout)["commands"] == ["helm delete polyaxon --no-hooks --namespace=lab"]


def test_all_problems_are_told_at_once_with_their_lines(polyaxon: Tool, work: Path) -> None:
    text = """\
deploymentType: kubernets
user:
  email: nobody
apii: {}
postgresql:
  enabled: false
scheduler:
  concurrency: three
securityContext:
  user: 1
persistence:
  logs:
    store: s3
  data:
    a: {hostPath: /x, existingClaim: y}
rabbitmq-ha: {enabled: false}
"""
    result = polyaxon("admin", "deploy", "--check", "-f", write(work, text))
    assert result.exit_code == 1
    told = [line.removeprefix("Error: ").split(": ")[:2] for line in result.stderr.splitlines()]
    assert told == [
        ["config.yml:1", "deploymentType"],
        ["config.yml:3", "user.email"],
        ["config.yml:4", "apii"],
        ["config.yml:6", "postgresql.enabled"],
        ["config.yml:8", "scheduler.concurrency"],
        ["config.yml:9", "securityContext"],
        ["config.yml:12", "persistence.logs"],
        ["config.yml:15", "persistence.data.a"],
        ["config.yml:16", "rabbitmq-ha.enabled"],
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "config.yml:2: not valid YAML"),
        ("- a", "expected a mapping at the top of the file, found a list"),
        ("broker: kafka", "config.yml:1: broker: expected 'redis' or 'rabbitmq', found the text 'kafka'"),
        ("email: {port: 0}", "email.port: must be greater than or equal to 1"),
        ("intervals: {experimentsSync: null}", "intervals.experimentsSync: expected a whole number"),
    ],
)
def test_a_file_that_cannot_be(polyaxon: Tool, work: Path, text: str, said: str) -> None:
    result = polyaxon("admin", "upgrade", "--check", "-f", write(work, text))
    assert result.exit_code == 1
    assert said in result.stderr


def test_a_missing_file_is_named(polyaxon: Tool) -> None:
    result = polyaxon("admin", "deploy", "--check", "-f", "no.yml")
    assert (result.exit_code, result.stderr) == (1, "Error: no.yml: cannot be read: No such file or directory.\n")


def test_slips_in_services_are_warned_about(polyaxon: Tool, work: Path) -> None:
    result = polyaxon("admin", "deploy", "--check", "-f", write(work, "api: {replica: 2}\nredis: {master: {}}\n"))
    assert result.exit_code == 0
    assert "Warning: api.replica is not known; did you mean 'replicas'?\n" in result.stderr
    assert "master" not in result.stderr


def test_without_check_nothing_is_installed_and_it_says_so(polyaxon: Tool) -> None:
    result = polyaxon("admin", "deploy")
    assert result.exit_code == 1
    assert "does not deploy by itself" in result.stderr
    assert "helm install polyaxon" in result.stdout
