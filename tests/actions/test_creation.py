"""What creating stores, and what it refuses."""

from __future__ import annotations

import json

import pytest

from hpsearch import MemoryHistory
from polyaxon.actions.experiments import clone_experiment
from polyaxon.actions.new_trials import add_trials
from polyaxon.actions.projects import create_project
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, ExperimentGroup, Project
from polyaxon.errors import InvalidInput
from polyaxon.trials import plan_of
from polyaxon_schemas import parse
from tests.contents import experiment_content, group_content
from tests.factories import make_experiment, make_group, make_project, make_user

pytestmark = pytest.mark.django_db


def test_an_experiment_takes_params_tags_and_framework_from_its_file() -> None:
    content = experiment_content(params={"lr": 0.1}, tags=["a", "b"], framework="xgboost")
    experiment = make_experiment(content=content)
    assert (experiment.params, experiment.tags, experiment.framework) == ({"lr": 0.1}, ["a", "b"], "xgboost")
    assert experiment.content == content


def test_the_request_wins_over_the_file() -> None:
    experiment = make_experiment(content=experiment_content(tags=["a"]), tags=["mine"])
    assert experiment.tags == ["mine"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("{", ""),
        ("version: 1\nkind: experiment\nrun: {cmmd: x}", "cmmd"),
        ("version: 1\nkind: job\nrun: {cmd: x}\nbuild: {image: a}", "kind"),
        ("version: 1\nkind: experiment\nnonsense: 1\nrun: {cmd: x}", "nonsense"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_the_key(content: str, part: str) -> None:
    project = make_project()
    with pytest.raises(InvalidInput) as refused:
        make_experiment(project, content=content)
    assert part in str(refused.value)
    assert not Experiment.objects.filter(project=project).exists()


def test_a_managed_experiment_needs_a_file() -> None:
    with pytest.raises(InvalidInput, match="content"):
        make_experiment(content=None)


def test_a_name_in_use_gets_a_number() -> None:
    project = make_project()
    names = [make_experiment(project, name="run-a").name for _ in range(2)]
    assert names == ["run-a", "run-a-1"]


@pytest.mark.parametrize("name", ["notebook", "Bookmarks", "a b", "", "x" * 129, "ü"])
def test_names_of_projects_are_checked(name: str) -> None:
    user = make_user()
    with pytest.raises(InvalidInput):
        create_project(user, name)
    assert not Project.objects.filter(user=user).exists()


def test_a_project_name_is_taken_once_per_owner() -> None:
    user = make_user()
    create_project(user, "mine")
    with pytest.raises(InvalidInput, match="mine"):
        create_project(user, "mine")
    assert create_project(make_user(), "mine").name == "mine"


def test_a_search_stores_its_seed_and_settings() -> None:
    group = make_group(content=group_content(n=3, concurrency=2))
    assert (group.group_type, group.search_algorithm, group.concurrency, group.seed) == (
        "study",
        "random",
        2,
        11,
    )


def test_a_search_without_a_seed_draws_one_and_keeps_it() -> None:
    content = json.loads(group_content())
    del content["hptuning"]["seed"]
    group = make_group(content=json.dumps(content))
    assert group.seed > 0
    assert ExperimentGroup.objects.get(pk=group.pk).seed == group.seed


def test_a_search_with_a_wrong_command_is_refused_at_once() -> None:
    project = make_project()
    with pytest.raises(InvalidInput):
        make_group(project, content=group_content("echo {{ lr "))
    assert not ExperimentGroup.objects.filter(project=project).exists()


def test_storing_a_decision_twice_makes_its_trials_once() -> None:
    group = make_group(content=group_content(n=5))
    decision = plan_of(group).algorithm.suggest(MemoryHistory())
    first = add_trials(group, decision.suggestions, complete=True)
    again = add_trials(group, decision.suggestions, complete=True)
    assert (len(first), again) == (5, [])
    assert sorted(group.experiments.values_list("trial_index", flat=True)) == [0, 1, 2, 3, 4]
    assert len({trial.params["lr"] for trial in group.experiments.all()}) == 5


def test_a_clone_renders_its_changed_params() -> None:
    original = make_experiment(content=experiment_content("echo {{ lr }}", params={"lr": 1}))
    set_status(original, "succeeded")
    clone = clone_experiment(original, original.user, "restart", content="params: {lr: 2}")
    assert parse(clone.content or "").render(clone.params).command == "echo 2"
    assert (clone.original_experiment_id, clone.cloning_strategy) == (original.pk, "restart")


def test_a_resume_writes_to_the_originals_outputs_also_when_resumed_again() -> None:
    original = make_experiment(content=experiment_content())
    set_status(original, "stopped")
    first = clone_experiment(original, original.user, "resume")
    set_status(first, "stopped")
    second = clone_experiment(first, first.user, "resume")
    assert first.outputs_owner == original
    assert second.outputs_owner == original


def test_two_runs_never_write_to_one_outputs_folder() -> None:
    original = make_experiment(content=experiment_content())
    with pytest.raises(InvalidInput, match="still writes"):
        clone_experiment(original, original.user, "resume")
    set_status(original, "stopped")
    clone_experiment(original, original.user, "resume")
    with pytest.raises(InvalidInput, match="still writes"):
        clone_experiment(original, original.user, "resume")
