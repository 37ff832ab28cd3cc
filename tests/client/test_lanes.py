from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polyaxon_client.workers.lanes import LOGS, METRICS, UPDATES, Item, Lanes
from polyaxon_client.workers.target import Target

RUNS = [Target("ada", "digits", "experiments", number) for number in range(2)]
kinds = st.lists(st.tuples(st.sampled_from([METRICS, LOGS, UPDATES]), st.integers(0, 1)), max_size=60)


def drain(lanes: Lanes) -> list[list[Item]]:
    batches = []
    while batch := lanes.take():
        batches.append(batch)
    return batches


@given(kinds)
def test_all_arrive_each_lane_in_order_updates_alone(wanted: list[tuple[str, int]]) -> None:
    lanes = Lanes(1000, batch_items=7)
    for number, (lane, run) in enumerate(wanted):
        lanes.put(Item(lane, RUNS[run], number))
    batches = drain(lanes)
    assert sorted(item.payload for batch in batches for item in batch) == list(range(len(wanted)))
    assert len(lanes) == 0
    for batch in batches:
        assert len({(item.lane, item.target) for item in batch}) == 1
        assert len(batch) == 1 or (batch[0].lane != UPDATES and len(batch) <= 7)
    for key in {(lane, run) for lane, run in wanted}:
        sent = [i.payload for b in batches for i in b if (i.lane, RUNS.index(i.target)) == key]
        assert sent == sorted(sent)


@given(kinds)
def test_nothing_overtakes_an_update(wanted: list[tuple[str, int]]) -> None:
    lanes = Lanes(1000)
    for number, (lane, run) in enumerate(wanted):
        lanes.put(Item(lane, RUNS[run], number))
    seen: set[int] = set()
    for batch in drain(lanes):
        if batch[0].lane == UPDATES:
            assert set(range(batch[0].payload)) <= seen
        seen.update(item.payload for item in batch)


def test_full_queue_drops_the_oldest_point_and_keeps_statuses() -> None:
    lanes = Lanes(3)
    assert lanes.put(Item(UPDATES, RUNS[0], "status"))
    assert lanes.put(Item(METRICS, RUNS[0], 1))
    assert lanes.put(Item(METRICS, RUNS[0], 2))
    assert not lanes.put(Item(METRICS, RUNS[0], 3))
    assert [[item.payload for item in batch] for batch in drain(lanes)] == [["status"], [2, 3]]


def test_queue_of_updates_is_bounded_too() -> None:
    lanes = Lanes(2)
    for number in range(5):
        lanes.put(Item(UPDATES, RUNS[0], number))
    assert [batch[0].payload for batch in drain(lanes)] == [3, 4]


def test_batches_are_bounded_in_bytes_but_never_empty() -> None:
    lanes = Lanes(100, batch_bytes=1000)
    for size in (5000, 400, 400, 400):
        lanes.put(Item(LOGS, RUNS[0], size, size=size))
    assert [[item.payload for item in batch] for batch in drain(lanes)] == [[5000], [400, 400], [400]]
