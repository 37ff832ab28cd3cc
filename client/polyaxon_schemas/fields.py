"""Types of values that sections share, forgiving where a person's meaning is plain."""
# ruff: noqa: TRY004  the validator turns ValueError into a problem, TypeError it lets through

import math
import re
from typing import Annotated, Any, Optional, Union

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, PlainValidator

from polyaxon_schemas.problems import describe
from polyaxon_schemas.yaml_loader import resolve_number


class Section(BaseModel):
    """A mapping of a polyaxonfile; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


Number = Annotated[Union[int, float], PlainValidator(to_number), PlainSerializer(lambda value: value)]
Whole = Annotated[int, BeforeValidator(to_whole)]
Text = Annotated[str, BeforeValidator(to_text)]
Label = Annotated[str, BeforeValidator(to_label)]
Digits = Annotated[str, BeforeValidator(to_digits)]
Slug = Annotated[str, BeforeValidator(_to_slug)]
Labels = dict[str, Label]
Tags = Annotated[list[Text], AfterValidator(_unique)]
TextList = Optional[list[Text]]
