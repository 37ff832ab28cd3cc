"""Kinds of conditions: each turns an operation of the filter language into a `Q`, or refuses it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BooleanField, Case, Q, Value, When
from django.db.models.expressions import Combinable

from api.fields import aware
from api.query.parser import Between, Compare, Expression, OneOf, Operator, wrong
from polyaxon.db.models import User

LOOKUPS = {Operator.EQ: "exact", Operator.LT: "lt", Operator.LE: "lte", Operator.GT: "gt", Operator.GE: "gte"}

Predicate = Q | Combinable


class Condition(ABC):
    """One kind of field."""

    def compile(self, expression: Expression) -> Predicate:
        """The predicate of `expression`. Raises `InvalidInput`."""
        self.refuse_colons(expression)
        return self.predicate(expression)

    @abstractmethod
    def predicate(self, expression: Expression) -> Predicate:
        """The predicate, negated if the expression is."""

    def refuse_colons(self, expression: Expression) -> None:
        text = expression.source.text
        if text.count(":") > 1:
            second = text.index(":", text.index(":") + 1)
            raise wrong(expression.source, "a condition has exactly one colon", at=text[second:])

    @staticmethod
    def no_suffix(expression: Expression) -> None:
        if expression.suffix:
            raise wrong(expression.source, f"{expression.field} has no part {expression.suffix!r}", after=".")


def everything_but(predicate: Predicate) -> Predicate:
    """All rows for which `predicate` does not hold, those without a value included."""
    return Case(When(predicate, then=Value(value=False)), default=Value(value=True), output_field=BooleanField())


def operands(expression: Expression) -> tuple[str, ...]:
    """The values of `v` and `a|b`. Raises `InvalidInput` for comparisons and ranges."""
    operation = expression.operation
    if isinstance(operation, OneOf):
        return operation.operands
    if isinstance(operation, Compare) and operation.operator is Operator.EQ:
        return (operation.operand,)
    raise wrong(
        expression.source, f"{expression.field} takes a value or a list `a|b`, no comparison and no range", after=":"
    )


def number(text: str, expression: Expression) -> float:
    """A finite number. Raises `InvalidInput`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise wrong(expression.source, f"{text!r} is not a number", after=":", at=text)
    return value


@dataclass(frozen=True)
class ValueCondition(Condition):
    """Equal to a value, or one of several. `suffixes`: the parts that may be asked for, and their columns."""

    column: str
    suffixes: dict[str, str] = field(default_factory=dict)
    is_id: bool = False

    def predicate(self, expression: Expression) -> Predicate:
        column, is_id = self._column(expression)
        values: list[Any] = [_id(text, expression) if is_id else text for text in operands(expression)]
        matching = self._matching(column, values)
        return everything_but(matching) if expression.negated else matching

    def _matching(self, column: str, values: list[Any]) -> Q:
        return Q(**{f"{column}__in": values}) if len(values) > 1 else Q(**{column: values[0]})

    def _column(self, expression: Expression) -> tuple[str, bool]:
        if expression.suffix is None:
            return self.column, self.is_id
        if expression.suffix not in self.suffixes:
            self._refuse_suffix(expression)
        return self.suffixes[expression.suffix], expression.suffix == "id"

    def _refuse_suffix(self, expression: Expression) -> None:
        known = ", ".join(f"{expression.field}.{name}" for name in self.suffixes) or "none"
        raise wrong(
            expression.source,
            f"{expression.field} has no part {expression.suffix!r} to ask for (there are: {known})",
            after=".",
        )


class UserCondition(ValueCondition):
    """Whose it is. Names are looked up apart, so that one index has all that a count needs."""

    def _matching(self, column: str, values: list[Any]) -> Q:
        if column != "username":
            return super()._matching(column, values)
        return Q(**{f"{self.column}__in": User.objects.filter(username__in=values)})


def _id(text: str, expression: Expression) -> int:
    if not text.isdecimal() or len(text) > 18:  # noqa: PLR2004 - digits of a 64-bit number
        raise wrong(expression.source, f"{text!r} is not an id, which is a whole number", after=":", at=text)
    return int(text)


class SearchCondition(ValueCondition):
    """A text: also ends with `%v`, starts with `v%`, contains `%v%`, in any case."""

    def predicate(self, expression: Expression) -> Predicate:
        operation = expression.operation
        if not isinstance(operation, Compare) or "%" not in operation.operand:
            return super().predicate(expression)
        self.no_suffix(expression)
        fixed = operation.operand.strip("%").strip()
        if operation.operator is not Operator.EQ or not fixed or "%" in fixed:
            raise wrong(expression.source, "a pattern is one fixed text with % before it, after it, or both", after=":")
        matching = Q(**{f"{self.column}__{_pattern(operation.operand)}": fixed})
        return everything_but(matching) if expression.negated else matching


def _pattern(operand: str) -> str:
    if operand.startswith("%"):
        return "icontains" if operand.endswith("%") else "iendswith"
    return "istartswith"


class ScalarCondition(Condition):
    """A number compared with a number."""

    def predicate(self, expression: Expression) -> Predicate:
        operation = expression.operation
        if not isinstance(operation, Compare):
            raise wrong(expression.source, f"{expression.field} takes one number, as in `>=0.5`", after=":")
        value = number(operation.operand, expression)
        if not expression.negated:
            return self.compare(expression, operation.operator, value)
        if operation.operator is Operator.EQ:
            return everything_but(self.compare(expression, Operator.EQ, value))
        return self.compare(expression, operation.operator.opposite, value)

    @abstractmethod
    def compare(self, expression: Expression, operator: Operator, value: float) -> Predicate:
        """The predicate of one comparison."""


@dataclass(frozen=True)
class DateCondition(Condition):
    """A moment. A date without a time of day is its midnight, but equal to a date is the whole day."""

    column: str

    def refuse_colons(self, expression: Expression) -> None:
        """Times of day have colons."""

    def predicate(self, expression: Expression) -> Predicate:
        self.no_suffix(expression)
        operation = expression.operation
        if isinstance(operation, OneOf):
            raise wrong(
                expression.source, f"{expression.field} takes a date, a comparison or a range, no list", after=":"
            )
        if isinstance(operation, Between):
            matching = self._between(_moment(operation.low, expression), _moment(operation.high, expression))
        elif operation.operator is Operator.EQ:
            matching = self._on(operation.operand, expression)
        else:
            operator = operation.operator.opposite if expression.negated else operation.operator
            return Q(**{f"{self.column}__{LOOKUPS[operator]}": _moment(operation.operand, expression)})
        return everything_but(matching) if expression.negated else matching

    def _between(self, low: datetime, high: datetime) -> Q:
        return Q(**{f"{self.column}__gte": low, f"{self.column}__lte": high})

    def _on(self, text: str, expression: Expression) -> Q:
        moment = _moment(text, expression)
        if len(text) > len("2020-01-01"):
            return Q(**{self.column: moment})
        return Q(**{f"{self.column}__gte": moment, f"{self.column}__lt": moment + timedelta(days=1)})


def _moment(text: str, expression: Expression) -> datetime:
    try:
        return aware(datetime.fromisoformat(text))
    except ValueError:
        advice = f"{text!r} is not a date; write `2020-12-31` or `2020-12-31 23:59:59`"
        raise wrong(expression.source, advice, after=":", at=text) from None
