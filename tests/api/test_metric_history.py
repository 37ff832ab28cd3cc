"""Series, their histories, and what runs take of the machine."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from polyaxon.actions.metrics import log_metrics
from polyaxon.actions.replicas import add_replica
from polyaxon.db.models import Experiment, MetricSeries, Project
from polyaxon.stores.lttb import lttb
from polyaxon.stores.series import Measured, Row, ingest
from tests.api.conftest import P
from tests.factories import make_experiment, make_group, make_job, make_selection

if TYPE_CHECKING:
    from rest_framework.test import APIClient

START = datetime(2024, 1, 1, tzinfo=UTC)


def log(experiment: Experiment, values: list[float], name: str = "loss", first: int = 0) -> None:
    rows = [Row({name: value}, START + timedelta(seconds=place), first + place) for place, value in enumerate(values)]
    log_metrics(experiment, rows)


@pytest.fixture
def path(experiment: Experiment) -> str:
    return f"{P}/experiments/{experiment.pk}/metrics"


def wave(count: int) -> list[float]:
    return [math.sin(place / 50) + (5.0 if place == 777 else 0.0) for place in range(count)]


def history(client: APIClient, path: str, **parameters: Any) -> Any:
    answer = client.get(f"{path}/history", parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def test_summaries_tell_where_the_best_was(client: APIClient, path: str, experiment: Experiment) -> None:
    log(experiment, [3.0, 1.0, 2.0], first=10)
    log(experiment, [math.nan], "bad")
    loss, bad = client.get(f"{path}/series").json()["results"]
    assert loss == {
        "name": "loss",
        "run": experiment.uuid.hex,
        "experiment": experiment.pk,
        "count": 3,
        "last": 2.0,
        "last_step": 12,
        "last_time": "2024-01-01T00:00:02Z",
        "min": 1.0,
        "min_step": 11,
        "max": 3.0,
        "max_step": 10,
    }
    assert (bad["last"], bad["min"], bad["min_step"]) == ("NaN", None, None)
    assert [row["name"] for row in client.get(f"{path}/series", {"name": "bad"}).json()["results"]] == ["bad"]


def test_a_short_series_is_whole(client: APIClient, path: str, experiment: Experiment) -> None:
    log(experiment, [3.0, 1.0, 2.0], first=-1)
    (found,) = history(client, path, name="loss")
    assert (found["steps"], found["values"]) == ([-1, 0, 1], [3.0, 1.0, 2.0])
    assert found["times"] == [START.timestamp() + second for second in range(3)]
    assert (found["count"], found["sampled"]) == (3, False)
    assert found["min"] == found["max"] == found["values"]


def test_buckets_keep_last_smallest_and_largest(client: APIClient, path: str, experiment: Experiment) -> None:
    values = wave(2000)
    log(experiment, values)
    (found,) = history(client, path, name="loss", points=100)
    assert (found["count"], found["sampled"], len(found["steps"])) == (2000, True, 100)
    assert [values[step] for step in found["steps"]] == found["values"]
    for place, (before, step) in enumerate(pairwise([-1, *found["steps"]])):
        bucket = values[before + 1 : step + 1]
        assert (found["min"][place], found["max"][place]) == (min(bucket), max(bucket))
    assert found["steps"][-1] == 1999


def test_triangles_keep_the_peak(client: APIClient, path: str, experiment: Experiment) -> None:
    log(experiment, wave(2000))
    (found,) = history(client, path, name="loss", points=50, method="lttb")
    assert len(found["steps"]) == 50
    assert {0, 777, 1999} <= set(found["steps"])
    assert "min" not in found


def test_the_last_of_each_bucket(client: APIClient, path: str, experiment: Experiment) -> None:
    log(experiment, wave(1000))
    (found,) = history(client, path, name="loss", points=10, method="last")
    assert len(found["steps"]) == 10
    assert found["steps"][-1] == 999
    assert "min" not in found


@pytest.mark.parametrize("method", ["minmax", "last", "lttb"])
def test_blocks_of_a_long_series_make_the_same_history(
    client: APIClient, path: str, experiment: Experiment, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(experiment, [math.nan if place % 11 == 0 else value for place, value in enumerate(wave(200))])
    log(experiment, wave(30), first=60)  # the same steps again
    asked = [{"points": 17}, {"points": 17, "from_step": 3, "to_step": 150}, {"points": 10, "to_step": 9}]
    whole = [history(client, path, name="loss", method=method, **parameters) for parameters in asked]
    monkeypatch.setattr("polyaxon.stores.history.BLOCK", 7)
    assert [history(client, path, name="loss", method=method, **parameters) for parameters in asked] == whole
    assert [len(one["steps"]) for (one,) in whole] == [17, 17, 10]


def test_a_range_of_steps(client: APIClient, path: str, experiment: Experiment) -> None:
    log(experiment, wave(100), first=-50)
    for method in ("minmax", "lttb", "last"):
        (found,) = history(client, path, name="loss", from_step=-10, to_step=10, method=method)
        assert found["steps"] == list(range(-10, 11))


def test_several_series_and_all_of_them(client: APIClient, path: str, experiment: Experiment) -> None:
    for name in ("a", "b", "c"):
        log(experiment, [1.0], name)
    assert [row["name"] for row in history(client, path, name=["a", "c"])] == ["a", "c"]
    assert [row["name"] for row in history(client, path)] == ["a", "b", "c"]
    assert history(client, path, name="nothing") == []


def test_extreme_steps_and_values(client: APIClient, path: str, experiment: Experiment) -> None:
    rows = [Row({"x": value}, START, step) for step, value in [(-(2**63), 1e308), (0, -1e308), (2**63 - 1, math.inf)]]
    log_metrics(experiment, [*rows, Row({"x": math.nan}, START, 5)])
    for method in ("minmax", "lttb", "last"):
        (found,) = history(client, path, name="x", points=2, method=method)
        assert len(found["steps"]) == 2
        assert found["values"][-1] == "Infinity"
        (whole,) = history(client, path, name="x", points=4, method=method)
        assert whole["values"] == [1e308, -1e308, "NaN", "Infinity"]


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        ({"method": "mean"}, "method"),
        ({"points": "many"}, "points"),
        ({"from_step": "1.5"}, "from_step"),
        ({"name": "\x00"}, "name"),
    ],
)
def test_nonsense_is_refused(client: APIClient, path: str, parameters: dict[str, str], place: str) -> None:
    answer = client.get(f"{path}/history", parameters)
    assert answer.status_code == 400
    assert place in answer.json()[0]


def test_every_point_page_by_page(client: APIClient, path: str, experiment: Experiment) -> None:
    log(experiment, [float(value) for value in range(25)])
    log(experiment, [100.0, 101.0], first=5)  # the same steps again
    steps: list[int] = []
    values: list[float] = []
    address: str | None = f"{path}/points?name=loss&limit=10"
    pages = 0
    while address:
        page = client.get(address).json()
        steps, values, address, pages = steps + page["steps"], values + page["values"], page["next"], pages + 1
    assert pages == 3
    assert steps == sorted([*range(25), 5, 6])
    assert sorted(values) == sorted([*map(float, range(25)), 100.0, 101.0])


def test_points_want_one_series(client: APIClient, path: str, experiment: Experiment) -> None:
    log(experiment, [1.0])
    assert client.get(f"{path}/points").status_code == 400
    assert client.get(f"{path}/points", {"name": "nothing"}).status_code == 404
    assert client.get(f"{path}/points", {"name": "loss", "after": "x"}).status_code == 400


def test_a_group_has_one_series_for_each_trial(client: APIClient, project: Project) -> None:
    group = make_group(project)
    trials = [make_experiment(project, group=group) for _ in range(3)]
    for trial in trials:
        log(trial, wave(100))
    make_experiment(project)
    found = history(client, f"{P}/groups/{group.pk}/metrics", name="loss", points=5)
    assert [row["experiment"] for row in found] == [trial.pk for trial in trials]
    assert {len(row["steps"]) for row in found} == {5}
    selection = make_selection(project, trials[1])
    (row,) = history(client, f"{P}/groups/{selection.pk}/metrics", name="loss")
    assert row["experiment"] == trials[1].pk


def test_queries_do_not_grow_with_the_series(client: APIClient, path: str, experiment: Experiment) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            for method in ("minmax", "lttb"):
                history(client, path, points=10, method=method)
        return len(captured)

    log(experiment, wave(50), "a0")
    one = queries()
    for number in range(1, 12):
        log(experiment, wave(50), f"a{number}")
    assert queries() == one


def sample(run: Any, cpu: float) -> None:
    row = Row({"cpu_percent": cpu, "memory_bytes": 1024.0, "processes": 2.0}, START)
    ingest(Measured(run, MetricSeries.RESOURCE), [row])


def test_the_last_sample_of_each_replica(client: APIClient, experiment: Experiment) -> None:
    base = f"{P}/experiments/{experiment.pk}"
    assert client.get(f"{base}/resources").json() == []
    row = add_replica(experiment)
    assert client.get(f"{base}/jobs/{row.pk}/resources").status_code == 404
    sample(row.uuid, 50.0)
    sample(row.uuid, 75.0)
    (message,) = client.get(f"{base}/resources").json()
    assert client.get(f"{base}/jobs/{row.pk}/resources").json() == message
    assert message["job_uuid"] == row.uuid.hex
    assert message["experiment_uuid"] == experiment.uuid.hex
    assert message["job_name"] == f"master.{row.pk}"
    assert (message["cpu_percentage"], message["memory_used"]) == (75.0, 1024)
    assert message["memory_limit"] > 0
    assert message["n_cpus"] >= 1
    assert not [key for key, value in message.items() if value is None and key != "gpu_resources"]
    found = {entry["name"]: entry["values"] for entry in history(client, f"{base}/resources")}
    assert found["cpu_percent"] == [50.0, 75.0]
    assert history(client, f"{base}/jobs/{row.pk}/resources", name="processes")[0]["values"] == [2.0, 2.0]


def test_samples_of_a_job(client: APIClient, project: Project) -> None:
    job = make_job(project)
    base = f"{P}/jobs/{job.pk}/resources"
    assert client.get(base).status_code == 404
    sample(job.uuid, 10.0)
    assert client.get(base).json()["cpu_percentage"] == 10.0
    assert history(client, base, name="cpu_percent")[0]["values"] == [10.0]


def test_others_see_nothing_of_a_private_project(stranger: APIClient, path: str, experiment: Experiment) -> None:
    log(experiment, [1.0])
    assert stranger.get(f"{path}/series").status_code == 200
    Project.objects.update(is_public=False)
    for place in ("series", "history", "points?name=loss"):
        assert stranger.get(f"{path}/{place}").status_code == 404
    assert stranger.get(path.replace("metrics", "resources")).status_code == 404


@given(
    st.lists(st.floats() | st.sampled_from([1.7e308, -1.7e308]), min_size=1, max_size=200),
    st.integers(min_value=1, max_value=50),
)
def test_triangles_choose_places_in_order(values: list[float], points: int) -> None:
    kept = lttb(range(len(values)), values, points)
    assert kept == sorted(set(kept))
    assert len(kept) == min(points, len(values))
    assert kept[-1] == len(values) - 1
    assert points == 1 or kept[0] == 0


@pytest.mark.filterwarnings("error")
def test_triangles_over_gaps_between_the_largest_numbers() -> None:
    largest = 1.7976931348623157e308
    assert lttb(range(6), [0.0, -largest, float("nan"), largest, float("inf"), 0.0], 4) == [0, 1, 3, 5]


def ids(client: APIClient, **parameters: str) -> list[int]:
    answer = client.get(f"{P}/experiments", parameters)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_experiments_by_smallest_largest_and_best(client: APIClient, project: Project) -> None:
    one, two, three = (make_experiment(project) for _ in range(3))
    log(one, [5.0, 1.0, 4.0])
    log(two, [3.0, 2.0, 3.0])
    assert ids(client, query="metric_min.loss:<1.5") == [one.pk]
    assert ids(client, query="metric_max.loss:<=3") == [two.pk]
    assert ids(client, query="metric_best.loss:<1.5") == [one.pk]
    assert ids(client, query="metric_best.loss:>4.5") == [one.pk]
    assert ids(client, query="metric_best.loss:~<1.5") == [two.pk]
    assert ids(client, query="metric_best.loss:3") == [two.pk]
    assert ids(client, sort="metric_min.loss") == [one.pk, two.pk, three.pk]
    assert ids(client, sort="-metric_min.loss") == [two.pk, one.pk, three.pk]
    assert ids(client, sort="metric_max.loss") == [two.pk, one.pk, three.pk]
    assert ids(client, sort="metric_best.loss") == [one.pk, two.pk, three.pk]
    assert ids(client, sort="-metric_best.loss") == [one.pk, two.pk, three.pk]
    assert client.get(f"{P}/experiments", {"query": "metric_best:3"}).status_code == 400


def test_rows_are_read_by_the_page(client: APIClient, path: str, experiment: Experiment) -> None:
    log_metrics(experiment, [Row({"a": float(n), "b": 1.0}, START + timedelta(seconds=n // 2)) for n in range(50)])
    whole = client.get(path).json()
    assert whole["count"] == 50
    pages = [client.get(path, {"limit": 7, "offset": start}).json()["results"] for start in range(0, 50, 7)]
    assert [row for page in pages for row in page] == whole["results"]
    with CaptureQueriesContext(connection) as captured:
        client.get(path, {"limit": 2, "offset": 40})
    assert "00:00:20" in captured.captured_queries[-1]["sql"]
