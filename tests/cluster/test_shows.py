"""What the platform is for, on a real cluster and with every component a process of its own."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import joblib
import pytest
import yaml

from tests.api.test_repos import archive
from tests.cluster.example_image import push_example
from tests.cluster.framework_images import push_mpi
from tests.cluster.people import Asked, ask, ask_for
from tests.cluster.runs import untagged
from tests.cluster.services import push_services
from tests.embedded.server import ROOT
from tests.helper.test_init import upload
from tests.runners.contract import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubernetes import client

    from tests.cluster.cluster import Cluster
    from tests.cluster.platform import Platform

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]
SECONDS = 60.0
DIGITS = ROOT / "examples" / "digits"
RANKS = tuple(Path(__file__).with_name(name) for name in ("ranks.py", "mpi_ranks.py"))
ENDS = ["created", "scheduled", "starting", "running", "succeeded"]


@pytest.fixture(scope="module")
def image(cluster: Cluster) -> str:
    return push_example(cluster.plan)


@pytest.fixture(scope="module")
def platform(module_platform: Callable[..., Platform]) -> Platform:
    made = module_platform()
    made.api.request("POST", "projects", {"name": "p"})
    files = {path.name: path.read_text() for path in (*DIGITS.iterdir(), *RANKS)}
    upload(made.api, "p", archive(**files))
    return made


def file(name: str, image: str, **more: Any) -> dict[str, Any]:
    """One of the example's files, whose image is there already: pods do not reach the internet."""
    content: dict[str, Any] = yaml.safe_load((DIGITS / name).read_text())
    return {**content, "build": {"image": image}, **more}


def accuracy(detail: dict[str, Any]) -> float:
    return float(detail["last_metric"]["accuracy"])


def settled(asked: Asked, *words: str) -> list[str]:
    """Its log, once it holds these words."""
    wait_for(lambda: all(word in "\n".join(asked.log()) for word in words), f"{words} in the log", SECONDS)
    return asked.log()


@pytest.fixture(scope="module")
def trained(platform: Platform, image: str) -> Asked:
    """The example, trained to its end."""
    asked = ask_for(platform, file("polyaxonfile.yaml", image))
    assert asked.wait()["last_status"] == "succeeded", asked.history()
    return asked


def test_the_example_as_an_experiment(trained: Asked) -> None:
    assert [each.status for each in trained.history()] == ENDS
    detail = trained.detail()
    assert accuracy(detail) > 0.9
    assert detail["params"]["lr"] == 0.005
    log = settled(trained, "done: accuracy")
    assert [line[:11] for line in log if line.startswith("epoch")] == [f"epoch {epoch:>2}/12" for epoch in range(1, 13)]
    found = {path.name for path in trained.outputs.iterdir()}
    assert {"model.joblib", "checkpoint.joblib", "confusion_matrix.png"} <= found


def test_a_random_search_of_eight(platform: Platform, image: str, core: client.CoreV1Api) -> None:
    group = ask_for(platform, file("search.yaml", image))
    assert group.wait(patience=300)["last_status"] == "done"
    rows = platform.api.request("GET", f"admin/p/experiments?group={group.place.rpartition('/')[2]}")["results"]
    trials = [Asked(platform, f"admin/p/experiments/{row['id']}") for row in rows]
    details = [trial.detail() for trial in trials]
    assert Counter(each["last_status"] for each in details) == {"succeeded": 8}
    assert all(0.3 < accuracy(each) <= 1.0 for each in details)
    assert len({each["params"]["lr"] for each in details}) == 8
    assert {each["params"]["hidden"] for each in details} <= {8, 16, 32, 64}
    assert [len(trial.pods(core)) for trial in trials] == [1] * 8
    assert at_once(details) == 2
    assert {"model.joblib"} <= {path.name for trial in trials for path in trial.outputs.parent.rglob("*.joblib")}


def at_once(details: list[dict[str, Any]]) -> int:
    """How many of these ran at the same time, at most."""
    changes = [(each["started_at"], 1) for each in details] + [(each["finished_at"], -1) for each in details]
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def test_three_replicas_find_each_other(platform: Platform, image: str, core: client.CoreV1Api) -> None:
    """Every rank talks with rank 0 by PyTorch's variables, with its neighbour by ours, and with all by torchrun's."""
    asked = ask(
        platform,
        "python ranks.py && python ranks.py launch 2 && { [ $RANK != 0 ] || sleep 5; }",  # the others end before it
        framework="pytorch",
        environment={"replicas": {"n_workers": 2}},
        build={"image": image},
    )
    assert asked.wait()["last_status"] == "succeeded", asked.history()
    expected = {
        **{f"rank {rank} of 3: sum 3": rank for rank in range(3)},
        **{f"rank {rank} heard of rank {(rank - 1) % 3}": rank for rank in range(3)},
        **{f"rank {rank} of 6: sum 15": rank // 2 for rank in range(6)},
    }
    names = ("master.0", "worker.0", "worker.1")
    lines = {f"{names[replica]}: {line}" for line, replica in expected.items()}
    wait_for(lambda: lines <= set(asked.log()), "what they said", SECONDS)
    told = next(line for line in asked.log() if line.startswith("master.0: ["))
    by_task = {each["task"]: each["host"] for each in json.loads(told.partition(": ")[2])}
    pods = asked.pods(core)
    assert by_task == {role_of(pod): pod.status.pod_ip for pod in pods}
    assert sorted(by_task) == ["master-0", "worker-0", "worker-1"]
    rows = platform.api.request("GET", f"{asked.place}/jobs")["results"]
    wait_for(lambda: statuses_of(asked) == {"succeeded": 3}, "every replica's status", SECONDS)
    assert len(rows) == 3


def test_replicas_start_each_other_by_ssh(platform: Platform, cluster: Cluster) -> None:
    """With keys and code of the run; what a rank elsewhere says comes by the master, and sshd says nothing."""
    asked = ask(
        platform,
        "python mpi_ranks.py",
        framework="horovod",
        environment={"replicas": {"n_workers": 1}},
        build={"image": push_mpi(cluster.plan)},
    )
    assert asked.wait()["last_status"] == "succeeded", asked.history()
    (line,) = settled(asked, "[1,0]<stdout>:")
    found = json.loads(untagged(line).removeprefix("master.0: "))
    assert [(each["rank"], each["sum"]) for each in found] == [(0, 3.0), (1, 3.0)]
    wait_for(lambda: statuses_of(asked).total() == 2 and not {"running"} & set(statuses_of(asked)), "an end", SECONDS)
    assert statuses_of(asked) == {"succeeded": 2}


def role_of(pod: Any) -> str:
    """`worker-1`"""
    return "-".join(pod.metadata.name.split("-")[2:4])


def statuses_of(asked: Asked) -> Counter[str]:
    rows = asked.platform.api.request("GET", f"{asked.place}/jobs")["results"]
    return Counter(row["last_status"] for row in rows)


def test_a_job(platform: Platform, image: str) -> None:
    asked = ask(platform, "python train.py --epochs=2", kind="job", build={"image": image})
    assert asked.wait()["last_status"] == "succeeded", asked.history()
    settled(asked, "epoch  2/2", "done: accuracy")
    wait_for((asked.outputs / "model.joblib").exists, "the model", SECONDS)


def test_a_stopped_run_is_resumed_from_its_checkpoint(platform: Platform, image: str) -> None:
    params = {**file("polyaxonfile.yaml", image)["params"], "epochs": 100_000}
    asked = ask_for(platform, file("polyaxonfile.yaml", image, params=params))
    wait_for(lambda: len([line for line in asked.log() if line.startswith("epoch")]) > 2, "epochs", 120)
    asked.post("stop")
    assert asked.wait()["last_status"] == "stopped"
    reached = int(joblib.load(asked.outputs / "checkpoint.joblib")["epoch"])
    more = json.dumps({"version": 1, "kind": "experiment", "params": {"epochs": reached + 2}})
    resumed = Asked(platform, f"admin/p/experiments/{asked.post('resume', {'content': more})['id']}")
    assert resumed.wait()["last_status"] == "succeeded", resumed.history()
    log = settled(resumed, f"resuming after epoch {reached}", "done: accuracy")
    epochs = [int(line.split()[1].partition("/")[0]) for line in log if line.startswith("epoch")]
    assert epochs == [reached + 1, reached + 2]
    assert resumed.detail()["original"] == f"admin.p.{asked.place.rpartition('/')[2]}"


def test_a_copy_begins_with_the_outputs(trained: Asked, platform: Platform) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in trained.outputs.iterdir()}
    longer = json.dumps({"version": 1, "kind": "experiment", "params": {"epochs": 14}})
    copied = Asked(platform, f"admin/p/experiments/{trained.post('copy', {'content': longer})['id']}")
    assert copied.wait()["last_status"] == "succeeded", copied.history()
    log = settled(copied, "resuming after epoch 12", "done: accuracy")
    assert [line[:11] for line in log if line.startswith("epoch")] == ["epoch 13/14", "epoch 14/14"]
    assert copied.outputs != trained.outputs
    assert {path.name: path.stat().st_mtime_ns for path in trained.outputs.iterdir()} == before


def test_a_restart_begins_anew(trained: Asked, platform: Platform) -> None:
    again = Asked(platform, f"admin/p/experiments/{trained.post('restart')['id']}")
    assert again.wait()["last_status"] == "succeeded", again.history()
    log = settled(again, "done: accuracy")
    assert len([line for line in log if line.startswith("epoch")]) == 12
    # Seeded: the same training comes to the same end.
    assert accuracy(again.detail()) == accuracy(trained.detail())


READING = (
    'path=$(python -c "from polyaxon_client.tracking import get_outputs_refs_paths as paths; '
    "print(paths()['experiments'][0])\"); ls $path; touch $path/mine 2>&1; rm $path/model.joblib 2>&1; true"
)


def test_a_run_reads_the_outputs_of_another(platform: Platform, trained: Asked, image: str) -> None:
    key = int(trained.place.rpartition("/")[2])
    asked = ask(platform, READING, environment={"outputs": {"experiments": [key]}}, build={"image": image})
    assert asked.wait()["last_status"] == "succeeded", asked.history()
    log = settled(asked, "rm: cannot remove")
    assert {"model.joblib", "checkpoint.joblib"} <= set(log)
    assert len([line for line in log if "Read-only file system" in line]) == 2
    assert (trained.outputs / "model.joblib").exists()


def memory(limit: int) -> dict[str, Any]:
    return {"resources": {"memory": {"limits": limit}}}


def test_a_run_that_has_written_nothing_yet_is_read_and_then_writes(platform: Platform, image: str) -> None:
    """To read it makes its folder, which must be as good as one that it makes itself."""
    first = ask(platform, "true", environment=memory(10_000_000), build={"image": image})
    first.wait("warning")
    key = int(first.place.rpartition("/")[2])
    reads = ask(platform, READING, environment={"outputs": {"experiments": [key]}}, build={"image": image})
    assert reads.wait()["last_status"] == "succeeded", reads.history()
    first.post("stop")
    first.wait("stopped")
    content = json.dumps({"environment": memory(64), "run": {"cmd": "touch $POLYAXON_RUN_OUTPUTS_PATH/a"}})
    resumed = Asked(platform, f"admin/p/experiments/{first.post('resume', {'content': content})['id']}")
    assert resumed.wait()["last_status"] == "succeeded", resumed.history()
    assert (first.outputs / "a").exists()


def test_a_notebook_and_a_tensorboard_behind_the_proxy(platform: Platform, trained: Asked, cluster: Cluster) -> None:
    build = {"image": push_services(cluster.plan)}
    places = {"notebook": "admin/p/notebook", "tensorboard": f"{trained.place}/tensorboard"}
    for kind, place in places.items():
        content = json.dumps({"version": 1, "kind": kind, "build": build})
        made = platform.api.request("POST", f"{place}/start", {"content": content})
        seen = Asked(platform, f"admin/p/{kind}s/{made['id']}")
        seen.wait("running")
        folder = f"{platform.api.url}/{kind}/proxy/{made['pod_id']}/folder"
        token = {"Authorization": f"Token {platform.api.token}"}
        files = httpx.get(folder, headers=token, trust_env=False, timeout=30).json()["files"]
        assert {"notebook": "train.py", "tensorboard": "model.joblib"}[kind] in files
        assert httpx.get(folder, trust_env=False, timeout=30).status_code != 200  # nobody without credentials
        platform.api.request("POST", f"{place}/stop")
        seen.wait("stopped")
