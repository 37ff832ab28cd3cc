"""A project, an organization and a cluster with `size` rows of everything that the interface lists.

Whatever one more row belongs to comes with it: a clone has its original, a build the runs that wait for it, a run its
statuses, metrics, replicas and samples.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from polyaxon import storage
from polyaxon.actions import catalogs, ci, cluster, code, searches
from polyaxon.actions import organizations as orgs
from polyaxon.actions.artifacts import Announced, announce
from polyaxon.actions.bookmarks import add_bookmark
from polyaxon.actions.chart_views import create_chart_view
from polyaxon.actions.experiments import clone_experiment
from polyaxon.actions.projects import archive_project
from polyaxon.actions.runs import archive
from polyaxon.actions.statuses import first_status, set_status
from polyaxon.actions.trials import decide
from polyaxon.db.models import (
    BuildJob,
    DataStore,
    Experiment,
    ExperimentGroup,
    ExperimentJob,
    GitAccess,
    Job,
    K8SConfigMap,
    K8SSecret,
    MetricSeries,
    NotebookJob,
    RegistryAccess,
    SearchDecision,
    TensorboardJob,
    Webhook,
    WebhookDelivery,
)
from polyaxon.events import emit
from polyaxon.security import tokens
from polyaxon.stores.series import Measured, Row, ingest
from tests.contents import tar_gz
from tests.factories import (
    make_build,
    make_experiment,
    make_group,
    make_job,
    make_metrics,
    make_notebook,
    make_project,
    make_selection,
    make_tensorboard,
    make_user,
)

CATALOGS = {
    "data_stores": DataStore,
    "k8s_secrets": K8SSecret,
    "k8s_config_maps": K8SConfigMap,
    "git_access": GitAccess,
    "registry_access": RegistryAccess,
}
SEARCHED = ("groups", "experiments", "builds", "jobs", "notebooks", "tensorboards")
_LEAST_TRIALS = 5  # for importances
START = datetime(2024, 1, 1, tzinfo=UTC)


class Populated:
    """`values` are parts of addresses, as `Route.path` takes them."""

    def __init__(self) -> None:
        self.owner = make_user("olga")
        self.staff = make_user("root-admin", superuser=True)
        self.project = make_project(self.owner, "digits")
        self.organization = orgs.create_organization(self.owner, "acme")
        self.theirs = make_project(self.owner, "shared", owner="acme")
        self.team = orgs.create_team(self.organization, "crew", actor=self.owner)
        self.node = cluster.add_node({"name": "n", "role": "master", "memory": 1, "cpu": 1, "n_gpus": 0})
        self._make_runs()
        self._make_code()
        self.hook = Webhook.objects.create(
            project=self.project, user=self.owner, url="https://hook.example/", secret=""
        )
        self.values = self._first()
        self.size = 1

    def _make_runs(self) -> None:
        self.group = make_group(self.project)
        self.build = make_build(self.project)
        self.experiment = make_experiment(self.project, group=self.group)
        for number in range(_LEAST_TRIALS):
            self._add_trial(float(number))
        self.job = make_job(self.project, build_job=self.build)
        self.selection = make_selection(self.project, self.experiment)
        self.notebook = make_notebook(self.project)
        self.tensorboard = make_tensorboard(self.project)
        self.replica = self._add_replica(self.experiment)
        self.done = make_experiment(self.project)
        self.unmanaged = make_experiment(self.project, is_managed=False)
        for run in (self.experiment, self.job):
            outputs = storage.outputs().local_path(run.sub_path)
            assert outputs is not None
            (outputs / "folder").mkdir(parents=True)
            (outputs / "result.txt").write_text("42")
            storage.logs().append(run.sub_path, ["line"])

    def _make_code(self) -> None:
        code.upload(self.project, self.owner, tar_gz({"train.py": "print(1)"}))
        ci.enable(self.project, self.owner, {})

    def _first(self) -> dict[str, Any]:
        """Addresses of rows that are there from the beginning."""
        base = "{owner}/{project}"
        views = [create_chart_view(item, self.owner, {"charts": []}) for item in (self.experiment, self.group)]
        runs = {"experiments": self.experiment, "jobs": self.job, "builds": self.build}
        self._grow(0)
        return {
            **{f"{base}/{kind}/{{id}}/statuses/{{uuid}}": _status(run) for kind, run in runs.items()},
            f"{base}/experiments/{{id}}/jobs/{{job_id}}/statuses/{{uuid}}": _status(self.replica),
            f"{base}/experiments/{{id}}/chartviews/{{view_id}}": views[0].pk,
            f"{base}/groups/{{id}}/chartviews/{{view_id}}": views[1].pk,
            **{f"{kind}/id": run.pk for kind, run in runs.items()},
            "groups/id": self.group.pk,
            "selections/id": self.selection.pk,
            "notebooks/id": self.notebook.pk,
            "tensorboards/id": self.tensorboard.pk,
            "jobs/job_id": self.replica.pk,
            "jobs/job_uuid": self.replica.uuid.hex,
            "webhooks/id": self.hook.pk,
            "tokens/id": self.owner.tokens.first().pk,
            **{f"{catalog}/name": "entry-0" for catalog in CATALOGS},
            "owner": "olga",
            "project": "digits",
            "org": "acme",
            "team": "crew",
            "teams/team": "crew",
            "members/username": "person-0",
            "username": "olga",
            "projects/name": "shared-0",
            "sequence": self.node.sequence,
            "index": 0,
            "search_id": 1,
        }

    def grow_to(self, size: int) -> None:
        """Add rows until each list has `size`, apart from those that the first ones brought."""
        for number in range(self.size, size):
            self._grow(number)
        self.size = size

    def _grow(self, number: int) -> None:
        self._add_people(number)
        self._add_experiments()
        self._add_other_runs()
        self._add_to_first(number)
        self._add_around(number)
        self._add_archived()

    def _add_people(self, number: int) -> None:
        person = make_user(f"person-{number}")
        orgs.set_member(self.organization, person.username, "member", actor=self.owner)
        orgs.add_team_member(self.team, person.username, actor=self.owner)
        orgs.create_team(self.organization, f"crew-{number}", actor=self.owner)
        shared = make_project(self.owner, f"shared-{number}", owner="acme")
        orgs.set_team_role(self.team, shared, "viewer", actor=self.owner)
        orgs.create_organization(self.owner, f"org-{number}")
        tokens.issue(self.owner, name=f"token-{number}")

    def _add_experiments(self) -> None:
        """One that has everything that a list shows, one in the group, and one in the selection."""
        build = make_build(self.project, tags=["a"])
        original = make_experiment(self.project, group=make_group(self.project), tags=["a"], build_job=build)
        clone = clone_experiment(original, self.owner, "restart")
        make_metrics(clone, {"loss": 0.5, "acc": 0.5})
        emit("viewed", clone, actor=self.owner)
        add_bookmark(self.owner, clone)
        trial = self._add_trial(0.5)
        decide(trial, SearchDecision.STOP, "worse than the others")
        decide(self.experiment, SearchDecision.STOP, "worse than the others")
        self.selection.selection_experiments.add(trial)
        make_tensorboard(self.project, experiment=original)
        TensorboardJob.objects.filter(experiment=original).update(status="stopped")

    def _add_trial(self, loss: float) -> Experiment:
        """One of the group that has succeeded."""
        trial = make_experiment(self.project, group=self.group, params={"lr": 0.1 if loss < 1 else 0.2})
        make_metrics(trial, {"loss": loss})
        set_status(trial, "succeeded", enforce=False)
        return trial

    def _add_other_runs(self) -> None:
        group = make_group(self.project, tags=["a"])
        job = make_job(self.project, tags=["a"], build_job=self.build)
        build = make_build(self.project)
        for item in (make_project(self.owner), group, job, build):
            add_bookmark(self.owner, item)
            emit("viewed", item, actor=self.owner)
        NotebookJob.objects.filter(project=self.project).update(status="stopped")
        self.notebook = make_notebook(self.project, tags=["a"])
        make_experiment(self.project, build_job=self.build)

    def _add_to_first(self, number: int) -> None:
        """More of what belongs to the rows that details are asked of."""
        for item in (self.experiment, self.group, self.job, self.build, self.notebook, self.tensorboard, self.replica):
            set_status(item, "warning", enforce=False)
        make_metrics(self.experiment, {f"metric-{number}": 0.5})
        for run in (self.experiment, self.job):
            announce(run, run.sub_path, [Announced(f"{number}.txt", "notes", "text", 1, "0" * 64)])
        replica = self._add_replica(self.experiment)
        for run in (self.replica, replica, self.job):
            ingest(Measured(run.uuid, MetricSeries.RESOURCE), [Row({"cpu_percent": 1.0, "memory_bytes": 1.0}, START)])
        for item in (self.experiment, self.group):
            create_chart_view(item, self.owner, {"charts": []})
        for kind in SEARCHED:
            searches.save_search(self.project, self.owner, kind, query={}, name=None, meta={})

    def _add_around(self, number: int) -> None:
        Webhook.objects.create(project=self.project, user=self.owner, url="https://hook.example/", secret="")
        WebhookDelivery.objects.create(webhook=self.hook, event_type="experiment.created")
        cluster.add_node({"name": f"n{number}", "role": "agent", "memory": 1, "cpu": 1, "n_gpus": 1})
        cluster.add_gpu(self.node, {"index": number})
        secret = catalogs.create_entry(K8SSecret, {"name": f"secret-{number}", "k8s_ref": "object"})
        for model in CATALOGS.values():
            by_reference = issubclass(model, K8SSecret | K8SConfigMap)
            fields = {"k8s_ref": "object"} if by_reference else {"k8s_secret": secret}
            catalogs.create_entry(model, {"name": f"entry-{number}", **fields})

    def _add_archived(self) -> None:
        for item in (make_experiment(self.project), make_group(self.project), make_job(self.project)):
            archive(item, self.owner)
        archive(make_build(self.project), self.owner)
        archive_project(make_project(self.owner), self.owner)

    @staticmethod
    def end_runs() -> None:
        """Nothing goes on any more."""
        for model in (Experiment, ExperimentGroup, Job, BuildJob, NotebookJob, TensorboardJob):
            model.objects.update(status="failed")

    @staticmethod
    def _add_replica(experiment: Experiment) -> ExperimentJob:
        replica = ExperimentJob.objects.create(experiment=experiment)
        first_status(replica)
        return replica


def _status(item: Any) -> str:
    uuid: str = item.statuses.first().uuid.hex
    return uuid
