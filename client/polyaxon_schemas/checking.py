"""Everything that is checked of a file whose header is right, and what it renders to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

from pydantic import ValidationError

from polyaxon_schemas.build import Build, BuildKeys
from polyaxon_schemas.environment import RunEnvironment
from polyaxon_schemas.hptuning import HpTuning
from polyaxon_schemas.io import InputOutput
from polyaxon_schemas.kinds import BuildFile, Header, Pipeline
from polyaxon_schemas.located import LocatedDict, unlocated
from polyaxon_schemas.pipeline_graph import PlannedOperation, check_pipeline
from polyaxon_schemas.policy import RunPolicy, policy_of
from polyaxon_schemas.problems import MAX_PROBLEMS, PolyaxonfileError, Problem
from polyaxon_schemas.rendering import SECTIONS, Renderer
from polyaxon_schemas.replicas import Replica, replicas_of, unused_entries
from polyaxon_schemas.sandbox import Templates
from polyaxon_schemas.validation import located, validate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polyaxon_schemas.environment import Environment
    from polyaxon_schemas.run import Run

_BUILD_KEYS = tuple(BuildKeys.model_fields)
# Linux hands a program no single argument longer than this, NUL included.
_MAX_COMMAND = 128 * 1024 - 1
_WITHOUT_PARAMS = {"build", "notebook", "tensorboard"}

AnyBuild = Union[Build, BuildFile]


@dataclass(frozen=True)
class Rendered:
    """Final values of one run. ``command`` is text for ``/bin/bash -c``; empty without a run section."""

    command: str
    params: dict[str, Any]
    tags: list[str]
    framework: str | None
    backend: str | None
    log_level: str
    environment: Environment | None
    build: AnyBuild | None
    warnings: list[str] = field(default_factory=list)

    @property
    def policy(self) -> RunPolicy:
        """Limits, retries and turn of the run."""
        return policy_of(self.environment if isinstance(self.environment, RunEnvironment) else None)

    @property
    def env_vars(self) -> dict[str, str]:
        """Environment variables that the file adds."""
        return dict((self.environment.env_vars if self.environment else None) or {})

    @property
    def replicas(self) -> list[Replica]:
        """The processes of the run; one unless it is distributed."""
        return replicas_of(self.environment, self.framework, self.backend)


@dataclass
class Checked:
    """What came of the checks. Without problems there is a model."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    model: Header | None = None
    operations: list[PlannedOperation] = field(default_factory=list)


def refuse_if(problems: Sequence[Problem]) -> None:
    """Raise what there is to raise, each problem once, by line."""
    if problems:
        once = list(dict.fromkeys(problems))
        shown = sorted(once[:MAX_PROBLEMS], key=lambda problem: (problem.source or "", problem.line or 0))
        if len(once) > MAX_PROBLEMS:
            shown.append(Problem((), f"and {len(once) - MAX_PROBLEMS} more problems"))
        raise PolyaxonfileError(shown)


def check_file(data: LocatedDict, *, strict: bool = False, templates: Templates | None = None) -> Checked:
    """Check a file with a known ``kind``. ``templates``: their budget, when several files are one request's."""
    kind = data["kind"]
    model, problems = validate(data, kind, templates=True)
    if kind == "pipeline":
        return _check_pipeline(data, model, problems, strict=strict)
    checked = Checked([*problems, *_undeclared(data)], [*_clashes(data), *_matrix_warnings(_hptuning(data))])
    renderer = _Rendering(data, _example_values(data), strict=strict, templates=templates)
    checked.problems += renderer.problems
    if not checked.problems:
        # A number that a template makes has no typed form until it is rendered.
        rendered_model, checked.problems = renderer.validated()
        checked.model = model or rendered_model
        checked.warnings += [*renderer.warnings, *_unused_replicas(rendered_model)]
    return checked


def _check_pipeline(data: LocatedDict, model: Header | None, problems: list[Problem], *, strict: bool) -> Checked:
    shared = Templates()

    def check(part: LocatedDict) -> list[Problem]:
        return check_file(part, strict=strict, templates=shared).problems

    found, operations = check_pipeline(data, check, is_valid=isinstance(model, Pipeline))
    return Checked([*problems, *found], [], model, operations)


def rendered(data: LocatedDict, extra: Mapping[str, Any]) -> Rendered:
    """Final values with ``extra`` params over those of the file. Raises PolyaxonfileError."""
    rendering = _Rendering(data, extra)
    refuse_if(rendering.problems)
    model, problems = rendering.validated()
    refuse_if(problems)
    assert model is not None
    return _rendered(data, model, rendering.params, rendering.warnings)


class _Rendering:
    """One rendering of a file: ``problems``, or ``params`` and a model of final values."""

    def __init__(
        self,
        data: LocatedDict,
        extra: Mapping[str, Any],
        *,
        strict: bool = False,
        templates: Templates | None = None,
    ) -> None:
        self._data = data
        self.params: dict[str, Any] = {}
        self._sections: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        given, declared = data.get("params") or {}, _declared(data)
        if not isinstance(given, dict) or declared is None:
            return  # the models' own complaint
        renderer = Renderer(data, declared, strict=strict, templates=templates)
        self.params = renderer.params({**given, **extra})
        self._sections = renderer.sections((*SECTIONS, *_BUILD_KEYS) if data["kind"] == "build" else SECTIONS)
        self.problems, self.warnings = renderer.problems, renderer.warnings

    def validated(self) -> tuple[Header | None, list[Problem]]:
        """The model of the final values, or the problems with them."""
        final = LocatedDict()
        for key, value in self._data.items():
            final.put(key, self._sections.get(key, value), self._data.marks.get(key))
        model, problems = validate(final, self._data["kind"])
        return model, [located(self._data, problem.path, problem.message) for problem in problems]


def _rendered(data: LocatedDict, model: Header, params: dict[str, Any], warnings: list[str]) -> Rendered:
    run: Run | None = getattr(model, "run", None)
    command = run.command if run else ""
    if len(command.encode()) > _MAX_COMMAND:
        refuse_if([located(data, ("run", "cmd"), "is longer than 128 KB, more than the system can start")])
    return Rendered(
        command=command,
        params=params,
        tags=list(model.tags or []),
        framework=getattr(model, "framework", None),
        backend=getattr(model, "backend", None),
        log_level=(model.logging.level if model.logging else None) or "INFO",
        environment=getattr(model, "environment", None),
        build=build_of(model),
        warnings=warnings,
    )


def build_of(model: Header) -> AnyBuild | None:
    """The build section; of a file of kind build, the file."""
    return model if isinstance(model, BuildFile) else getattr(model, "build", None)


def _hptuning(data: Mapping[str, Any]) -> HpTuning | None:
    try:
        return HpTuning.model_validate(data["hptuning"]) if data["kind"] == "group" else None
    except (ValidationError, KeyError):
        return None


def examples_of(hptuning: HpTuning | None) -> dict[str, Any]:
    """A value for each param that a search sets."""
    if hptuning is None:
        return {}
    values = {name: param.example() for name, param in hptuning.matrix.items()}
    resource = getattr(getattr(hptuning, hptuning.algorithm), "resource", None)
    return {resource.name: 1, **values} if resource is not None else values


def _example_values(data: Mapping[str, Any]) -> dict[str, Any]:
    hptuning = _hptuning(data)
    return examples_of(hptuning) if hptuning else dict.fromkeys(_searched(data), 1)


def _searched(data: Mapping[str, Any]) -> set[str]:
    """Names that the search of a group sets, as far as the raw data tell."""
    hptuning = data.get("hptuning")
    if not isinstance(hptuning, dict):
        return set()
    matrix = hptuning.get("matrix")
    resources = [section.get("resource") for section in hptuning.values() if isinstance(section, dict)]
    named = {each.get("name") for each in resources if isinstance(each, dict)}
    return {*(matrix if isinstance(matrix, dict) else ()), *(name for name in named if isinstance(name, str))}


def _declared(data: Mapping[str, Any]) -> list[InputOutput] | None:
    """Inputs and outputs; None when they are not right."""
    lists = [data.get("inputs") or [], data.get("outputs") or []]
    if not all(isinstance(items, list) for items in lists):
        return None
    try:
        return [InputOutput.model_validate(unlocated(item)) for items in lists for item in items]
    except ValidationError:
        return None


def _undeclared(data: LocatedDict) -> list[Problem]:
    """Params that no input or output names, and inputs that no param satisfies; only if any are declared."""
    lists = [data.get("inputs") or [], data.get("outputs") or []]
    params = data.get("params") or {}
    if not any(lists) or not all(isinstance(items, list) for items in lists) or not isinstance(params, dict):
        return []
    known = {item.get("name") for items in lists for item in items if isinstance(item, dict)}
    problems = [
        located(data, ("params", name), "is not declared in inputs or outputs") for name in params if name not in known
    ]
    satisfied = {*params, *_searched(data)}
    for index, item in enumerate(lists[0]):
        if isinstance(item, dict) and not item.get("is_optional") and item.get("name") not in satisfied:
            problems.append(located(data, ("inputs", index), _needed(item.get("name"), data["kind"])))
    return problems


def _needed(name: Any, kind: str) -> str:
    if kind in _WITHOUT_PARAMS:
        return f"the input {name!r} is required, but a {kind} takes no params; give it is_optional: true and a default"
    return f"the input {name!r} is required; give it under params, or with -P"


def _clashes(data: Mapping[str, Any]) -> list[str]:
    params = data.get("params")
    searched = _searched(data)
    both = [name for name in params if name in searched] if isinstance(params, dict) else []
    return [f"{name!r} is in params and in the matrix; the matrix wins" for name in both]


def _matrix_warnings(hptuning: HpTuning | None) -> list[str]:
    if hptuning is None:
        return []
    return [
        f"hptuning.matrix.{name}: {param.name} takes exponents; 0.01:0.1 gives values just above 1"
        for name, param in hptuning.matrix.items()
        if (param.logspace and param.logspace.start > 0 and param.logspace.stop < 1)
        or (param.loguniform and param.loguniform.low > 0 and param.loguniform.high < 1)
    ]


def _unused_replicas(model: Header | None) -> list[str]:
    replicas = getattr(getattr(model, "environment", None), "replicas", None)
    entries = unused_entries(replicas) if replicas else []
    return [f"environment.replicas.{entry}: there is no such replica; it is not used" for entry in entries]
