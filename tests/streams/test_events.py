"""The feed of events."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.streams.conftest import Running, events_of, new_run, set_status

if TYPE_CHECKING:
    from collections.abc import Iterator


def newest(client: httpx.Client) -> int:
    """Id of the last event so far."""
    run = new_run(client)
    with client.stream("GET", "events", params={"since": 0, "project": "olga/digits"}) as answer:
        for event in events_of(answer):
            if event.json["type"] == "experiment.created" and event.json["object_id"] == int(run.split("/")[-1]):
                return int(event.id or 0)
    raise AssertionError("the event did not come")


def changes(client: httpx.Client, run: str) -> None:
    set_status(client, run, "running")
    set_status(client, run, "succeeded")


def of_run(events: Iterator[Any], run: str) -> Iterator[Any]:
    return (event for event in events if f"/{event.json['object_id']}" in run and "experiment" in event.json["type"])


def test_changes_arrive_as_they_happen(olga: httpx.Client) -> None:
    since = newest(olga)
    run = new_run(olga)
    with olga.stream("GET", "events", params={"subject": "experiment"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        changes(olga, run)
        found = (event.json["type"] for event in of_run(events_of(answer), run))
        assert [kind for kind in islice(found, 3) if kind == "experiment.new_status"]
    with olga.stream("GET", "events", params={"since": since}) as answer:
        first = next(event for event in of_run(events_of(answer), run) if event.json["type"] == "experiment.new_status")
    assert set(first.json) == {"v", "id", "type", "subject", "object_id", "project", "context", "created_at"}
    assert (first.json["v"], first.json["project"], first.id) == (1, "olga.digits", str(first.json["id"]))
    assert first.json["context"]["status"] == "running"


def test_the_last_id_resumes(olga: httpx.Client, run: str) -> None:
    since = newest(olga)
    changes(olga, run)
    with olga.stream("GET", "events", params={"since": since}) as answer:
        running, second = islice(of_run(events_of(answer), run), 2)
    with olga.stream("GET", "events", headers={"Last-Event-ID": running.id}) as answer:
        again = next(of_run(events_of(answer), run))
    assert again == second


def test_everybody_sees_only_what_they_may(running: Running, olga: httpx.Client) -> None:
    since = newest(olga)
    hidden, shown = new_run(olga, "hidden"), new_run(olga)
    with running.client("oskar") as oskar:
        with oskar.stream("GET", "events", params={"since": since, "subject": "experiment"}) as answer:
            events = events_of(answer)
            old = next(events).json
            changes(olga, hidden)
            changes(olga, shown)
            live = [event.json for event in islice(events, 2)]
        assert oskar.get("events", params={"project": "olga/hidden"}).status_code == 404
    assert {event["project"] for event in [old, *live]} == {"olga.digits"}


def test_filters(olga: httpx.Client) -> None:
    since = newest(olga)
    new_run(olga)
    hidden = new_run(olga, "hidden")
    with olga.stream("GET", "events", params={"since": since, "project": "olga.hidden"}) as answer:
        assert next(events_of(answer)).json["object_id"] == int(hidden.split("/")[-1])
    with olga.stream("GET", "events", params={"since": 0, "subject": "project,user"}) as answer:
        found = {event.json["subject"] for event in islice(events_of(answer), 2)}
    assert found <= {"project", "user"}


@pytest.mark.parametrize("parameters", [{"since": "x"}, {"since": "-1"}])
def test_nonsense_is_refused(olga: httpx.Client, parameters: dict[str, str]) -> None:
    assert olga.get("events", params=parameters).status_code == 400


def test_events_want_a_token(running: Running, olga: httpx.Client) -> None:
    with running.client("") as anonymous:
        assert anonymous.get("events").status_code == 401
        address = f"events?since=0&token={running.tokens['olga']}"
        with anonymous.stream("GET", address) as answer:
            assert next(events_of(answer)).json["v"] == 1


def test_pages_of_listed_origins_may_follow(olga: httpx.Client) -> None:
    found = {}
    for origin in ("https://ml.example.com", "https://evil.example.com"):
        with olga.stream("GET", "events", headers={"Origin": origin}) as answer:
            found[origin] = answer.headers.get("access-control-allow-origin")
            assert answer.status_code == 200
    assert found == {"https://ml.example.com": "https://ml.example.com", "https://evil.example.com": None}
