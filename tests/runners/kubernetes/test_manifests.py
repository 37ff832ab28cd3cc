"""Manifests against golden files (`GOLDEN=write` writes them anew) and against the real API's types."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client

from polyaxon.pods import labels
from scheduler.runners.base import LaunchRefused
from scheduler.runners.kubernetes.manifests import ANCHOR, commands, names, objects, owned
from scheduler.runners.kubernetes.manifests.environment import literal
from scheduler.runners.kubernetes.spec import Backend, Kind, Placement, Replica, Volume
from tests.runners.kubernetes.launches import (
    CODE,
    GPU,
    LAUNCHES,
    RICH,
    RUN,
    SETTINGS,
    SSH,
    distributed,
    launch,
    workers,
)

GOLDEN = Path(__file__).parent / "golden"
MODELS = {"Pod": client.V1Pod, "Service": client.V1Service, "Secret": client.V1Secret, "ConfigMap": client.V1ConfigMap}


class Plain(yaml.SafeDumper):
    """Without references from one place to another."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as the base calls it
        return True


class Answer:
    """What the client's decoder takes for the body of an answer."""

    def __init__(self, data: Any) -> None:
        self.data = json.dumps(data)


def round_trip(found: dict[str, Any], model: type) -> Any:
    """As the official client understands it: a field that the API does not have is lost on the way."""
    api = client.ApiClient()
    return api.sanitize_for_serialization(api.deserialize(Answer(found), model.__name__))


def made(name: str) -> list[dict[str, Any]]:
    return objects(LAUNCHES[name], SETTINGS)


def pod_of(name: str, index: int = 0) -> dict[str, Any]:
    """The pod of a replica; the first one's comes last."""
    return [each for each in made(name) if each["kind"] == "Pod"][::-1][index]


def env_of(container: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each.get("value", "").replace("$$", "$") for each in container["env"]}


@pytest.mark.parametrize("name", LAUNCHES)
def test_manifests_are_those_of_the_golden_file(name: str) -> None:
    found = yaml.dump_all(made(name), Dumper=Plain, sort_keys=False, width=120)
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(found)
    assert path.read_text() == found, "GOLDEN=write writes it anew; look at the difference"


def test_every_golden_file_has_a_launch() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(LAUNCHES)


@pytest.mark.parametrize("name", LAUNCHES)
def test_the_api_knows_every_field(name: str) -> None:
    for found in made(name):
        if found["kind"] in MODELS:
            assert round_trip(found, MODELS[found["kind"]]) == found


@pytest.mark.parametrize("name", [name for name in LAUNCHES if name.startswith("kubeflow")])
def test_the_api_knows_every_field_of_templates(name: str) -> None:
    spec = made(name)[-1]["spec"]
    sets = next((value for key, value in spec.items() if key.endswith("ReplicaSpecs")), {})
    for found in sets.values():
        assert round_trip(found["template"], client.V1PodTemplateSpec) == found["template"]


def test_a_field_that_the_api_does_not_have_would_be_noticed() -> None:
    pod = pod_of("job")
    pod["spec"]["containers"][0]["volumeMount"] = []
    assert round_trip(pod, client.V1Pod) != pod


@pytest.mark.parametrize("name", LAUNCHES)
def test_everything_is_found_and_goes_with_its_attempt(name: str) -> None:
    found = made(name)
    assert found[0]["kind"] == ANCHOR
    for each in found:
        found_labels = each["metadata"]["labels"]
        assert found_labels[labels.RUN] == RUN
        assert found_labels[labels.MANAGED_BY[0]] == "polyaxon"
        assert each["metadata"]["namespace"] == "ml"
        assert len(each["metadata"]["name"]) <= 63
        assert all(len(value) <= 63 for value in found_labels.values())
    reference = owned(found[-1], found[0]["metadata"]["name"], "uid-1")["metadata"]["ownerReferences"]
    assert [each["uid"] for each in reference] == ["uid-1"]


@pytest.mark.parametrize("name", LAUNCHES)
def test_no_secret_is_shown_outside_of_secrets(name: str) -> None:
    shown = json.dumps([each for each in made(name) if each["kind"] != "Secret"])
    assert "secret-token" not in shown
    assert CODE.token not in shown
    assert SSH.private not in shown


def test_names_differ_between_attempts() -> None:
    first, second = (
        [each["metadata"]["name"] for each in made(name)] for name in ("experiment", "experiment-second-attempt")
    )
    assert not set(first) & set(second)
    assert pod_of("experiment")["metadata"]["name"] == f"plx-{RUN}-master-0"


def test_a_pod_is_nobody_special_unless_its_file_says_so() -> None:
    context = pod_of("experiment")["spec"]["securityContext"]
    assert (context["runAsNonRoot"], context["runAsUser"]) == (True, 2222)
    main = pod_of("experiment")["spec"]["containers"][0]["securityContext"]
    assert main == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    root = launch(replicas=(Replica(place=Placement(security_context={"runAsUser": 0})),))
    context = objects(root, SETTINGS)[-1]["spec"]["securityContext"]
    assert (context["runAsNonRoot"], context["runAsUser"]) == (False, 0)


def test_the_platform_wins_over_what_users_say() -> None:
    pod = pod_of("experiment-everything")
    assert pod["metadata"]["labels"]["app"] == "polyaxon-experiment"
    assert pod["metadata"]["labels"]["team"] == "vision"
    env = env_of(pod["spec"]["containers"][0])
    assert "POLYAXON_PARAMS" not in env  # that of the secret counts
    assert env["PRICE"] == "$(HOME) $5"
    assert pod["spec"]["containers"][0]["envFrom"][-1] == {"secretRef": {"name": f"plx-{RUN}"}}


@given(st.text(alphabet=st.sampled_from("$()ab{} ")))
def test_commands_reach_the_shell_as_they_are(text: str) -> None:
    """The rule by which Kubernetes replaces `$(NAME)`, `$$` standing for one dollar."""
    assert expanded(literal(text), {"a": "wrong", "b": "wrong", "": "wrong"}) == text


def expanded(text: str, variables: dict[str, str]) -> str:
    out, place = [], 0
    while place < len(text):
        if text[place] != "$" or place + 1 == len(text):
            out.append(text[place])
            place += 1
        elif text[place + 1] == "$":
            out.append("$")
            place += 2
        elif text[place + 1] == "(" and ")" in text[place:]:
            end = text.index(")", place)
            name = text[place + 2 : end]
            out.append(variables.get(name, f"$({name})"))
            place = end + 1
        else:
            out.append(text[place : place + 2])
            place += 2
    return "".join(out)


def supervise(command: str, **more: Any) -> subprocess.Popen[str]:
    arguments = [each.replace("$$", "$") for each in commands.supervised(command)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


@pytest.mark.parametrize(
    ("command", "code", "out"),
    [
        ("echo \"a  b\" 'c' $((1 + 1)); echo err >&2; echo out", 0, "a  b c 2\nerr\nout\n"),
        ("exit 3", 3, ""),
        ("kill -KILL $$", 137, ""),
        ("trap 'echo saving; exit 5' TERM; kill -TERM $$; sleep 5", 5, "saving\n"),
    ],
)
def test_the_supervisor_ends_as_the_command_does(command: str, code: int, out: str) -> None:
    with supervise(command) as process:
        found = process.communicate(timeout=20)
        assert (process.returncode, *found) == (code, out, "")


def test_a_stop_reaches_every_process_of_the_command() -> None:
    inner = "trap 'echo inner; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with supervise(f"trap 'wait; echo outer; exit 4' TERM; bash -c {json.dumps(inner)} & wait") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        out, _ = process.communicate(timeout=20)
        # The shells may tell that their `sleep` was terminated, too.
        said = [line for line in out.splitlines() if "Terminated" not in line]
        assert (process.returncode, said) == (4, ["inner", "outer"])


def test_a_stop_without_a_handler_ends_the_command() -> None:
    with supervise("echo ready; sleep 60; echo never") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        out, _ = process.communicate(timeout=20)
        assert (process.returncode, out) == (143, "")


def test_replicas_of_tensorflow_find_each_other() -> None:
    config = json.loads(env_of(pod_of("tensorflow", 2)["spec"]["containers"][0])["TF_CONFIG"])
    assert config["task"] == {"type": "worker", "index": 1}
    assert {role: len(hosts) for role, hosts in config["cluster"].items()} == {"chief": 1, "worker": 2, "ps": 1}
    assert config["cluster"]["worker"][1] == f"plx-{RUN}-worker-1.plx-{RUN}:2222"
    pod = pod_of("tensorflow", 2)
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == (f"plx-{RUN}-worker-1", f"plx-{RUN}")


def test_ranks_of_pytorch_and_torchrun() -> None:
    envs = [env_of(pod_of("pytorch", index)["spec"]["containers"][0]) for index in range(3)]
    assert [env["RANK"] for env in envs] == [env["PET_NODE_RANK"] for env in envs] == ["0", "1", "2"]
    assert {env["WORLD_SIZE"] for env in envs} == {"3"}
    assert {env["PET_NPROC_PER_NODE"] for env in envs} == {"2"}
    assert [env["MASTER_ADDR"] for env in envs] == ["localhost", *[f"plx-{RUN}-master-0.plx-{RUN}"] * 2]


def test_roles_of_mxnet() -> None:
    envs = [env_of(pod_of("mxnet", index)["spec"]["containers"][0]) for index in range(5)]
    assert [env["DMLC_ROLE"] for env in envs] == ["scheduler", "worker", "worker", "server", "server"]
    assert {(env["DMLC_NUM_WORKER"], env["DMLC_NUM_SERVER"]) for env in envs} == {("2", "2")}


def test_horovod_starts_a_process_per_gpu_on_every_host() -> None:
    command = pod_of("horovod", 0)["spec"]["containers"][0]["command"][-1]
    hosts = [f"plx-{RUN}-worker-{index}.plx-{RUN}" for index in range(2)]
    assert f"mpirun -np 6 -H localhost:2,{hosts[0]}:2,{hosts[1]}:2" in command
    assert all(f"/dev/tcp/{host}/2222" in command for host in hosts)
    assert " -x " not in command  # each host's processes have the environment of their own container
    assert "sshd" in pod_of("horovod", 1)["spec"]["containers"][0]["command"][-1]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (launch(framework="mxnet", backend=Backend.KUBEFLOW), "framework must be one of tensorflow, pytorch"),
        (launch(framework="horovod", backend=Backend.MPI), "n_workers must be at least 1"),
        (launch(framework="tensorflow", backend=Backend.TRAINER), "framework must be one of pytorch, mpi"),
        (launch(framework="pytorch", backend=Backend.TRAINER, code=CODE), "no containers that fetch code"),
        (launch(kind=Kind.BUILD), "a build without an image"),
    ],
)
def test_what_cannot_be_run_is_refused(wrong: Any, told: str) -> None:
    with pytest.raises(LaunchRefused, match=told):
        objects(wrong, SETTINGS)


def test_only_a_runs_own_part_of_a_store_is_mounted() -> None:
    spec = pod_of("experiment")["spec"]
    mounts = {each["name"]: each for each in spec["containers"][0]["volumeMounts"]}
    assert mounts["store-outputs"]["subPath"] == "ada/mnist/experiments/7"
    shown = {each["mountPath"] for each in spec["containers"][0]["volumeMounts"]}
    assert "/plx-outputs" not in shown


@pytest.mark.parametrize(("name", "expected"), [("My_Data.set", "store-my-data-set"), ("a" * 80, f"store-{'a' * 54}")])
def test_names_of_stores_become_names_of_volumes(name: str, expected: str) -> None:
    found = objects(launch(outputs=Volume(name=name, mount_path="/o")), SETTINGS)[-1]
    assert expected in [each["name"] for each in found["spec"]["volumes"]]


@given(st.text(max_size=80))
def test_labels_take_any_text(text: str) -> None:
    value = names.label_value(text)
    assert len(value) <= 63
    assert not value or (value[0].isalnum() and value[-1].isalnum())


@pytest.mark.parametrize("run", ["", "x" * 32, RUN.upper(), RUN + "0", "../x"])
def test_what_is_no_run_is_refused(run: str) -> None:
    with pytest.raises(LaunchRefused, match="32 hexadecimal digits"):
        names.check_run(run)


def test_later_attempts_keep_what_they_ask_for() -> None:
    again = objects(replace(distributed("pytorch", *workers(1, place=GPU), place=RICH), attempt=12), SETTINGS)
    pods = [each for each in again if each["kind"] == "Pod"][::-1]
    assert [pod["metadata"]["name"] for pod in pods] == [f"plx-{RUN}-master-0-a12", f"plx-{RUN}-worker-0-a12"]
    assert pods[0]["spec"]["subdomain"] == f"plx-{RUN}-a12"
