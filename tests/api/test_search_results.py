"""What came out of a search: the best trial, the front, importances, and the decisions that led there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hpsearch import Stage, Strategy, Suggestion
from polyaxon.actions.new_trials import add_trials
from polyaxon.actions.statuses import set_status
from polyaxon.actions.trials import prune_trial
from polyaxon.db.models import Experiment, ExperimentGroup, Project
from polyaxon.trials import DatabaseHistory, results
from tests.api.conftest import P
from tests.factories import BUILD, make_experiment, make_group, make_metrics, make_selection

if TYPE_CHECKING:
    from rest_framework.test import APIClient

G, E = f"{P}/groups", f"{P}/experiments"
MATRIX = {"lr": {"uniform": [0, 1]}, "depth": {"values": [1, 2, 3, 4]}}
LOSS = {"name": "loss", "optimization": "minimize"}


def search_file(**section: Any) -> str:
    hptuning = {"matrix": MATRIX, "concurrency": 2, **section}
    return json.dumps(
        {"version": 1, "kind": "group", "hptuning": hptuning, "build": BUILD, "run": {"cmd": "train --lr={{ lr }}"}}
    )


@pytest.fixture
def study(project: Project) -> ExperimentGroup:
    return make_group(project, content=search_file(tpe={"n_experiments": 40, "metric": LOSS}))


def trial(group: ExperimentGroup, index: int, *, status: str = "succeeded", lr: float = 0.5, **metrics: Any) -> Any:
    """A trial that was suggested, and how it ended."""
    point = {"lr": lr, "depth": 1 + index % 4}
    (made,) = add_trials(group, [Suggestion(index, point, reason="a draw")], complete=False)
    if metrics:
        make_metrics(made, metrics)
    set_status(made, "running")
    if status != "running":
        set_status(made, status)
    return made


def best(client: APIClient, group: ExperimentGroup, **query: Any) -> Any:
    answer = client.get(f"{G}/{group.pk}/best", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_nothing_is_the_best_of_a_search_without_values(client: APIClient, study: ExperimentGroup) -> None:
    assert best(client, study) == {"metric": "loss", "optimization": "minimize", "trial": None}
    trial(study, 0, acc=1.0)
    trial(study, 1, status="running", loss=0.1)
    trial(study, 2, status="failed", loss=0.0)
    trial(study, 3, loss=float("nan"))
    trial(study, 4, loss=float("-inf"))
    assert best(client, study)["trial"] is None


def test_the_best_is_by_the_searchs_own_metric_or_by_the_one_that_is_asked_for(
    client: APIClient, study: ExperimentGroup
) -> None:
    first, second, third = (
        trial(study, index, lr=lr, loss=loss, acc=acc)
        for index, (lr, loss, acc) in enumerate([(0.1, 0.5, 0.7), (0.2, 0.25, 0.6), (0.3, 0.25, 0.9)])
    )
    assert best(client, study)["trial"] == {
        "experiment": second.pk,
        "index": 1,
        "params": {"lr": 0.2, "depth": 2},
        "value": 0.25,
    }
    assert best(client, study, optimization="maximize")["trial"]["experiment"] == first.pk
    assert best(client, study, metric="acc")["trial"]["experiment"] == third.pk
    assert best(client, study, metric="acc", optimization="minimize")["trial"]["experiment"] == second.pk
    assert best(client, study, metric="f1")["trial"] is None
    client.post(f"{E}/{second.pk}/archive")
    assert best(client, study)["trial"]["experiment"] == third.pk


def test_the_metric_that_ends_a_search_is_its_own_too(client: APIClient, project: Project) -> None:
    early = [{"metric": "acc", "value": 0.99}]
    group = make_group(project, content=search_file(random_search={"n_experiments": 4}, early_stopping=early))
    assert best(client, group)["metric"] == "acc"


@pytest.mark.parametrize("address", ["best", "importances", "pareto"])
def test_a_group_that_optimises_nothing_wants_a_metric(client: APIClient, project: Project, address: str) -> None:
    grid, selection = make_group(project), make_selection(project, make_experiment(project))
    field = "metrics" if address == "pareto" else "metric"
    for group in (grid, selection):
        answer = client.get(f"{G}/{group.pk}/{address}")
        assert answer.status_code == 400
        assert answer.json()[field][0].endswith(f"with `?{field}=`.")


@pytest.mark.parametrize(
    "query", ["best?optimization=up", "best?metric=%00", "importances?optimization=up", "pareto?metrics=a,a"]
)
def test_wrong_questions_are_refused(client: APIClient, study: ExperimentGroup, query: str) -> None:
    answer = client.get(f"{G}/{study.pk}/{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == [query.partition("?")[2].partition("=")[0]]


def test_the_best_of_a_selection(client: APIClient, project: Project) -> None:
    members = [make_experiment(project, params={"lr": lr}) for lr in (1, 2)]
    for member, value in zip(members, (0.5, 0.75), strict=True):
        make_metrics(member, {"acc": value})
        for status in ("scheduled", "running", "succeeded"):
            set_status(member, status)
    selection = make_selection(project, *members)
    assert best(client, selection, metric="acc")["trial"]["experiment"] == members[1].pk
    front = client.get(f"{G}/{selection.pk}/pareto", {"metrics": "-acc"}).json()
    assert [row["experiment"] for row in front["trials"]] == [members[0].pk]
    answer = client.get(f"{G}/{selection.pk}/importances", {"metric": "acc"})
    assert (answer.status_code, answer.json()) == (
        400,
        [f"Group {selection.pk} is no search with a polyaxonfile, so nobody knows its parameters."],
    )


def test_the_front_holds_what_nothing_beats_in_every_metric(
    client: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = [LOSS, {"name": "acc"}]
    group = make_group(project, content=search_file(nsga2={"n_experiments": 40, "metrics": metrics}))
    points = [(0.5, 0.9), (0.1, 0.2), (0.5, 0.8), (0.2, 0.5), (0.2, 0.5)]
    made = [trial(group, index, loss=loss, acc=acc) for index, (loss, acc) in enumerate(points)]
    trial(group, 5, loss=0.0)  # without the other metric
    front = client.get(f"{G}/{group.pk}/pareto").json()
    assert front["metrics"] == [LOSS, {"name": "acc", "optimization": "maximize"}]
    assert (front["finished"], front["compared"]) == (5, 5)
    assert [row["index"] for row in front["trials"]] == [1, 3, 4, 0]
    assert front["trials"][0] == {
        "experiment": made[1].pk,
        "index": 1,
        "params": {"lr": 0.5, "depth": 2},
        "values": {"loss": 0.1, "acc": 0.2},
    }
    other = client.get(f"{G}/{group.pk}/pareto", {"metrics": "acc,-loss"}).json()
    assert sorted(row["index"] for row in other["trials"]) == [0, 1, 3, 4]
    alone = client.get(f"{G}/{group.pk}/pareto", {"metrics": "acc"}).json()
    assert [row["index"] for row in alone["trials"]] == [0]
    monkeypatch.setattr(results, "MOST_COMPARED", 3)
    newest = client.get(f"{G}/{group.pk}/pareto", {"metrics": "acc"}).json()
    assert (newest["finished"], newest["compared"]) == (5, 3)
    assert [row["index"] for row in newest["trials"]] == [2]


def test_importances_name_the_parameter_that_mattered(
    client: APIClient, study: ExperimentGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{G}/{study.pk}/importances"
    for index in range(3):
        trial(study, index, lr=index / 24, loss=index / 24)
    few = client.get(path)
    assert few.status_code == 400
    assert few.json() == ["importances need at least 5 finished trials with loss; there are 3."]
    for index in range(3, 24):
        trial(study, index, lr=index / 24, loss=index / 24)
    answer = client.get(path).json()
    assert (answer["metric"], answer["finished"], answer["modelled"]) == ("loss", 24, 24)
    shares = {row["param"]: row["importance"] for row in answer["importances"]}
    assert list(shares) == ["lr", "depth"]
    assert shares["lr"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    monkeypatch.setattr(results, "MOST_MODELLED", 10)
    newest = client.get(path).json()
    assert (newest["finished"], newest["modelled"]) == (24, 10)


def test_decisions_tell_why_trials_were_started_and_stopped(client: APIClient, study: ExperimentGroup) -> None:
    first = trial(study, 0, status="running")
    suggestion = Suggestion(
        1, {"lr": 0.5, "depth": 1}, Stage(2, 1), 0, Strategy.RESUME, "the best of its rung", {"loss": 0.5}
    )
    (second,) = add_trials(study, [suggestion], complete=False)
    assert prune_trial(second, "worse than the median", {"median": 0.25})
    page = client.get(f"{G}/{study.pk}/decisions").json()
    assert page["count"] == 3
    assert [(row["kind"], row["trial"], row["experiment"]) for row in page["results"]] == [
        ("start", 0, first.pk),
        ("start", 1, second.pk),
        ("stop", 1, second.pk),
    ]
    start = page["results"][1]
    names = ("bracket", "rung", "parent", "strategy", "reason", "numbers")
    assert [start[name] for name in names] == [2, 1, 0, "resume", "the best of its rung", {"loss": 0.5}]
    assert set(start) == {"id", "created_at", "kind", "trial", "experiment", *names}
    own = client.get(f"{E}/{second.pk}/decisions").json()
    assert own["results"] == page["results"][1:]
    assert client.get(f"{E}/{second.pk}/decisions", {"kind": "stop"}).json()["count"] == 1


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"kind": "stop"}, 1),
        ({"kind": "start"}, 2),
        ({"trial": "1"}, 2),
        ({"trial": "0", "kind": "stop"}, 0),
        ({"trial": "7"}, 0),
        ({"limit": "1"}, 3),
        ({"kind": "sleep"}, None),
        ({"trial": "first"}, None),
        ({"experiment": "-1"}, None),
    ],
)
def test_decisions_are_filtered(
    client: APIClient, study: ExperimentGroup, query: dict[str, str], count: int | None
) -> None:
    trial(study, 0)
    prune_trial(trial(study, 1, status="running"), "worse than the median", {})
    answer = client.get(f"{G}/{study.pk}/decisions", query)
    if count is None:
        assert answer.status_code == 400
        assert next(iter(query)) in answer.content.decode()
    else:
        assert answer.json()["count"] == count


def test_decisions_of_one_trial_by_its_id(client: APIClient, study: ExperimentGroup) -> None:
    one, two = trial(study, 0), trial(study, 1)
    page = client.get(f"{G}/{study.pk}/decisions", {"experiment": two.pk}).json()
    assert [row["experiment"] for row in page["results"]] == [two.pk]
    outside = make_experiment(study.project)
    assert client.get(f"{E}/{outside.pk}/decisions").json()["count"] == 0
    assert client.get(f"{E}/{one.pk}/decisions").json()["count"] == 1


def test_the_detail_of_a_trial_tells_where_it_stands(client: APIClient, study: ExperimentGroup) -> None:
    first = trial(study, 0)
    suggestion = Suggestion(1, {"lr": 0.5, "depth": 1}, Stage(2, 1), 0, Strategy.RESUME)
    (second,) = add_trials(study, [suggestion], complete=False)
    by_hand = make_experiment(study.project, group=study)

    def place(experiment: Experiment) -> Any:
        return client.get(f"{E}/{experiment.pk}").json()["trial"]

    assert place(first) == {"index": 0, "bracket": 0, "rung": 0, "parent": None}
    assert place(second) == {"index": 1, "bracket": 2, "rung": 1, "parent": 0}
    assert place(by_hand) is None
    assert "trial" not in client.get(E).json()["results"][0]


def test_what_a_person_adds_to_a_search_informs_it(client: APIClient, study: ExperimentGroup) -> None:
    """As an observation without an index: it takes no place among the suggestions."""
    file = {"version": 1, "kind": "experiment", "params": {"lr": 0.75, "depth": 2}, "build": BUILD}
    content = json.dumps({**file, "run": {"cmd": "train"}})
    made = client.post(E, {"content": content, "experiment_group": study.pk, "is_managed": False}, format="json")
    assert made.status_code == 201
    added = Experiment.objects.get(pk=made.json()["id"])
    assert client.post(f"{E}/{added.pk}/metrics", {"values": {"loss": 0.125}}, format="json").status_code == 201
    assert client.post(f"{E}/{added.pk}/statuses", {"status": "succeeded"}, format="json").status_code == 201
    trial(study, 0, loss=0.5)
    known = DatabaseHistory(study).all()
    assert [(one.index, dict(one.params), dict(one.metrics)) for one in known] == [
        (0, {"lr": 0.5, "depth": 1}, {"loss": 0.5}),
        (None, {"lr": 0.75, "depth": 2}, {"loss": 0.125}),
    ]
    assert best(client, study)["trial"] == {
        "experiment": added.pk,
        "index": None,
        "params": {"lr": 0.75, "depth": 2},
        "value": 0.125,
    }
    assert client.get(f"{E}/{added.pk}").json()["experiment_group"] == f"olga.digits.{study.pk}"
