"""What becomes of a run as a whole: how long it may take, whether it is tried again, when its turn comes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from polyaxon_schemas.fields import Slug, Whole, to_text
from polyaxon_schemas.forms import NUMERIC_TEXT, TEMPLATE, Form, any_of
from polyaxon_schemas.problems import describe

if TYPE_CHECKING:
    from polyaxon_schemas.environment import RunEnvironment

NEVER, ON_FAILURE, ALWAYS = "never", "on_failure", "always"
# How often `on_failure` alone tries again.
DEFAULT_RETRIES = 3
_MAX_SECONDS = 2**31 - 1
_MAX_RETRIES = 1000
_MAX_PRIORITY = 1_000_000
_MAX_VARIABLE = 128 * 1024 - 1  # Linux takes no longer NAME=value, NUL included

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9})\s*([smhd])")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def _seconds(value: Any) -> Any:
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(match[1]) * _UNITS[match[2]] if match else value


def _policy_word(value: Any) -> Any:
    """Kubernetes writes ``OnFailure``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", value).lower() if isinstance(value, str) else value


def _variables(value: Any) -> Any:
    """A mapping, out of that, of ``[NAME, value]`` pairs, or of Kubernetes' ``{name, value}`` items."""
    if isinstance(value, list):
        pairs = [_pair(index, item) for index, item in enumerate(value)]
        value = dict(pairs)
        if len(value) < len(pairs):
            raise ValueError("a name appears twice")
    if not isinstance(value, dict):
        return value
    for name, text in value.items():
        _check_variable(name, text)
    return value


def _pair(index: int, item: Any) -> tuple[str, Any]:
    if isinstance(item, dict) and set(item) == {"name", "value"}:
        item = [item["name"], item["value"]]
    if not isinstance(item, list) or len(item) != 2 or not isinstance(item[0], str):  # noqa: PLR2004 - a pair
        raise ValueError(f"item {index}: expected [NAME, value] or name and value, found {describe(item)}")
    return item[0], item[1]


def _check_variable(name: str, value: Any) -> None:
    if "{" not in name and not _VARIABLE.fullmatch(name):
        raise ValueError(f"expected names such as MY_NAME, found {describe(name)}")
    if isinstance(value, str) and len(f"{name}={value}".encode()) > _MAX_VARIABLE:
        raise ValueError(f"{name} is longer than 128 KB, more than the system can pass on")


def _variable_value(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else to_text(value)


_DURATION_FORM = Form(
    "seconds, or a time such as `90s`, `30m`, `12h`, `7d`",
    any_of({"type": "number"}, NUMERIC_TEXT, {"type": "string", "pattern": r"^\s*\d{1,9}\s*[smhd]\s*$"}, TEMPLATE),
)
_WORDS = ("never", "on_failure", "always", "Never", "OnFailure", "Always")
_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_PAIR = {"type": "array", "prefixItems": [{"type": "string"}, _SCALAR], "minItems": 2, "maxItems": 2}
_ITEM = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "value": _SCALAR},
    "required": ["name", "value"],
    "additionalProperties": False,
}
_ENTRY = Form(
    "mapping of names to values, or a list of `[NAME, value]` or `{name, value}`",
    any_of(
        {"type": "object", "additionalProperties": _SCALAR},
        {"type": "array", "items": any_of(_PAIR, _ITEM)},
    ),
)

Duration = Annotated[Whole, Field(le=_MAX_SECONDS), BeforeValidator(_seconds), _DURATION_FORM]
Retries = Annotated[Whole, Field(ge=0, le=_MAX_RETRIES)]
Priority = Annotated[Whole, Field(ge=-_MAX_PRIORITY, le=_MAX_PRIORITY)]
Queue = Annotated[Slug, Field(max_length=64)]
RestartPolicy = Annotated[
    Literal["never", "on_failure", "always"],
    BeforeValidator(_policy_word),
    Form("`never`, `on_failure` or `always`", any_of({"enum": list(_WORDS)}, TEMPLATE)),
]
EnvVars = Annotated[dict[str, Annotated[str, BeforeValidator(_variable_value)]], BeforeValidator(_variables), _ENTRY]


@dataclass(frozen=True)
class RunPolicy:
    """The policy of one run with every default in place. Times are in seconds; None: no limit, or the platform's."""

    ttl: int | None = None
    timeout: int | None = None
    max_retries: int = 0
    retries_failures: bool = False  # else only what the platform lost is tried again
    queue: str | None = None
    priority: int = 0


def policy_of(environment: RunEnvironment | None) -> RunPolicy:
    """What an environment section says. ``max_restarts`` is the name of 0.6 for retries of failures."""
    if environment is None:
        return RunPolicy()
    restarts = environment.max_restarts or 0
    word = environment.restart_policy or (ON_FAILURE if restarts else NEVER)
    default = (restarts or DEFAULT_RETRIES) if word == ON_FAILURE else restarts
    return RunPolicy(
        ttl=environment.ttl,
        timeout=environment.timeout,
        max_retries=default if environment.max_retries is None else environment.max_retries,
        retries_failures=word == ON_FAILURE,
        queue=environment.queue,
        priority=environment.priority or 0,
    )
