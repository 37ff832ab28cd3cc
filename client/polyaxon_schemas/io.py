"""Typed inputs and outputs, and the checks that params are held to."""
# ruff: noqa: TRY004  the validator turns ValueError into a problem, TypeError it lets through

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Optional

from pydantic import BeforeValidator, Field, model_validator

from polyaxon_schemas.fields import Flag, Section
from polyaxon_schemas.forms import Form
from polyaxon_schemas.problems import describe

_TRUE = {"y", "yes", "t", "true", "on", "1"}
_FALSE = {"n", "no", "f", "false", "off", "0"}


def _int(value: Any) -> None:
    if isinstance(value, str):
        int(value)
    elif isinstance(value, bool) or not isinstance(value, int):
        raise ValueError


def _float(value: Any) -> None:
    if isinstance(value, str):
        float(value)
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError


def to_bool(value: Any) -> bool:
    """The truth value of a bool or of the usual words for it. Raises ValueError."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _TRUE | _FALSE:
        raise ValueError
    return word in _TRUE


def _text(value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _dict(value: Any) -> None:
    if not isinstance(_parsed(value), dict):
        raise ValueError


def _dict_of_dicts(value: Any) -> None:
    parsed = _parsed(value)
    if not isinstance(parsed, dict) or not all(isinstance(item, dict) for item in parsed.values()):
        raise ValueError


def _list(value: Any) -> None:
    if not isinstance(value, (str, list)):
        raise ValueError


def _matching(pattern: str) -> Callable[[Any], None]:
    compiled = re.compile(pattern)

    def check(value: Any) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError

    return check


# name of a type -> (check that raises ValueError, what it expects)
_TYPES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "int": (_int, "a whole number"),
    "float": (_float, "a number"),
    "metric": (_float, "a number"),
    "bool": (to_bool, "true or false"),
    "str": (_text, "text"),
    "path": (_text, "a path"),
    "dict": (_dict, "a mapping"),
    "metadata": (_dict, "a mapping"),
    "dict_of_dicts": (_dict_of_dicts, "a mapping of mappings"),
    "list": (_list, "a list"),
    "uri": (_matching(r"[^:@]+:[^@]+@.+"), "user:password@host"),
    "auth": (_matching(r"[^:]+:.+"), "user:password"),
    "gcs_path": (_matching(r"gs://[^/]+(?:/.*)?"), "gs://bucket/blob"),
    "s3_path": (_matching(r"[A-Za-z][\w+.-]*://[^/]+(?:/.*)?"), "s3://bucket/key"),
    "azure_path": (
        _matching(r"wasbs?://[^@/]+@[^./]+\.blob\.core\.windows\.net(?:/.*)?"),
        "wasbs://container@account.blob.core.windows.net/path",
    ),
}


def _known_type(value: Any) -> Any:
    if value is not None and value not in _TYPES:
        raise ValueError(f"expected one of {', '.join(_TYPES)}, found {describe(value)}")
    return value


_TYPE = Form("one of " + ", ".join(f"`{name}`" for name in _TYPES), {"enum": [*_TYPES, None]})


class InputOutput(Section):
    """One declared input or output. Once any is declared, only declared names may be given under `params`."""

    name: str = Field(description="Name of the param.")
    description: Optional[str] = Field(None, description="What it is for.")
    type: Annotated[Optional[str], BeforeValidator(_known_type), _TYPE] = Field(
        None, description="What values may be; without a type, anything."
    )
    default: Optional[Any] = Field(None, description="The value when none is given; needs `is_optional: true`.")
    is_optional: Optional[Flag] = Field(False, description="Whether it may be left out.")
    is_list: Optional[Flag] = Field(False, description="Whether it is a list of values of the type.")
    is_flag: Optional[Flag] = Field(False, description="Whether it renders as `--name` or nothing (type `bool`).")
    options: Optional[list[Any]] = Field(None, description="The values that are allowed.")

    @model_validator(mode="after")
    def _consistent(self) -> "InputOutput":
        if self.is_flag and self.type != "bool":
            raise ValueError("is_flag needs type: bool")
        if self.default and not self.is_optional:
            raise ValueError("a default needs is_optional: true")
        if self.default is not None:
            self._check_types(self.default)
        return self

    def check(self, value: Any) -> None:
        """Raises ValueError with what is expected when a value does not fit."""
        self._check_types(value)
        if self.options and not self._is_option(value):
            raise ValueError(f"expected one of {', '.join(map(str, self.options))}, found {describe(value)}")

    def _is_option(self, value: Any) -> bool:
        options = self.options or []
        if self.is_list and value not in options:
            return all(item in options for item in _items(value))
        return value in options or (isinstance(value, str) and value in map(str, options))

    def _check_types(self, value: Any) -> None:
        if self.type is None:
            return
        for item in _items(value) if self.is_list else [value]:
            self._check_one(item)

    def _check_one(self, value: Any) -> None:
        check, expected = _TYPES[self.type or "str"]
        try:
            check(value)
        except (ValueError, RecursionError):
            raise ValueError(f"expected {expected}, found {describe(value)}") from None

    @property
    def keeps_text(self) -> bool:
        """Whether text is meant as such, also when it looks like a number."""
        return self.type in {"str", "path"} and not self.is_list


def _items(value: Any) -> list[Any]:
    try:
        parsed = _parsed(value)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, list):
        raise ValueError(f"expected a list, found {describe(value)}")
    return parsed
