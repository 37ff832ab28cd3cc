"""All trials of a group. Of those that have ended a process reads each once.

What they reached does not change then but for what the group's `history_revision` tells of. Who changes something and
dies before it is told there does so unseen, and so nothing is kept for longer than a minute.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import JSONField, QuerySet
from django.db.models.expressions import RawSQL

from hpsearch import Stage, Trial
from polyaxon.db.lookups import listed
from polyaxon.db.models import Experiment, ExperimentGroup, MetricSeries, SearchDecision
from polyaxon.db.server_side import answers
from polyaxon.stores.series import last_values
from polyaxon.trials.counts import Places
from polyaxon.trials.kept import LONGEST_KEPT, Kept
from polyaxon.trials.states import state_of

MOST_SEARCHES = 8
MOST_TRIALS = 20_000  # together; about 1 KB each
_LARGEST_INDEX = 2**31 - 1

_NAMES = {
    "experiments": Experiment._meta.db_table,
    "decisions": SearchDecision._meta.db_table,
    "series": MetricSeries._meta.db_table,
    # Neither what a resumed search made anew, nor what a person added and then archived.
    "is_member": f"""(e.trial_index IS NOT NULL OR NOT e.deleted AND NOT EXISTS (
      SELECT 1 FROM {SearchDecision._meta.db_table} d
      WHERE d.experiment_id = e.id AND d.kind = '{SearchDecision.REPLACED}'
    ))""",  # noqa: S608 - names of tables
    # A trial of before decisions were stored has none, and stands at the first stage.
    "columns": "e.trial_index, e.status, e.params, COALESCE(d.bracket, 0), COALESCE(d.rung, 0), d.parent_index,"
    " d.numbers",
}


def named(sql: str) -> str:
    """With the names of tables, and of what is asked of trials."""
    return sql.format(**_NAMES)


TRIALS = named("""
SELECT e.id, {columns}
FROM {experiments} e LEFT JOIN {decisions} d ON d.experiment_id = e.id AND d.kind = 'start'
""")


def trials_of(rows: Sequence[tuple[Any, ...]]) -> dict[int, Trial]:
    """Trials by the id of the experiment, in the order of `rows`, which `TRIALS` gave."""
    metrics: dict[int, dict[str, float]] = defaultdict(dict)
    for experiment, name, last in last_values([row[0] for row in rows]):
        metrics[experiment][name] = math.nan if last is None else last
    return {row[0]: _trial(row[1:], metrics.get(row[0], {})) for row in rows}


def _trial(row: Sequence[Any], metrics: dict[str, float]) -> Trial:
    index, status, params, bracket, rung, parent, numbers = row
    params, numbers = _loaded(params) or {}, _loaded(numbers) or {}
    if index is None:
        return Trial(None, params, state_of(status), metrics)
    return Trial(index, params, state_of(status), metrics, Stage(bracket, rung), parent, numbers)


def _loaded(value: Any) -> Any:
    """A JSON column as it comes past the ORM."""
    return json.loads(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Members:
    """What a process has read of a group, in order: trials by index, and runs that people added by their numbers."""

    group: UUID
    revision: int | None  # the group's `history_revision` then
    begun: float  # when all of it was read, by a clock in seconds
    suggested: dict[int, Trial] = field(default_factory=dict)
    added: dict[int, Trial] = field(default_factory=dict)
    open: frozenset[int] = frozenset()  # numbers of the experiments that had not ended

    def __len__(self) -> int:
        return len(self.suggested) + len(self.added)

    @property
    def newest(self) -> int:
        """The highest index; -1 before there is one."""
        return next(reversed(self.suggested), -1)

    def fits(self, group: ExperimentGroup, revision: int | None, now: float) -> bool:
        """Whether those that had ended are as they were. Numbers of groups come again where a database is made anew."""
        return (self.group, self.revision) == (group.uuid, revision) and now - self.begun < LONGEST_KEPT

    def with_news(self, rows: Mapping[int, Trial]) -> Members:
        """The same with trials that were read now, by experiment; the others are as they were."""
        suggested = {trial.index: trial for trial in rows.values() if trial.index is not None}
        both = {**self.suggested, **suggested}
        if any(index < self.newest and index not in self.suggested for index in suggested):
            both = dict(sorted(both.items()))
        return replace(
            self,
            suggested=both,
            added={**self.added, **{key: trial for key, trial in rows.items() if trial.index is None}},
            open=(self.open - rows.keys()) | {key for key, trial in rows.items() if not trial.state.is_done},
        )


MEMBERS: Kept[Members] = Kept(most_searches=MOST_SEARCHES, most_trials=MOST_TRIALS)


@dataclass(frozen=True, slots=True)
class News:
    """What is new, and what had not ended, beside what was known when it was read."""

    known: Members
    rows: Sequence[Sequence[Any]] | None


def members_of(group: ExperimentGroup, places: Places, news: News | None = None) -> Members:
    """Every trial of a group. `places`: as they were a moment ago; `news`: if they have been read with these."""
    known, now = MEMBERS.take(group.pk), time.monotonic()
    if known is not None and known.fits(group, places.revision, now):
        is_read = news is not None and news.known is known
        known = known.with_news(_trials(news.rows) if news and is_read else _read_news(group, known))
    if known is None or not known.fits(group, places.revision, now) or len(known.suggested) != places.number:
        known = Members(group.uuid, places.revision, now).with_news(trials_of(answers(_ALL, group.pk)))
    MEMBERS.put(group.pk, known)
    return known


_ALL = TRIALS + named("WHERE e.experiment_group_id = %s AND {is_member} ORDER BY e.trial_index, e.id")


# -- what is new --


def known_members(group: int) -> Members | None:
    """What is known of a group, if news of it can be read together with its row."""
    return MEMBERS.get(group) if connection.vendor == "postgresql" else None


def with_news(groups: QuerySet[ExperimentGroup], newest: Any, still_open: Any) -> QuerySet[ExperimentGroup]:
    """Groups, each read together with what is new in it since its trials up to the index `newest` were read.

    `still_open`: the numbers of those that had not ended, `listed`.
    """
    news = RawSQL(_news_of(f"{ExperimentGroup._meta.db_table}.id"), [newest, still_open], output_field=JSONField())  # noqa: S611 - fixed
    return groups.annotate(_news=news)


def news_as_read(group: ExperimentGroup, known: Members | None) -> News | None:
    """Of a group that was read `with_news` beside what was `known` of it."""
    return None if known is None else News(known, group.__dict__["_news"])


def _read_news(group: ExperimentGroup, known: Members) -> dict[int, Trial]:
    """In one round trip on Postgres."""
    values = (group.pk, known.newest, listed(sorted(known.open)))
    if connection.vendor != "postgresql":
        return trials_of(answers(_NEWS_ALONE, *values))
    ((rows,),) = answers(f"SELECT {_news_of('%s')}", *values)
    return _trials(_loaded(rows))


def _trials(rows: Sequence[Sequence[Any]] | None) -> dict[int, Trial]:
    return {key: _trial(columns, _metrics(names, last)) for key, *columns, names, last in rows or ()}


def _metrics(names: Sequence[str] | None, last: Sequence[float | str | None] | None) -> dict[str, float]:
    """JSON has strings for what is no number of its own."""
    both = zip(names or (), last or (), strict=True)
    return {name: math.nan if value is None else float(value) for name, value in both}


_NEWS_ALONE = TRIALS + named("""
WHERE e.id IN (
  SELECT id FROM {experiments} WHERE experiment_group_id = %s AND trial_index > %s
  UNION SELECT value FROM json_each(%s)
)
ORDER BY e.trial_index, e.id
""")


def _news_of(group: str) -> str:
    """An array of rows, null if there are none, for Postgres. Its values: the index, and the numbers.

    Each row is found by its indexes: the planner counts on more of them than there are, and would read small tables
    whole. Nor is it shown the values: it would plan anew each time, which takes longer than to run it.
    """
    return named(f"""(
      SELECT JSONB_AGG(
        JSONB_BUILD_ARRAY(looked_at.id, {{columns}}, metric.names, metric.last) ORDER BY e.trial_index, looked_at.id
      )
      FROM (
        SELECT id FROM {{experiments}}
        WHERE experiment_group_id = {group} AND trial_index BETWEEN (SELECT %s::int + 1) AND {_LARGEST_INDEX}
        UNION SELECT UNNEST((SELECT %s::bigint[]))
      ) looked_at
      CROSS JOIN LATERAL (SELECT trial_index, status, params FROM {{experiments}} WHERE id = looked_at.id LIMIT 1) e
      LEFT JOIN LATERAL (
        SELECT bracket, rung, parent_index, numbers FROM {{decisions}}
        WHERE experiment_id = looked_at.id AND kind = 'start' LIMIT 1
      ) d ON TRUE
      LEFT JOIN LATERAL (
        SELECT ARRAY_AGG(name ORDER BY id) AS names, ARRAY_AGG(last ORDER BY id) AS last
        FROM {{series}} WHERE experiment_id = looked_at.id AND kind = 'metric'
      ) metric ON TRUE
    )""")  # noqa: S608 - names, and a place for a value
