"""Types of values that sections share, forgiving where a person's meaning is plain."""
# ruff: noqa: TRY004  the validator turns ValueError into a problem, TypeError it lets through

import math
import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Optional, Union

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    ValidationError,
)
from pydantic_core import InitErrorDetails

from polyaxon_schemas import forms
from polyaxon_schemas.problems import describe
from polyaxon_schemas.yaml_loader import resolve_number


class Section(BaseModel):
    """A mapping of a polyaxonfile; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Old names of keys, which are still read: the annotation of the value, and what to write instead.
    old_keys: ClassVar[dict[str, tuple[Any, str]]] = {}


def to_number(value: Any) -> Union[int, float]:
    """An int stays an int; numeric text is read; raises ValueError on anything else, also on inf and nan."""
    if isinstance(value, str):
        value = resolve_number(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"expected a number, found {describe(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value}")
    return value


def to_whole(value: Any) -> int:
    """A whole number; a fraction is cut off, as 0.6 did."""
    try:
        return int(to_number(value))
    except ValueError:
        raise ValueError(f"expected a whole number, found {describe(value)}") from None


def to_text(value: Any) -> str:
    """Text; numbers are spelled out, because YAML reads unquoted digits as numbers."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"expected text, found {describe(value)}")


def to_label(value: Any) -> str:
    """Text; also true and false, which labels hold often."""
    return str(value).lower() if isinstance(value, bool) else to_text(value)


def to_digits(value: Any) -> str:
    """Text that may be all digits, such as a commit; a float has already lost digits."""
    if isinstance(value, float):
        raise ValueError("was read as a number; put it in quotes")
    return to_text(value)


def _to_slug(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[-\w]+", value, re.ASCII):
        raise ValueError(f"expected letters, digits, '-' and '_' only, found {describe(value)}")
    return value


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def with_check(data: Any, handler: Callable[[Any], Any], check: Callable[[Any], None]) -> Any:
    """Validate with ``handler`` and ``check``, a check over several keys: what both find is raised together."""
    details: list[InitErrorDetails] = []
    validated: Any = None
    try:
        validated = handler(data)
    except ValidationError as error:
        details = [_detail(each) for each in error.errors(include_url=False)]
    try:
        check(data)
    except ValueError as error:
        details.append({"type": "value_error", "loc": (), "input": data, "ctx": {"error": error}})
    if details:
        raise ValidationError.from_exception_data("section", details)
    return validated


def _detail(error: Any) -> InitErrorDetails:
    detail: InitErrorDetails = {"type": error["type"], "loc": error["loc"], "input": error["input"]}
    return {**detail, "ctx": error["ctx"]} if "ctx" in error else detail


Number = Annotated[Union[int, float], PlainValidator(to_number), PlainSerializer(lambda value: value), forms.NUMBER]
Whole = Annotated[int, BeforeValidator(to_whole), forms.WHOLE]
Text = Annotated[str, BeforeValidator(to_text), forms.TEXT]
Label = Annotated[str, BeforeValidator(to_label), forms.LABEL]
Digits = Annotated[str, BeforeValidator(to_digits), forms.DIGITS]
Slug = Annotated[str, BeforeValidator(_to_slug), forms.SLUG]
Flag = Annotated[bool, forms.FLAG]
Labels = dict[str, Label]
Tags = Annotated[list[Text], AfterValidator(_unique)]
TextList = Optional[list[Text]]
