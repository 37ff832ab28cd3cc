"""The trials of a search as its algorithm asks for them: each question is one narrow statement or two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from hpsearch import History, Leader, Score, Stage, Tally, Trial
from polyaxon.db.lookups import is_among, listed
from polyaxon.db.models import ExperimentGroup
from polyaxon.db.server_side import answers
from polyaxon.trials.counts import Places, read_places
from polyaxon.trials.members import TRIALS, News, members_of, named, trials_of
from polyaxon.trials.standings import Standing, Standings, brought_up_to_date
from polyaxon.trials.states import state_of
from polyaxon_schemas.search import Metric

COPY = "copy"


_STAGE = named("""
FROM {decisions} d JOIN {experiments} e ON e.id = d.experiment_id
WHERE d.experiment_group_id = %s AND d.kind = 'start' AND d.bracket = %s AND d.rung = %s AND e.trial_index IS NOT NULL
""")
_SCORES = named("""
SELECT d.trial_index, e.status, s.last, EXISTS (
  SELECT 1 FROM {decisions} child
  WHERE child.experiment_group_id = d.experiment_group_id AND child.kind = 'start'
  AND child.parent_index = d.trial_index
)
FROM {decisions} d
JOIN {experiments} e ON e.id = d.experiment_id
LEFT JOIN {series} s ON s.experiment_id = e.id AND s.name = %s AND s.kind = 'metric'
WHERE d.experiment_group_id = %s AND d.kind = 'start' AND d.bracket = %s AND d.rung = %s AND e.trial_index IS NOT NULL
ORDER BY d.trial_index
""")
# Statements of their own, since each has an index.
_STANDINGS = named("""
SELECT d.id, e.id, d.trial_index, d.bracket, d.rung, d.parent_index, e.status, s.last
FROM (
  SELECT id FROM {decisions} WHERE id > %s AND experiment_group_id = %s AND kind = 'start'
  UNION ALL
  SELECT id FROM {decisions} WHERE {{under_way}} AND kind = 'start' AND id <= %s
) looked_at
JOIN {decisions} d ON d.id = looked_at.id
JOIN {experiments} e ON e.id = d.experiment_id
LEFT JOIN {series} s ON s.experiment_id = e.id AND s.name = %s AND s.kind = 'metric'
WHERE e.trial_index IS NOT NULL
ORDER BY d.id
""")
# The last index before each gap, and the first one after it.
_GAPS = named("""
SELECT trial_index, following FROM (
  SELECT trial_index, LEAD(trial_index) OVER (ORDER BY trial_index) AS following
  FROM {experiments} WHERE experiment_group_id = %s AND trial_index < %s
) neighbours WHERE following IS NULL OR following > trial_index + 1 ORDER BY trial_index LIMIT %s
""")


class DatabaseHistory(History):
    """The history of one group. What it answered once it does not ask again, so a pass makes a new one.

    `places`: if they have been read already; `news`: if they have been read together with these.
    """

    def __init__(self, group: ExperimentGroup, places: Places | None = None, news: News | None = None) -> None:
        self._group = group
        self._places = places
        self._news = news
        self._known_standings: Standings | None = None

    def __len__(self) -> int:
        return self._known_places().number

    def missing(self, planned: int, limit: int) -> list[int]:
        places = self._known_places()
        if places.whole:
            return list(range(places.number, min(planned, places.number + limit)))
        found: list[int] = []
        for start, end in self._gaps(planned, limit):
            found += range(start, min(end, start + limit - len(found)))
        return found

    def get(self, index: int) -> Trial | None:
        rows = answers(f"{TRIALS} WHERE e.experiment_group_id = %s AND e.trial_index = %s", self._group.pk, index)
        return next(iter(trials_of(rows).values()), None)

    def all(self) -> Sequence[Trial]:
        members = members_of(self._group, self._known_places(), self._news)
        return [*members.suggested.values(), *members.added.values(), *_inherited(self._group)]

    def stage(self, stage: Stage) -> Sequence[Trial]:
        where = f"WHERE e.id IN (SELECT e.id {_STAGE}) ORDER BY e.trial_index"
        return list(trials_of(answers(f"{TRIALS} {where}", self._group.pk, stage.bracket, stage.rung)).values())

    def scores(self, stage: Stage, metric: str) -> Sequence[Score]:
        rows = answers(_SCORES, metric, self._group.pk, stage.bracket, stage.rung)
        return [Score(index, state_of(status), value, bool(promoted)) for index, status, value, promoted in rows]

    def tallies(self, bracket: int) -> Mapping[int, Tally]:
        return self._standings().tallies(bracket)

    def leaders(self, bracket: int, metric: Metric, best: Mapping[int, int], limit: int) -> Sequence[Leader]:
        return self._standings(metric).leaders(bracket, best, limit)

    def _standings(self, metric: Metric | None = None) -> Standings:
        """By a metric, or by any: how many there are is the same."""
        if self._known_standings is None or not self._known_standings.has(metric):
            places = self._known_places()
            read = partial(_standings, self._group.pk)
            kept = brought_up_to_date(self._group.uuid, metric, places.revision or 0, places.number, read)
            self._known_standings = kept
        return self._known_standings

    def _known_places(self) -> Places:
        if self._places is None:
            self._places = read_places(self._group)
        return self._places

    def _gaps(self, planned: int, limit: int) -> Iterable[tuple[int, int]]:
        """Ranges of missing indexes, as far as `limit` of them can reach."""
        first = self._known_places().first or 0
        yield 0, min(first, planned)
        for last, following in answers(_GAPS, self._group.pk, planned, limit):
            yield last + 1, planned if following is None else following


def _standings(group: int, known: Standings) -> list[Standing]:
    """What is new in a search, and what had not ended."""
    metric = known.metric.name if known.metric else ""
    values = [known.newest, group, listed(known.under_way), known.newest, metric]
    rows = answers(_STANDINGS.format(under_way=is_among("experiment_id", "bigint")), *values)
    return [
        Standing(decision, experiment, index, Stage(bracket, rung), parent, state_of(status), value)
        for decision, experiment, index, bracket, rung, parent, status, value in rows
    ]


def _inherited(group: ExperimentGroup) -> list[Trial]:
    """What the searches found that this one is a copy of, as if people had added it; the nearest first."""
    found: list[Trial] = []
    seen = {group.pk}
    while group.cloning_strategy == COPY and group.original_group is not None and group.original_group.pk not in seen:
        group = group.original_group
        seen.add(group.pk)
        members = members_of(group, read_places(group))
        both = (*members.suggested.values(), *members.added.values())
        found += [_by_hand(trial) for trial in both if trial.state.is_done]
    return found


def _by_hand(trial: Trial) -> Trial:
    return Trial(None, trial.params, trial.state, trial.metrics)
