"""Conditions on JSON columns and on metrics."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, Value
from django.db.models.fields.json import JSONField, KeyTransform, KeyTransformExact

from api.query.conditions import (
    LOOKUPS,
    Condition,
    Predicate,
    ScalarCondition,
    everything_but,
    operands,
)
from api.query.parser import Expression, Operator, wrong
from polyaxon.db.models import MetricSeries
from polyaxon.db.models.groups import ALGORITHMS


class ListHolds(Func):
    """Whether a JSON list has a text among its items; false for no list."""

    output_field = BooleanField()
    conditional = True

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "EXISTS (SELECT 1 FROM json_each(%(column)s) WHERE value = %(item)s)"
        return self._sql(compiler, template)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "%(column)s @> jsonb_build_array(%(item)s::text)"
        return self._sql(compiler, template)

    def _sql(self, compiler: Any, template: str) -> tuple[str, list[Any]]:
        column, column_parameters = compiler.compile(self.source_expressions[0])
        item, item_parameters = compiler.compile(self.source_expressions[1])
        return template % {"column": column, "item": item}, [*column_parameters, *item_parameters]


@dataclass(frozen=True)
class ArrayCondition(Condition):
    """A list of texts that has a value, or one of several."""

    column: str

    def predicate(self, expression: Expression) -> Predicate:
        self.no_suffix(expression)
        matching = Q()
        for item in operands(expression):
            matching |= Q(ListHolds(F(self.column), Value(item)))
        return everything_but(matching) if expression.negated else matching


@dataclass(frozen=True)
class KeyCondition(Condition):
    """A key of a JSON object, equal to a text or to the number or truth value that the text writes."""

    column: str

    def predicate(self, expression: Expression) -> Predicate:
        if expression.suffix is None:
            raise wrong(expression.source, f"name a key, as in `{expression.field}.lr:0.1`")
        matching = Q()
        for text in operands(expression):
            for value in _readings(text):
                matching |= self._equals(expression.suffix, value)
        return everything_but(matching) if expression.negated else matching

    def _equals(self, key: str, value: Any) -> Q:
        if connection.vendor == "postgresql":
            # What is asked for is no list and no object, so to contain it is to equal it; this has an index.
            return Q(**{f"{self.column}__contains": {key: value}})
        return Q(KeyTransformExact(KeyTransform(key, F(self.column)), Value(value, JSONField())))


def _readings(text: str) -> list[Any]:
    """What `text` may stand for in JSON."""
    try:
        value = json.loads(text.lower() if text.lower() in {"true", "false"} else text, parse_constant=str)
    except (ValueError, RecursionError):
        return [text]
    return [text, value] if isinstance(value, bool | int | float) else [text]


@dataclass(frozen=True)
class MetricCondition(ScalarCondition):
    """The last, smallest or largest value of a metric."""

    column: str = "last"

    def compare(self, expression: Expression, operator: Operator, value: float) -> Predicate:
        return Exists(metric_series(self._name(expression)).filter(self._compared(operator, value)))

    def of_series(self, expression: Expression) -> Q | None:
        """What holds for one series of each experiment that matches; None where those without a series match too."""
        predicate = _SeriesCondition(self.column).predicate(expression)
        return predicate if isinstance(predicate, Q) else None

    def _name(self, expression: Expression) -> str:
        if expression.suffix is None:
            raise wrong(expression.source, f"name a metric, as in `{expression.field}.loss:<0.3`")
        return expression.suffix

    def _compared(self, operator: Operator, value: float) -> Q:
        return Q(**{f"{self.column}__{LOOKUPS[operator]}": value})


class _SeriesCondition(MetricCondition):
    """The same, asked of the series themselves."""

    def compare(self, expression: Expression, operator: Operator, value: float) -> Predicate:
        return Q(name=self._name(expression)) & self._compared(operator, value)


class BestMetricCondition(ScalarCondition):
    """Whether a metric ever was as good as that: `<` asks its smallest value, `>` its largest, equality both."""

    def compare(self, expression: Expression, operator: Operator, value: float) -> Predicate:
        smallest, largest = MetricCondition("min"), MetricCondition("max")
        # The comparison as it was written tells which one is meant; a negated one arrives here turned round.
        written = operator.opposite if expression.negated else operator
        if written is Operator.EQ:
            return _either(smallest.compare(expression, operator, value), largest.compare(expression, operator, value))
        chosen = smallest if written in {Operator.LT, Operator.LE} else largest
        return chosen.compare(expression, operator, value)


def _either(left: Predicate, right: Predicate) -> Q:
    return Q(left) | Q(right)


def metric_series(name: str) -> Any:
    """The series called `name` of the experiment of the outer query."""
    of = {"experiment": OuterRef("pk"), "project": OuterRef("project")}
    return MetricSeries.objects.filter(**of, kind=MetricSeries.METRIC, name=name)


class IndependentCondition(Condition):
    """`independent:true`: experiments outside of groups. As in 0.6 only this case filters."""

    def predicate(self, expression: Expression) -> Predicate:
        self.no_suffix(expression)
        (text,) = operands(expression)
        if text.lower() not in {"true", "false"}:
            raise wrong(expression.source, "independent takes `true` or `false`", after=":")
        return Q(experiment_group=None) if text.lower() == "true" else Q()


# By the names on the wire, and by those of sections in files.
ALGORITHM_KEYS = {**{name: key for key, name in ALGORITHMS.items()}, **{key: key for key in ALGORITHMS}}


class AlgorithmCondition(Condition):
    """The algorithm of a search."""

    def predicate(self, expression: Expression) -> Predicate:
        self.no_suffix(expression)
        names = operands(expression)
        unknown = [name for name in names if name not in ALGORITHM_KEYS]
        if unknown:
            advice = f"there is no algorithm {unknown[0]!r} ({', '.join(ALGORITHMS.values())})"
            raise wrong(expression.source, advice, after=":", at=unknown[0])
        matching = Q(hptuning__has_any_keys=[ALGORITHM_KEYS[name] for name in names])
        return everything_but(matching) if expression.negated else matching


class ConcurrencyCondition(ScalarCondition):
    """How many trials of a search run at once; 1 if its file does not say."""

    def compare(self, expression: Expression, operator: Operator, value: float) -> Predicate:
        self.no_suffix(expression)
        named = Q(**{f"hptuning__concurrency__{LOOKUPS[operator]}": value})
        if not _holds(1.0, operator, value):
            return named
        return named | Q(hptuning__isnull=False) & ~Q(hptuning__has_key="concurrency")


def _holds(left: float, operator: Operator, right: float) -> bool:
    return {
        Operator.EQ: left == right,
        Operator.LT: left < right,
        Operator.LE: left <= right,
        Operator.GT: left > right,
        Operator.GE: left >= right,
    }[operator]
