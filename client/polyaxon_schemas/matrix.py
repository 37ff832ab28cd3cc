"""The options a hyperparameter can be drawn from: one key per parameter, each with its own arguments."""
# ruff: noqa: TRY004  the validator turns ValueError into a problem, TypeError it lets through

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Optional, Union

from pydantic import BeforeValidator, field_validator, model_serializer, model_validator

from polyaxon_schemas.fields import Number, Section, to_number, to_whole
from polyaxon_schemas.problems import describe

_SUM_TOLERANCE = 1e-9
_MAX_POINTS = 10**12


class Option(Section):
    """How the values of one parameter are given."""

    is_distribution: ClassVar[bool] = False
    is_continuous: ClassVar[bool] = False

    def example(self) -> Any:
        """One value that the option can give."""
        raise NotImplementedError


class Values(Option):
    """``values: [a, b, c]``."""

    items: list[Any]

    @property
    def is_categorical(self) -> bool:
        return any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in self.items)

    def example(self) -> Any:
        return self.items[0]


class PValues(Option):
    """``pvalues: [[a, 0.3], [b, 0.7]]``; probability that is missing goes to the last item."""

    is_distribution: ClassVar[bool] = True
    pairs: list[tuple[Any, float]]

    def example(self) -> Any:
        return self.pairs[0][0]


class NumericOption(Option):
    """An option with numeric arguments, given as ``a:b:c``, a list, or a mapping."""

    @model_validator(mode="before")
    @classmethod
    def _from_any_form(cls, data: Any) -> Any:
        if isinstance(data, (cls, Mapping)):
            return data
        if isinstance(data, str):
            data = data.split(":")
        if not isinstance(data, (list, tuple)):
            raise ValueError(f"expected {cls._usage()}, found {describe(data)}")
        names = [name for name in cls.model_fields if name != "size"]
        required = [name for name in names if cls.model_fields[name].is_required()]
        if not len(required) <= len(data) <= len(names):
            raise ValueError(f"expected {cls._usage()}, found {len(data)} items")
        return dict(zip(names, data))

    @classmethod
    def _usage(cls) -> str:
        names = [name for name, field in cls.model_fields.items() if field.is_required()]
        return f"{':'.join(names)}, a list [{', '.join(names)}] or a mapping of these names"

    def arguments(self) -> list[Union[int, float]]:
        """The arguments in their order."""
        return [getattr(self, name) for name in type(self).model_fields if name != "size"]


def _above_zero(value: float) -> float:
    if value <= 0:
        raise ValueError(f"must be greater than 0, found {value}")
    return value


def _not_below_zero(value: float) -> float:
    if value < 0:
        raise ValueError(f"must not be negative, found {value}")
    return value


class _Points(NumericOption):
    start: Number
    stop: Number

    @model_validator(mode="after")
    def _ascending(self) -> "_Points":
        if self.start >= self.stop:
            raise ValueError(f"start ({self.start}) must be less than stop ({self.stop})")
        return self

    def example(self) -> Any:
        return self.start


def _check_points(count: float) -> None:
    if count > _MAX_POINTS:
        raise ValueError(f"gives more than {_MAX_POINTS:,} values")


def _to_count(value: Any) -> int:
    number = to_number(value)
    _check_points(number)
    if number != int(number) or number < 1:
        raise ValueError(f"expected a whole number of at least 1, found {describe(value)}")
    return to_whole(number)


class Range(_Points):
    """``range``: start, start + step, … below stop."""

    step: Number

    _step = field_validator("step")(_above_zero)

    @model_validator(mode="after")
    def _countable(self) -> "Range":
        _check_points((self.stop / 2 - self.start / 2) / self.step * 2)
        return self


class LinSpace(_Points):
    """``linspace``: ``num`` points from start to stop, both included."""

    num: Number

    _count = field_validator("num")(_to_count)


class GeomSpace(LinSpace):
    """``geomspace``: ``num`` points with a constant ratio, both ends included."""

    @model_validator(mode="after")
    def _same_sign(self) -> "GeomSpace":
        if self.start == 0 or self.stop == 0 or (self.start > 0) != (self.stop > 0):
            raise ValueError("start and stop must both be above 0, or both below")
        return self


class LogSpace(LinSpace):
    """``logspace``: base to the power of ``num`` exponents from start to stop."""

    base: Number = 10

    @model_validator(mode="after")
    def _finite(self) -> "LogSpace":
        if self.base <= 0 or self.base == 1:
            raise ValueError(f"base must be above 0 and not 1, found {self.base}")
        try:
            ends = (float(self.base) ** float(self.start), float(self.base) ** float(self.stop))
        except OverflowError:
            ends = (0.0, 0.0)
        if not all(0 < end < math.inf for end in ends):
            raise ValueError("start and stop are exponents; these give numbers out of range")
        return self

    def example(self) -> Any:
        return float(self.base) ** float(self.start)


class _Distribution(NumericOption):
    is_distribution: ClassVar[bool] = True
    is_continuous: ClassVar[bool] = True


class Uniform(_Distribution):
    """``uniform``: low, high."""

    low: Number
    high: Number
    size: Optional[Any] = None

    def example(self) -> Any:
        return self.low


class LogUniform(Uniform):
    """``loguniform``: e to the power of a uniform draw; low and high are natural-log exponents."""

    @model_validator(mode="after")
    def _finite(self) -> "LogUniform":
        if max(self.low, self.high) > 700:  # noqa: PLR2004 - e**710 is no float any more
            raise ValueError("low and high are exponents of e; these give numbers out of range")
        return self

    def example(self) -> Any:
        return math.exp(self.low)


class Normal(_Distribution):
    """``normal``: loc, scale."""

    loc: Number
    scale: Number
    size: Optional[Any] = None

    _scale = field_validator("scale")(_not_below_zero)

    def example(self) -> Any:
        return self.loc


class LogNormal(Normal):
    """``lognormal``: e to the power of a normal draw."""

    def example(self) -> Any:
        return math.exp(min(self.loc, 700))


class QUniform(_Distribution):
    """``quniform``: a uniform draw, rounded down to a multiple of q."""

    low: Number
    high: Number
    q: Number
    size: Optional[Any] = None

    _q = field_validator("q")(_above_zero)

    def example(self) -> Any:
        return self.low


class QLogUniform(QUniform):
    """``qloguniform``: a loguniform draw, rounded down to a multiple of q."""

    @model_validator(mode="after")
    def _finite(self) -> "QLogUniform":
        LogUniform(low=self.low, high=self.high)
        return self


class QNormal(_Distribution):
    """``qnormal``: a normal draw, rounded down to a multiple of q."""

    loc: Number
    scale: Number
    q: Number
    size: Optional[Any] = None

    _scale = field_validator("scale")(_not_below_zero)
    _q = field_validator("q")(_above_zero)

    def example(self) -> Any:
        return self.loc


class QLogNormal(QNormal):
    """``qlognormal``: a lognormal draw, rounded down to a multiple of q."""


def _check_values(data: Any) -> Any:
    if not isinstance(data, list):
        raise ValueError(f"expected a list of values, found {describe(data)}")
    if not data or any(item is None for item in data):
        raise ValueError("expected at least one value, and no null")
    return data


def _check_pvalues(data: Any) -> Any:
    if not isinstance(data, list) or not data:
        raise ValueError(f"expected a list of [value, probability] pairs, found {describe(data)}")
    total = sum(_probability(index, pair) for index, pair in enumerate(data))
    if total > 1 + _SUM_TOLERANCE:
        raise ValueError(f"the probabilities add up to {total:g}, which is more than 1")
    return [(value, _probability(index, (value, share))) for index, (value, share) in enumerate(data)]


def _probability(index: int, pair: Any) -> float:
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:  # noqa: PLR2004 - a pair
        raise ValueError(f"item {index}: expected [value, probability], found {describe(pair)}")
    share = float(to_number(pair[1]))
    if not 0 <= share <= 1:
        raise ValueError(f"item {index}: the probability must be from 0 to 1, found {share:g}")
    return share


class MatrixParam(Section):
    """One parameter of the matrix: exactly one option."""

    values: Annotated[Optional[list[Any]], BeforeValidator(lambda v: v if v is None else _check_values(v))] = None
    pvalues: Annotated[
        Optional[list[tuple[Any, float]]], BeforeValidator(lambda v: v if v is None else _check_pvalues(v))
    ] = None
    range: Optional[Range] = None
    linspace: Optional[LinSpace] = None
    logspace: Optional[LogSpace] = None
    geomspace: Optional[GeomSpace] = None
    uniform: Optional[Uniform] = None
    quniform: Optional[QUniform] = None
    loguniform: Optional[LogUniform] = None
    qloguniform: Optional[QLogUniform] = None
    normal: Optional[Normal] = None
    qnormal: Optional[QNormal] = None
    lognormal: Optional[LogNormal] = None
    qlognormal: Optional[QLogNormal] = None

    @model_validator(mode="before")
    @classmethod
    def _one_option(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValueError(f"expected a mapping of one option, such as values: [1, 2], found {describe(data)}")
        given = [key for key, value in data.items() if value is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one option, found {', '.join(given) or 'none'}")
        return data

    @property
    def name(self) -> str:
        """The option's key, such as ``loguniform``."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def option(self) -> Option:
        """The option with its arguments."""
        value = getattr(self, self.name)
        if self.values is not None:
            return Values(items=value)
        return PValues(pairs=value) if self.pvalues is not None else value

    def example(self) -> Any:
        """One value that the parameter can take."""
        return self.option.example()

    @model_serializer(mode="plain")
    def _compact(self) -> dict[str, Any]:
        value = getattr(self, self.name)
        if isinstance(value, NumericOption):
            return {self.name: value.arguments()}
        return {self.name: [list(item) for item in value] if self.pvalues is not None else list(value)}
