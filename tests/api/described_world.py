"""One project with everything in it, so that the addresses and examples of the description hit rows."""

from __future__ import annotations

import io
import tarfile
import uuid
from hashlib import sha256
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from polyaxon import storage
from polyaxon.actions.projects import archive_project
from polyaxon.actions.runs import archive
from polyaxon.actions.statuses import set_status
from polyaxon.actions.trials import decide
from polyaxon.db.models import ExperimentGroup, SearchDecision
from tests.api.conftest import client_of
from tests.api.test_matrix import ORGANIZATION, SECRET, World
from tests.api.test_metric_history import sample
from tests.factories import (
    EXPERIMENT,
    make_build,
    make_experiment,
    make_group,
    make_job,
    make_metrics,
    make_project,
    make_user,
)

P = f"/api/v1/{ORGANIZATION}/{SECRET}"
FILE = "model.txt"


class DescribedWorld(World):
    """`World` with code, logs, outputs, metrics, samples, catalogs, nodes, webhooks and tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.admin = make_user("root-of-all", superuser=True)
        service = client_of()
        service.credentials(HTTP_AUTHORIZATION="InternalToken only-for-tests", HTTP_X_POLYAXON_INTERNAL="initializer")
        self.clients |= {"admin": client_of(self.admin), "user": client_of(self.boss), "initializer": service}
        self._code()
        self._run()
        self._around()
        self.values |= self._more_values()

    def post(self, path: str, body: Any, *, role: str = "user") -> Any:
        answer = self.clients[role].post(path, body, format="json")
        assert answer.status_code in {200, 201}, (path, answer.status_code, answer.content)
        return answer.json() if answer.content else None

    def _code(self) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            member = tarfile.TarInfo("./train.py")
            member.size = 8
            tar.addfile(member, io.BytesIO(b"print(1)"))
        part = SimpleUploadedFile("code.tar.gz", buffer.getvalue())
        answer = self.clients["user"].put(f"{P}/repo/upload", {"repo": part}, format="multipart")
        assert answer.status_code == 200
        self.post(f"{P}/ci", {})

    @property
    def study(self) -> ExperimentGroup:
        return ExperimentGroup.objects.get(pk=self.values["groups/id"])

    def _run(self) -> None:
        """What the experiment of the world left behind."""
        one = f"{P}/experiments/{self.experiment.pk}"
        # The platform only tracks it, but it has a file, of which clones are made.
        self.experiment.content = EXPERIMENT
        self.experiment.save(update_fields=["content"])
        self._search()
        make_metrics(self.experiment, {"loss": 0.5, "acc": 0.7}, {"loss": 0.25, "acc": 0.9})
        for kind in ("experiments", "jobs", "builds"):
            self.post(f"{P}/{kind}/{self.values[f'{kind}/id']}/logs", ["one line", "another"])
        for item in (self.experiment, self.experiment.project.jobs.get(pk=self.values["jobs/id"])):
            storage.outputs().prepare(str(item.sub_path))
            (storage.outputs().local_path(str(item.sub_path)) / FILE).write_text("weights")
        file = {"path": FILE, "type": "model", "size": 7, "sha256": sha256(b"weights").hexdigest()}
        for kind in ("experiments", "jobs"):
            self.post(f"{P}/{kind}/{self.values[f'{kind}/id']}/artifacts", {"artifacts": [file]})
        for run in (self.values["jobs/job_uuid"], self.experiment.project.jobs.get(pk=self.values["jobs/id"]).uuid):
            sample(uuid.UUID(str(run)), 50.0)
        set_status(self.experiment, "running", enforce=False)
        self.post(f"{one}/coderef", {"commit": "0" * 40, "branch": "master"})

    def _search(self) -> None:
        """Trials that have succeeded, and what was decided about them."""
        for number, lr in enumerate((0.1, 0.2, 0.3, 0.1, 0.2)):
            trial = make_experiment(self.project, group=self.study, params={"lr": lr})
            make_metrics(trial, {"loss": lr + number / 100, "acc": 0.5})
            set_status(trial, "succeeded", enforce=False)
            decide(trial, SearchDecision.START, "a point of the grid")
        stop = {"kind": SearchDecision.STOP, "trial_index": 0, "reason": "worse than the median"}
        SearchDecision.objects.create(experiment_group=self.study, experiment=self.experiment, **stop)

    def _around(self) -> None:
        """What stands beside runs."""
        for catalog in ("data_stores", "git_access", "registry_access"):
            self.post(f"/api/v1/catalogs/{catalog}", {"name": "first"}, role="admin")
        for catalog in ("k8s_secrets", "k8s_config_maps"):
            self.post(f"/api/v1/catalogs/{catalog}", {"name": "first", "k8s_ref": "object"}, role="admin")
        node = {"name": "n1", "role": "agent", "memory": 8 * 2**30, "cpu": 4, "n_gpus": 1}
        self.node = self.post("/api/v1/cluster/nodes", node, role="admin")["sequence"]
        gpu = {"index": 0, "serial": "s-1", "name": "A100", "memory": 40 * 2**30}
        self.post(f"/api/v1/nodes/{self.node}/gpus", gpu, role="admin")
        self.webhook = self.post(f"{P}/webhooks", {"url": "https://example.com/hook"})["id"]
        self.search = {
            kind: self.post(f"/api/v1/searches/{ORGANIZATION}/{SECRET}/{kind}", {"query": {"query": "id:>0"}})["id"]
            for kind in ("groups", "experiments", "builds", "jobs", "notebooks", "tensorboards")
        }
        for kind in ("experiments", "jobs", "builds", "groups"):
            self.clients["user"].post(f"{P}/{kind}/{self.values[f'{kind}/id']}/bookmark")
        self.clients["user"].post(f"{P}/bookmark")
        for view in (f"{P}/experiments/{self.experiment.pk}", P):  # for the history
            self.clients["user"].get(view)
        archive_project(make_project(self.boss, "old"), self.boss)
        for item in (
            make_experiment(self.project),
            make_group(self.project),
            make_job(self.project),
            make_build(self.project),
        ):
            archive(item, self.boss)
        self.post("/api/v1/acme/options", {"BUILD_JOBS:LANG_ENV": "en_US.UTF-8"})
        make_experiment(self.project, self.boss)

    def _more_values(self) -> dict[str, Any]:
        return {
            "username": self.users["contributor"].username,
            "members/username": self.users["viewer"].username,
            "tokens/id": self.boss.tokens.order_by("id").first().pk,
            "bookmarks/username": self.boss.username,
            "archives/username": self.boss.username,
            "nodes/sequence": self.node,
            "gpus/index": 0,
            "webhooks/id": self.webhook,
            **{f"{catalog}/name": "first" for catalog in CATALOGS},
            **{f"{kind}/search_id": pk for kind, pk in self.search.items()},
            "projects/name": SECRET,
        }


CATALOGS = ("data_stores", "k8s_secrets", "k8s_config_maps", "git_access", "registry_access")
