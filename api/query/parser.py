"""The filter language as text: `status:running|failed, metrics.loss:<=0.3, name:~%draft%`.

Only the form is looked at here; what a field allows is the compiler's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from polyaxon.errors import InvalidInput

MAX_LENGTH = 8192
MAX_EXPRESSIONS = 64


class Operator(Enum):
    """How a row's value must stand to the operand."""

    EQ = "="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="

    @property
    def opposite(self) -> Operator:
        return _OPPOSITES[self]


_OPPOSITES = {
    Operator.EQ: Operator.EQ,
    Operator.LT: Operator.GE,
    Operator.LE: Operator.GT,
    Operator.GT: Operator.LE,
    Operator.GE: Operator.LT,
}


@dataclass(frozen=True, slots=True)
class Compare:
    """One operand."""

    operator: Operator
    operand: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """`a|b|c`."""

    operands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """`low..high`, both ends included."""

    low: str
    high: str


Operation = Compare | OneOf | Between


@dataclass(frozen=True, slots=True)
class Source:
    """How a condition was written, and the column of the query where it begins, counted from 1."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Expression:
    """`field.suffix:~operation`; `source` is for error messages."""

    field: str
    suffix: str | None
    negated: bool
    operation: Operation
    source: Source


# Longest first, so that `<=` is not read as `<` and `=`.
_PREFIXES = {
    "<=": Operator.LE,
    "=<": Operator.LE,
    ">=": Operator.GE,
    "=>": Operator.GE,
    "<": Operator.LT,
    ">": Operator.GT,
}


def parse(query: str) -> list[Expression]:
    """The expressions of `query`, all of which have to hold. Raises `InvalidInput`."""
    if len(query) > MAX_LENGTH:
        raise InvalidInput(f"A query has at most {MAX_LENGTH} characters.")
    if "\x00" in query:
        raise InvalidInput("A query holds the character NUL. Remove it.")
    expressions = [_expression(source) for source in sources(query)]
    if len(expressions) > MAX_EXPRESSIONS:
        raise InvalidInput(f"A query has at most {MAX_EXPRESSIONS} conditions.")
    return expressions


def sources(query: str) -> list[Source]:
    """The parts between commas that are not blank."""
    found, column = [], 1
    for part in query.split(","):
        if text := part.strip():
            found.append(Source(text, column + len(part) - len(part.lstrip())))
        column += len(part) + 1
    return found


def _expression(source: Source) -> Expression:
    text = source.text
    name, colon, body = text.partition(":")
    field, dot, suffix = (part.strip() for part in name.partition("."))
    body = body.strip()
    negated = body.startswith("~")
    body = body.removeprefix("~").strip()
    if not colon or not field or not body:
        raise wrong(source, "write `field:value`")
    if (dot and not suffix) or "." in suffix:
        raise wrong(source, "a field has at most one dot, followed by a name", after=".")
    return Expression(field, suffix or None, negated, _operation(body, source), source)


def _operation(body: str, source: Source) -> Operation:
    if ".." in body:
        ends = [end.strip() for end in body.split("..")]
        if len(ends) != 2 or not all(ends):  # noqa: PLR2004 - both ends
            raise wrong(source, "a range is written `low..high`", after=":", at=body)
        return Between(ends[0], ends[1])
    if "|" in body:
        operands = tuple(part.strip() for part in body.split("|") if part.strip())
        if len(operands) < 2:  # noqa: PLR2004 - one is no choice
            raise wrong(source, "a list has two values or more, written `a|b`", after=":", at=body)
        return OneOf(operands)
    for prefix, operator in _PREFIXES.items():
        if body.startswith(prefix):
            operand = body.removeprefix(prefix).strip()
            if not operand:
                raise wrong(source, f"a value is missing after {prefix}", after=":", at=body)
            return Compare(operator, operand)
    return Compare(Operator.EQ, body)


def wrong(source: Source, advice: str, *, after: str = "", at: str = "") -> InvalidInput:
    """The error of one condition, which names the column of what is wrong: of `at`, looked for behind `after`."""
    behind = source.text.find(after) + len(after)
    column = source.column + max(source.text.find(at, behind), 0)
    return InvalidInput(f"Query, column {column}: {source.text[:200]!r} is not understood: {advice}.")
