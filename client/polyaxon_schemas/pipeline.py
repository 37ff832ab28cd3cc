"""The sections of a pipeline: operations, conditions and schedules."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Optional, Union

from pydantic import BeforeValidator, Field, model_validator

from polyaxon_schemas.build import Build
from polyaxon_schemas.environment import DistributedEnvironment
from polyaxon_schemas.fields import Flag, Section, Slug, Tags, Whole
from polyaxon_schemas.forms import Form
from polyaxon_schemas.logging_section import Logging
from polyaxon_schemas.problems import describe

Trigger = Literal["all_succeeded", "all_failed", "all_done", "one_succeeded", "one_failed", "one_done"]
_SOURCES = ("name", "url", "path", "action", "event")
_CRON_FIELDS = 5
_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,?#-]+")

NotNegative = Annotated[Whole, Field(ge=0)]
Positive = Annotated[Whole, Field(ge=1)]


def _time(value: Any) -> str:
    """A full ISO timestamp, as text."""
    try:
        if len(value) >= len("2020-01-01T00:00"):
            datetime.fromisoformat(re.sub(r"Z$", "+00:00", value))
            return str(value)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"expected a time such as 2020-01-31T08:00:00, found {describe(value)}")


def _cron(value: Any) -> str:
    fields = value.split() if isinstance(value, str) else []
    if len(fields) != _CRON_FIELDS or not all(_CRON_FIELD.fullmatch(field) for field in fields):
        raise ValueError(f"expected five fields such as '0 8 * * 1', found {describe(value)}")
    return " ".join(fields)


Time = Annotated[str, BeforeValidator(_time), Form("ISO time", {"type": "string", "minLength": 16})]
Cron = Annotated[str, BeforeValidator(_cron), Form("cron expression", {"type": "string"})]


class TemplateRef(Section):
    """Which template an operation is made from."""

    name: str = Field(description="Name of one of the pipeline's `templates`.")

    @model_validator(mode="before")
    @classmethod
    def _only_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = [key for key in _SOURCES if data.get(key) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(_SOURCES)}, found {', '.join(given) or 'none'}")
        if given != ["name"]:
            raise ValueError(f"templates are found by name only; {given[0]} has never been resolved")
        return {key: value for key, value in data.items() if value is not None}


class StatusCondition(Section):
    """The operation runs when another one has ended so."""

    kind: Literal["status"] = Field(description="`status`.")
    op: str = Field(description="The other operation.")
    trigger: Literal["succeeded", "failed", "done"] = Field(description="How it has ended.")


class OutputsCondition(Section):
    """The operation runs when outputs of another one compare so."""

    kind: Literal["outputs"] = Field(description="`outputs`.")
    op: str = Field(description="The other operation.")
    exp: Literal["eq", "ne"] = Field(description="Equal, or not equal.")
    params: list[tuple[str, Any]] = Field(description="Names of outputs with values.")


Condition = Annotated[Union[StatusCondition, OutputsCondition], Field(discriminator="kind")]


class IntervalSchedule(Section):
    """Every so many seconds."""

    kind: Literal["interval"] = Field(description="`interval`.")
    start_at: Time = Field(description="The first time.")
    frequency: Positive = Field(description="Seconds from one time to the next.")
    end_at: Optional[Time] = Field(None, description="No more after this.")
    depends_on_past: Optional[Flag] = Field(None, description="Whether it waits for the success of the one before.")


class CronSchedule(Section):
    """At the times of a cron expression."""

    kind: Literal["cron"] = Field(description="`cron`.")
    cron: Cron = Field(description="Minute, hour, day of the month, month, day of the week.")
    start_at: Optional[Time] = Field(None, description="Not before this.")
    end_at: Optional[Time] = Field(None, description="No more after this.")
    depends_on_past: Optional[Flag] = Field(None, description="Whether it waits for the success of the one before.")


Schedule = Annotated[Union[IntervalSchedule, CronSchedule], Field(discriminator="kind")]


class Operation(Section):
    """One operation of a pipeline: a template with params of its own."""

    name: Slug = Field(description="Name, unique in the pipeline.")
    template: TemplateRef = Field(description="What it runs.")
    kind: Optional[str] = Field(None, description="If given, the kind of the template.")
    version: Optional[int] = Field(None, description="If given, 1.")
    description: Optional[str] = Field(None, description="What it is for.")
    logging: Optional[Logging] = Field(None, description="Laid over that of the template.")
    tags: Optional[Tags] = Field(None, description="Instead of those of the template.")
    params: Optional[dict[str, Any]] = Field(
        None,
        description="Laid over those of the template; `{{ ops.NAME.outputs.OUTPUT }}` is an output of another.",
    )
    environment: Optional[DistributedEnvironment] = Field(None, description="Laid over that of the template.")
    build: Optional[Build] = Field(None, description="Laid over that of the template.")
    concurrency: Optional[Positive] = Field(None, description="How many of it may run at once.")
    dependencies: Optional[list[str]] = Field(None, description="Operations that come before.")
    trigger: Optional[Trigger] = Field(None, description="How those before must have ended.")
    conditions: Optional[Condition] = Field(None, description="When it runs at all.")
    max_retries: Optional[NotNegative] = Field(None, description="How often it is tried again.")
    retry_delay: Optional[NotNegative] = Field(None, description="Seconds before it is tried again.")
    retry_exp_backoff: Optional[Flag] = Field(None, description="Whether that time doubles each time.")
    max_retry_delay: Optional[NotNegative] = Field(None, description="The most seconds that it grows to.")
    skip_on_upstream_skip: Optional[Flag] = Field(None, description="Whether it is skipped with those before.")
