"""Search algorithms that a package next to the platform offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hpsearch import SearchError, UnsupportedAlgorithm, create_algorithm
from polyaxon_schemas.hptuning import HpTuning
from tests.hpsearch.contract import MIXED, AlgorithmContract
from tests.hpsearch.driving import drive, points

MODULE = '''
from hpsearch import Decision, EmptySpace, SearchAlgorithm, Suggestion


class Backwards(SearchAlgorithm):
    """The grid from its end."""

    def __init__(self, space, count):
        self._space, self.planned = space, min(count, space.size)

    planned = None

    def suggest(self, history, *, limit=SearchAlgorithm.BATCH):
        missing = history.missing(self.planned, limit + 1)
        made = [Suggestion(i, self._space.point(self._space.size - 1 - i)) for i in missing[:limit]]
        return Decision(tuple(made), len(missing) <= limit, "backwards")


def backwards(space, settings, seed):
    if space.size is None:
        raise EmptySpace("it goes through a finite space only")
    return Backwards(space, settings["count"])


def seeded(space, settings, seed):
    return Backwards(space, seed)


def nothing(space, settings, seed):
    return None
'''


def install(folder: Path, name: str, offers: Mapping[str, str]) -> None:
    """A distribution as pip leaves it."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "".join(f"{key} = {value}\n" for key, value in offers.items())
    (info / "entry_points.txt").write_text(f"[polyaxon.search_algorithms]\n{lines}")


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "backwards_search.py").write_text(MODULE)
    offers = {name: f"backwards_search:{name}" for name in ("backwards", "seeded", "nothing", "gone")}
    install(tmp_path, "backwards_search", {**offers, "missing": "no_such_module:build"})
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    monkeypatch.delitem(__import__("sys").modules, "backwards_search", raising=False)


def tuning(name: str, matrix: Mapping[str, Any] = MIXED, **settings: Any) -> HpTuning:
    return HpTuning.model_validate({"matrix": matrix, "custom": {"name": name, "settings": settings}})


class TestCustom(AlgorithmContract):
    uses_seed = False
    asks_narrowly = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "custom": {"name": "backwards", "settings": {"count": 7}}}


def test_it_gets_space_settings_and_seed() -> None:
    found = points(drive(create_algorithm(tuning("backwards", count=2), seed=1)))
    assert found == {0: {"flag": False, "depth": 3, "kind": "b"}, 1: {"flag": False, "depth": 3, "kind": "a"}}
    assert len(drive(create_algorithm(tuning("seeded"), seed=3))) == 3
    seeded = HpTuning.model_validate({**tuning("seeded").model_dump(), "seed": 5})
    assert len(drive(create_algorithm(seeded, seed=3))) == 5


def test_an_unknown_name_is_refused_with_those_that_are_installed() -> None:
    with pytest.raises(UnsupportedAlgorithm) as refused:
        create_algorithm(tuning("forwards"), seed=0)
    assert str(refused.value) == (
        "hptuning.custom.name forwards: no package offers it; installed are: backwards, gone, missing, nothing, seeded"
    )


def test_where_nothing_is_installed_the_refusal_says_so(installed: Path) -> None:
    (installed / "backwards_search-1.0.dist-info" / "entry_points.txt").unlink()
    with pytest.raises(UnsupportedAlgorithm, match="installed are: none"):
        create_algorithm(tuning("backwards"), seed=0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("backwards", r"backwards \(backwards_search:backwards\) failed: KeyError: 'count'"),
        ("nothing", r"nothing \(backwards_search:nothing\) gave NoneType, not a hpsearch.SearchAlgorithm"),
        ("gone", "gone .* failed: AttributeError"),
        ("missing", "missing .* failed: ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_what_is_wrong_with_a_package_is_said(name: str, message: str) -> None:
    with pytest.raises(SearchError, match=f"hptuning.custom {message}"):
        create_algorithm(tuning(name), seed=0)


def test_an_algorithm_may_refuse_a_space() -> None:
    with pytest.raises(SearchError, match=r"hptuning\.custom backwards: it goes through a finite space only"):
        create_algorithm(tuning("backwards", {"a": {"uniform": "0:1"}}, count=1), seed=0)


def test_a_name_of_two_packages_is_refused(installed: Path) -> None:
    install(installed, "other_search", {"backwards": "other_search:build"})
    with pytest.raises(SearchError, match=r"several packages \(backwards_search:backwards, other_search:build\)"):
        create_algorithm(tuning("backwards", count=1), seed=0)
