"""The logging section."""

from typing import Annotated, Any, Literal, Optional

from pydantic import BeforeValidator, Field

from polyaxon_schemas.fields import Section
from polyaxon_schemas.forms import TEMPLATE, Form, any_of

LogLevel = Literal["INFO", "DEBUG", "WARN", "ERROR", "FATAL"]
_LEVELS = ("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL")


def _level(value: Any) -> Any:
    level = value.upper() if isinstance(value, str) else value
    return "WARN" if level == "WARNING" else level


_FORM = Form(
    "`DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`",
    any_of({"enum": [*_LEVELS, *(level.lower() for level in _LEVELS), None]}, TEMPLATE),
)


class Logging(Section):
    """What a run is told about logging."""

    level: Annotated[Optional[LogLevel], BeforeValidator(_level), _FORM] = Field(
        None, description="`POLYAXON_LOG_LEVEL` of the run; default `INFO`."
    )
    formatter: Optional[str] = Field(None, description="Not used.")
