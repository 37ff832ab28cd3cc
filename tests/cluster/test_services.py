"""Notebooks, tensorboards and builds on a real cluster: a server whose runs are pods, and people who look at them."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import connect

from polyaxon.pods import labels
from polyaxon.pods.store import MemoryPodStore
from scheduler.runners.kubernetes.spec import Kind
from tests.api.test_repos import archive
from tests.cluster import images
from tests.cluster.helper import push_helper
from tests.cluster.runs import make_runner, on_node, pod_log, watching
from tests.cluster.services import STAND_IN, push_services
from tests.embedded.server import ROOT, Server
from tests.helper.test_init import upload
from tests.runners.contract import ServiceContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubernetes import client

    from scheduler.runners.base import LaunchSpec, Runner
    from tests.cluster.cluster import Cluster

DONE = {"succeeded", "failed", "stopped"}
pytestmark = pytest.mark.timeout(400)


class TestClusterServices(ServiceContract):
    seconds = 60.0

    @pytest.fixture
    def runner(self, cluster: Cluster, cluster_namespace: str, core: client.CoreV1Api) -> Iterator[Runner]:
        store = MemoryPodStore()
        with watching(core, cluster_namespace, store):
            yield make_runner(cluster, cluster_namespace, store)

    def command(self) -> str:
        return f"exec python3 -c {shlex.quote(STAND_IN.read_text())}"

    def spec(self, folder: Path, command: str, **more: Any) -> LaunchSpec:
        spec, service = super().spec(folder, command, **more), self.service()
        return on_node(spec, kind=Kind.NOTEBOOK, port=service.port, ready_path=service.ready_path)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (folder := tmp_path_factory.mktemp("shared") / "outputs").mkdir()
    for each in (folder, folder.parent):
        each.chmod(0o777)
    return folder


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    from kubernetes import client

    from tests.cluster import api

    with api.namespace(client.CoreV1Api(cluster.api())) as name:
        yield name


@pytest.fixture(scope="module")
def server(
    cluster: Cluster, namespace: str, tmp_path_factory: pytest.TempPathFactory, outputs: Path
) -> Iterator[Server]:
    host, registry = cluster.plan.host, cluster.plan.registry
    running = Server(
        tmp_path_factory.mktemp("server") / "data",
        POLYAXON_HOST=host,
        POLYAXON_ALLOWED_HOSTS=json.dumps([host]),
        POLYAXON_RUNNER_BACKEND="kubernetes",
        POLYAXON_K8S_NAMESPACE=namespace,
        POLYAXON_K8S_KUBECONFIG=str(cluster.kubeconfig),
        POLYAXON_K8S_DEFAULT_IMAGE=cluster.base_image,
        POLYAXON_K8S_HELPER_IMAGE=push_helper(cluster.plan),
        POLYAXON_K8S_BUILDAH_IMAGE=images.reference(cluster.plan, images.BUILDER),
        POLYAXON_REGISTRY_LOCALHOST=registry,
        POLYAXON_PERSISTENCE_OUTPUTS=json.dumps({"outputs": {"mountPath": "/outputs", "hostPath": str(outputs)}}),
        POLYAXON_OUTPUTS_ROOT=str(outputs),
        NO_PROXY=f"{host},10.0.0.0/8,127.0.0.1",
    )
    running.url = f"http://{host}:{running.port}"
    try:
        running.start(patience=180)
        running.request("POST", "projects", {"name": "digits"})
        upload(running, "digits", archive(**{"train.sh": "echo trained\n", "requirements.txt": "numpy\n"}))
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def services(cluster: Cluster) -> str:
    return push_services(cluster.plan)


def file(kind: str, image: str, **more: Any) -> dict[str, str]:
    return {"content": json.dumps({"version": 1, "kind": kind, "build": {"image": image, **more}})}


def started(server: Server, place: str, body: dict[str, str]) -> tuple[dict[str, Any], str]:
    made = server.request("POST", f"admin/digits/{place}/start", body)
    kind = place.rpartition("/")[2]
    server.wait_for(f"admin/digits/{kind}s/{made['id']}", {"running"}, 120)
    return made, f"/{kind}/proxy/{made['pod_id']}/"


def get(server: Server, path: str) -> httpx.Response:
    headers = {"Authorization": f"Token {server.token}", "Accept": "*/*"}
    return httpx.get(f"{server.url}{path}", headers=headers, trust_env=False, timeout=30)


def of_run(core: client.CoreV1Api, namespace: str, run: str) -> list[str]:
    """What is left of a run in the cluster."""
    selector = {"label_selector": f"{labels.RUN}={run}"}
    lists = (
        core.list_namespaced_pod,
        core.list_namespaced_service,
        core.list_namespaced_secret,
        core.list_namespaced_config_map,
    )
    return [each.metadata.name for listed in lists for each in listed(namespace, **selector).items]


def wait_gone(core: client.CoreV1Api, namespace: str, run: str) -> None:
    deadline = time.monotonic() + 60
    while found := of_run(core, namespace, run):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


def test_a_notebook_from_start_to_stop(server: Server, core: client.CoreV1Api, namespace: str, services: str) -> None:
    made = server.request("POST", "admin/digits/notebook/start", file("notebook", services))
    path = f"/notebook/proxy/{made['pod_id']}/"
    assert get(server, "/notebook/admin/digits/").status_code == 503
    found = server.wait_for(f"admin/digits/notebooks/{made['id']}", {"running"}, 120)
    assert get(server, "/notebook/admin/digits/").headers["location"] == f"{path}tree"
    seen = get(server, f"{path}api/contents").json()
    told = {key.lower(): value for key, value in seen["headers"].items()}
    assert told["authorization"] == f"token {seen['environment']['POLYAXON_SERVICE_TOKEN']}"
    assert server.token not in json.dumps(seen)
    assert get(server, f"{path}folder").json()["files"] == ["outputs", "requirements.txt", "train.sh"]

    async def talk() -> Any:
        headers = {"Authorization": f"Token {server.token}"}
        async with connect(f"ws{server.url[4:]}{path}ws", additional_headers=headers, proxy=None) as socket:
            await socket.recv()
            await socket.send("hello")
            return await socket.recv()

    assert asyncio.run(talk()) == "hello"
    kinds = {name.split("-")[1] for name in of_run(core, namespace, found["uuid"])}
    assert "notebook" in kinds
    server.request("POST", "admin/digits/notebook/stop")
    server.wait_for(f"admin/digits/notebooks/{made['id']}", {"stopped"}, 60)
    wait_gone(core, namespace, found["uuid"])
    time.sleep(2)
    assert get(server, f"{path}x").status_code == 404


def test_a_tensorboard_reads_what_it_is_of(
    server: Server, core: client.CoreV1Api, namespace: str, services: str, outputs: Path
) -> None:
    keys = [
        server.create_experiment("digits", f"echo {name} > $POLYAXON_RUN_OUTPUTS_PATH/events.{name}")
        for name in ("one", "two")
    ]
    for key in keys:
        assert server.wait_for(f"admin/digits/experiments/{key}", DONE, 120)["last_status"] == "succeeded"
    made, path = started(server, f"experiments/{keys[0]}/tensorboard", file("tensorboard", services))
    assert get(server, f"{path}folder").json()["files"] == ["events.one"]
    of_project, wide = started(server, "tensorboard", file("tensorboard", services))
    assert {"experiments/1/events.one", "experiments/2/events.two"} <= set(get(server, f"{wide}folder").json()["files"])
    pod = core.list_namespaced_pod(namespace, label_selector=f"{labels.KIND}=tensorboard").items[0]
    store = next(each for each in pod.spec.containers[0].volume_mounts if each.mount_path.startswith("/outputs"))
    assert store.read_only
    for each, where in ((made, f"experiments/{keys[0]}/tensorboard"), (of_project, "tensorboard")):
        server.request("POST", f"admin/digits/{where}/stop")
        found = server.wait_for(f"admin/digits/tensorboards/{each['id']}", {"stopped"}, 60)
        wait_gone(core, namespace, found["uuid"])


def test_one_that_cannot_be_pulled_says_so_while_it_waits(server: Server, cluster: Cluster) -> None:
    made = server.request("POST", "admin/digits/notebook/start", file("notebook", f"{cluster.plan.registry}/no:1"))
    server.wait_for(f"admin/digits/notebooks/{made['id']}", {"warning"}, 60)
    page = get(server, "/notebook/admin/digits/")
    assert (page.status_code, "cannot be pulled" in page.text) == (503, True)
    server.request("POST", "admin/digits/notebook/stop")
    server.wait_for(f"admin/digits/notebooks/{made['id']}", {"stopped"}, 60)


def test_an_image_is_built_once_and_run(
    server: Server, core: client.CoreV1Api, namespace: str, cluster: Cluster
) -> None:
    build = {
        "image": cluster.base_image,
        "build_steps": ["cp /code/requirements.txt /wanted"],
        "env_vars": [["GREETING", "hello there"]],
    }
    command = 'cat /wanted train.sh; echo "$GREETING"; stat -c %u train.sh; touch mine && echo written'
    first = server.create_experiment("digits", command, build=build)
    found = server.wait_for(f"admin/digits/experiments/{first}", DONE, 300)
    history = server.request("GET", f"admin/digits/experiments/{first}/statuses")["results"]
    assert [each["status"] for each in history] == [
        *("created", "building", "scheduled", "starting", "running", "succeeded"),
    ], history
    assert pod_log(core, namespace, found["uuid"]) == ["numpy", "echo trained", "hello there", "2222", "written"]
    made = int(found["build_job"].rpartition(".")[2])
    detail = server.request("GET", f"admin/digits/builds/{made}")
    assert detail["last_status"] == "succeeded"
    assert "COPY --chown=2222:2222 requirements.txt /code/requirements.txt" in detail["dockerfile"]
    second = server.create_experiment("digits", "echo again", build=build)
    again = server.wait_for(f"admin/digits/experiments/{second}", DONE, 120)
    assert (again["last_status"], again["build_job"]) == ("succeeded", found["build_job"])
    assert server.request("GET", "admin/digits/builds")["count"] == 1


def test_a_build_that_fails_ends_who_waits_for_it(server: Server, cluster: Cluster) -> None:
    build = {"image": cluster.base_image, "build_steps": ["echo no such package; exit 7"]}
    key = server.create_experiment("digits", "true", build=build)
    server.wait_for(f"admin/digits/experiments/{key}", {"failed"}, 300)
    last = server.request("GET", f"admin/digits/experiments/{key}/statuses")["results"][-1]
    assert "whose image this needs, failed" in last["message"]


def test_a_dockerfile_of_the_project_is_used_as_it_is(
    server: Server, core: client.CoreV1Api, namespace: str, cluster: Cluster
) -> None:
    server.request("POST", "projects", {"name": "own"})
    text = f"FROM {cluster.base_image}\nRUN echo mine > /made\nWORKDIR /code\nCOPY part.txt .\n"
    upload(server, "own", archive(**{"docker/Dockerfile": text, "sub/part.txt": "a part\n"}))
    content = {
        "version": 1,
        "kind": "job",
        "build": {"dockerfile": "docker/Dockerfile", "context": "sub"},
        "run": {"cmd": "cat /made part.txt"},
    }
    made = server.request("POST", "admin/own/jobs", {"content": json.dumps(content)})
    found = server.wait_for(f"admin/own/jobs/{made['id']}", DONE, 300)
    assert found["last_status"] == "succeeded"
    assert pod_log(core, namespace, found["uuid"]) == ["mine", "a part"]


def test_the_helper_is_built_as_its_dockerfile_says(
    server: Server, core: client.CoreV1Api, namespace: str, cluster: Cluster
) -> None:
    """But for the system below it: no registry of the world is reached from here."""
    folder = ROOT / "docker" / "helper"
    files = {str(path.relative_to(folder)): path.read_text() for path in (folder / "Dockerfile", *folder.rglob("*.py"))}
    first, _, rest = files["Dockerfile"].partition("FROM python:3.13-alpine\n")
    assert rest
    files["Dockerfile"] = f"{first}FROM {cluster.base_image}\n{rest}"
    server.request("POST", "projects", {"name": "helper"})
    upload(server, "helper", archive(**files))
    content = {
        "version": 1,
        "kind": "job",
        "build": {"dockerfile": "Dockerfile"},
        "run": {"cmd": """POLYAXON_HELPER='{"folders": ["/tmp/made"]}' python3 -m helper init; ls -d /tmp/made"""},
    }
    made = server.request("POST", "admin/helper/jobs", {"content": json.dumps(content)})
    found = server.wait_for(f"admin/helper/jobs/{made['id']}", DONE, 300)
    assert found["last_status"] == "succeeded", found
    assert pod_log(core, namespace, found["uuid"]) == ["/tmp/made"]
