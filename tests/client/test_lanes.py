from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from polyaxon_client.workers.lanes import LOGS, METRICS, UPDATES, Item, Lanes
from polyaxon_client.workers.target import Target

RUNS = [Target("ada", "digits", "experiments", number) for number in range(2)]
kinds = st.lists(st.tuples(st.sampled_from([METRICS, LOGS, UPDATES]), st.integers(0, 1)), max_size=60)


def item(lane: str, run: int, number: Any, **options: Any) -> Item:
    return Item(lane, RUNS[run], number if lane == UPDATES else [number], **options)


def parts(batch: Item) -> list[Any]:
    return [batch.payload] if batch.lane == UPDATES else batch.payload


def drain(lanes: Lanes) -> list[Item]:
    batches = []
    while batch := lanes.take():
        batches.append(batch)
    return batches


@given(kinds)
def test_all_arrive_each_lane_in_order_updates_alone(wanted: list[tuple[str, int]]) -> None:
    lanes = Lanes(batch_items=7)
    for number, (lane, run) in enumerate(wanted):
        lanes.put(item(lane, run, number))
    assert len(lanes) == len(wanted)
    batches = drain(lanes)
    assert sorted(part for batch in batches for part in parts(batch)) == list(range(len(wanted)))
    assert len(lanes) == 0
    assert all(batch.count <= 7 for batch in batches)
    for lane, run in set(wanted):
        sent = [part for b in batches for part in parts(b) if (b.lane, b.target) == (lane, RUNS[run])]
        assert sent == sorted(sent)


@given(kinds)
def test_nothing_overtakes_an_update(wanted: list[tuple[str, int]]) -> None:
    lanes = Lanes()
    for number, (lane, run) in enumerate(wanted):
        lanes.put(item(lane, run, number))
    seen: set[int] = set()
    for batch in drain(lanes):
        if batch.lane == UPDATES:
            assert set(range(batch.payload)) <= seen
        seen.update(parts(batch))


@given(kinds)
def test_what_is_put_back_comes_again(wanted: list[tuple[str, int]]) -> None:
    lanes = Lanes(batch_items=7)
    for number, (lane, run) in enumerate(wanted):
        lanes.put(item(lane, run, number))
    first = lanes.take()
    if first is not None:
        lanes.put_back(first)
        assert len(lanes) == len(wanted)
        again = lanes.take()
        assert again is not None
        assert parts(again)[: first.count] == parts(first)


def test_dropping_takes_the_oldest_points_and_keeps_statuses() -> None:
    lanes = Lanes()
    lanes.put(item(UPDATES, 0, "status"))
    for number in range(3):
        lanes.put(item(METRICS, 0, number))
    lanes.drop(1)
    assert len(lanes) == 3
    assert [parts(batch) for batch in drain(lanes)] == [["status"], [1, 2]]


def test_dropping_shortens_what_is_merged() -> None:
    lanes = Lanes()
    lanes.put(Item(METRICS, RUNS[0], list(range(10)), size=1000))
    lanes.drop(4)
    assert len(lanes) == 6
    last = lanes.take()
    assert last is not None
    assert (last.payload, last.size) == ([4, 5, 6, 7, 8, 9], 600)


def test_updates_go_when_nothing_else_is_left() -> None:
    lanes = Lanes()
    for number in range(5):
        lanes.put(item(UPDATES, 0, number))
    lanes.drop(3)
    assert [batch.payload for batch in drain(lanes)] == [3, 4]
    lanes.drop(1)
    assert len(lanes) == 0


def test_batches_are_bounded_in_bytes_but_never_empty() -> None:
    lanes = Lanes(batch_bytes=1000)
    for size in (5000, 400, 400, 400):
        lanes.put(item(LOGS, 0, size, size=size))
    assert [batch.payload for batch in drain(lanes)] == [[5000], [400, 400], [400]]
