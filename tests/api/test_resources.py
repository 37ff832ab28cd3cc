"""What runs ask for, how long their remains are kept, and files that are changed afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import BuildJob, Experiment, ExperimentGroup, ExperimentJob, Job, Project
from scheduler.passes.dispatch import dispatch
from tests.api.conftest import P
from tests.contents import group_content
from tests.factories import BUILD, make_experiment, make_job, make_notebook, make_tensorboard

if TYPE_CHECKING:
    from rest_framework.test import APIClient

RESOURCES = {"cpu": {"requests": 1, "limits": 2}, "memory": {"limits": 512}}
SHOWN = {"cpu": {"requests": 1.0, "limits": 2.0}, "memory": {"limits": 512.0}}
RUN = {"version": 1, "build": BUILD, "run": {"cmd": "true"}}


def content(kind: str, **sections: Any) -> str:
    environment = {"environment": {"resources": RESOURCES}}
    run = RUN if kind in {"experiment", "job"} else {"version": 1, "build": BUILD}
    return json.dumps({**run, "kind": kind, **environment, **sections})


@pytest.mark.parametrize("kind", ["experiment", "job"])
def test_a_detail_shows_what_the_file_asks_for(client: APIClient, project: Project, kind: str) -> None:
    made = client.post(f"{P}/{kind}s", {"content": content(kind)}, format="json").json()
    assert client.get(f"{P}/{kind}s/{made['id']}").json()["resources"] == SHOWN


def test_resources_of_builds_notebooks_and_tensorboards(client: APIClient, project: Project) -> None:
    text = json.dumps({"version": 1, "kind": "build", "image": "a", "environment": {"resources": RESOURCES}})
    build = client.post(f"{P}/builds", {"content": text}, format="json").json()
    notebook = make_notebook(project, content=content("notebook"))
    tensorboard = make_tensorboard(project, content=content("tensorboard"))
    for path in (f"builds/{build['id']}", f"notebooks/{notebook.pk}", f"tensorboards/{tensorboard.pk}"):
        assert client.get(f"{P}/{path}").json()["resources"] == SHOWN


def test_resources_of_replicas_add_up(client: APIClient, project: Project) -> None:
    environment = {
        "resources": RESOURCES,
        "replicas": {
            "n_workers": 2,
            "n_ps": 1,
            "default_worker": {"resources": {"cpu": {"limits": 4}}},
            "worker": [{"index": 1, "resources": {"gpu": 1}}],
        },
    }
    text = content("experiment", framework="tensorflow", environment=environment)
    experiment = make_experiment(project, content=text)
    shown = client.get(f"{P}/experiments/{experiment.pk}").json()["resources"]
    assert shown == {"cpu": {"requests": 1.0, "limits": 6.0}, "memory": {"limits": 512.0}, "gpu": {"limits": 1.0}}


def test_a_file_that_asks_for_nothing_shows_null(client: APIClient, project: Project) -> None:
    experiment = make_experiment(project)
    assert client.get(f"{P}/experiments/{experiment.pk}").json()["resources"] is None


def test_the_replica_of_a_run_shows_its_resources(client: APIClient, project: Project) -> None:
    experiment = make_experiment(project, content=content("experiment"))
    assert dispatch() == 1
    row = experiment.jobs.get()
    assert ExperimentJob.objects.get().resources == SHOWN
    assert client.get(f"{P}/experiments/{experiment.pk}/jobs/{row.pk}").json()["resources"] == SHOWN


def test_ttl_is_stored(client: APIClient, project: Project) -> None:
    text = json.dumps({"version": 1, "kind": "build", "image": "a"})
    client.post(f"{P}/experiments", {"content": content("experiment"), "ttl": 60}, format="json")
    client.post(f"{P}/jobs", {"content": content("job"), "ttl": "70"}, format="json")
    client.post(f"{P}/builds", {"content": text, "ttl": 80}, format="json")
    assert (Experiment.objects.get().ttl, Job.objects.get().ttl, BuildJob.objects.get().ttl) == (60, 70, 80)


@pytest.mark.parametrize("action", ["restart", "resume", "copy"])
def test_ttl_of_a_clone_is_its_own(client: APIClient, project: Project, action: str) -> None:
    original = make_experiment(project, ttl=60)
    set_status(original, "succeeded")
    made = client.post(f"{P}/experiments/{original.pk}/{action}", {"ttl": 5}, format="json").json()
    assert Experiment.objects.get(pk=made["id"]).ttl == 5
    job = make_job(project, ttl=60)
    made = client.post(f"{P}/jobs/{job.pk}/restart", {}, format="json").json()
    assert Job.objects.get(pk=made["id"]).ttl is None


@pytest.mark.parametrize("ttl", ["soon", -1, 2**31, [1], 1.5])
def test_a_wrong_ttl_is_refused(client: APIClient, project: Project, ttl: Any) -> None:
    for kind in ("experiment", "job"):
        answer = client.post(f"{P}/{kind}s", {"content": content(kind), "ttl": ttl}, format="json")
        assert (answer.status_code, list(answer.json())) == (400, ["ttl"])
    assert not Experiment.objects.exists()


def test_the_file_s_backend_wins_over_the_request_s(client: APIClient, project: Project) -> None:
    text = content("experiment", backend="native")
    made = client.post(f"{P}/experiments", {"content": text, "backend": "mpi"}, format="json").json()
    assert made["backend"] == "native"
    plain = client.post(f"{P}/experiments", {"content": content("experiment"), "backend": "mpi"}, format="json").json()
    assert plain["backend"] == "mpi"
    text = content("job", backend="b" * 17)
    refused = client.post(f"{P}/jobs", {"content": text}, format="json")
    assert refused.status_code == 400
    assert "16 characters" in refused.json()[0]


def test_the_file_of_a_job_changes_until_it_starts(client: APIClient, project: Project) -> None:
    job = make_job(project)
    changed = client.patch(f"{P}/jobs/{job.pk}", {"content": content("job")}, format="json").json()
    assert (changed["content"], changed["resources"]) == (content("job"), SHOWN)
    for wrong in ("", None, "{", content("experiment")):
        assert client.patch(f"{P}/jobs/{job.pk}", {"content": wrong}, format="json").status_code == 400
    set_status(job, "scheduled")
    refused = client.patch(f"{P}/jobs/{job.pk}", {"content": json.dumps({**RUN, "kind": "job"})}, format="json")
    assert list(refused.json()) == ["content"]
    assert client.patch(f"{P}/jobs/{job.pk}", {"content": content("job")}, format="json").status_code == 200


def test_the_clone_of_a_tracked_experiment_is_run_by_the_platform(client: APIClient, project: Project) -> None:
    tracked = make_experiment(project, is_managed=False, content=content("experiment"))
    clone = client.post(f"{P}/experiments/{tracked.pk}/restart", {}, format="json").json()
    assert clone["is_managed"] is True


def test_wart_1_a_clone_of_an_experiment_without_file_is_a_400(client: APIClient, project: Project) -> None:
    tracked = make_experiment(project, is_managed=False)
    for body in ({}, {"content": content("experiment")}):
        answer = client.post(f"{P}/experiments/{tracked.pk}/restart", body, format="json")
        assert answer.status_code == 400
        assert "no polyaxonfile" in answer.json()[0]


def test_a_seed_of_zero_is_a_seed(client: APIClient, project: Project) -> None:
    search = json.loads(group_content())
    search["hptuning"]["seed"] = 0
    client.post(f"{P}/groups", {"content": json.dumps(search)}, format="json")
    assert ExperimentGroup.objects.get().seed == 0


def test_what_a_clone_s_own_file_says_wins_over_the_original(client: APIClient, project: Project) -> None:
    original = make_experiment(project, tags=["old"], framework="keras")
    job = make_job(project, tags=["old"])
    override = {"version": 1, "tags": ["new"]}
    for path, kind in ((f"experiments/{original.pk}", "experiment"), (f"jobs/{job.pk}", "job")):
        plain = client.post(f"{P}/{path}/restart", {}, format="json").json()
        body = {
            "content": json.dumps({**override, "kind": kind, **({"framework": "pytorch"} if kind[0] == "e" else {})})
        }
        changed = client.post(f"{P}/{path}/restart", body, format="json").json()
        assert (plain["tags"], changed["tags"]) == (["old"], ["new"])
        assert (plain.get("framework"), changed.get("framework")) in {("keras", "pytorch"), (None, None)}
    refused = client.post(f"{P}/jobs/{job.pk}/restart", {"content": "{"}, format="json")
    assert refused.status_code == 400


def test_a_changed_file_changes_what_is_asked_for(client: APIClient, project: Project) -> None:
    environment = {"timeout": 60, "max_retries": 2, "priority": 3, "queue": "night", "ttl": 5}
    made = client.post(f"{P}/jobs", {"content": content("job", environment=environment)}, format="json").json()
    row = Job.objects.get(pk=made["id"])
    assert (row.timeout, row.max_retries, row.priority, row.queue, row.ttl) == (60, 2, 3, "night", 5)
    text = content("job", environment={"timeout": "2m", "restart_policy": "OnFailure"})
    assert client.patch(f"{P}/jobs/{row.pk}", {"content": text}, format="json").status_code == 200
    row.refresh_from_db()
    assert (row.timeout, row.max_retries, row.retries_failures, row.priority) == (120, 3, True, 0)
    assert (row.queue, row.ttl) == (None, 5)


def test_strict_templates_are_a_setting(client: APIClient, project: Project, settings: Any) -> None:
    body = {"content": json.dumps({"version": 1, "kind": "experiment", "run": {"cmd": "a {{ lr }}"}})}
    assert client.post(f"{P}/experiments", body, format="json").status_code == 201
    core = settings.CONFIG.core.model_copy(update={"strict_templates": True})
    settings.CONFIG = replace(settings.CONFIG, core=core)
    answer = client.post(f"{P}/experiments", body, format="json")
    assert answer.status_code == 400
    assert "run.cmd: 'lr' has no value" in json.dumps(answer.json())
