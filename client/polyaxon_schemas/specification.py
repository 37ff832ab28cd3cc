"""A checked polyaxonfile, what it renders to, and the trials of a group."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

from pydantic import ValidationError

from polyaxon_schemas.build import Build, BuildKeys
from polyaxon_schemas.hptuning import HpTuning
from polyaxon_schemas.io import InputOutput
from polyaxon_schemas.kinds import BuildFile, Header
from polyaxon_schemas.located import LocatedDict, plain, unlocated
from polyaxon_schemas.problems import PolyaxonfileError, Problem
from polyaxon_schemas.reader import modern, read_text
from polyaxon_schemas.rendering import SECTIONS, Renderer
from polyaxon_schemas.validation import check_header, located, validate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polyaxon_schemas.environment import Environment
    from polyaxon_schemas.run import Run

_BUILD_KEYS = tuple(BuildKeys.model_fields)
_TRIAL_KEYS = ("backend", "framework", "environment", "logging", "tags", "build", "run")
# Linux hands a program no single argument longer than this, NUL included.
_MAX_COMMAND = 128 * 1024 - 1

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


class Specification:
    """A valid polyaxonfile. ``raw`` is the merged data with its templates; ``warnings`` are for the user."""

    def __init__(self, data: LocatedDict, model: Header, warnings: Sequence[str] = ()) -> None:
        self._data = data
        self._model = model
        self.kind: str = data["kind"]
        self.raw: dict[str, Any] = unlocated(data)
        self.warnings = list(warnings)

    @property
    def name(self) -> str | None:
        return self._model.name

    @property
    def description(self) -> str | None:
        return self._model.description

    @property
    def tags(self) -> list[str]:
        return list(self._model.tags or [])

    @property
    def framework(self) -> str | None:
        return getattr(self._model, "framework", None)

    @property
    def backend(self) -> str | None:
        return getattr(self._model, "backend", None)

    @property
    def log_level(self) -> str:
        return _log_level(self._model)

    @property
    def params(self) -> dict[str, Any]:
        """The params as given, templates included."""
        return dict(self.raw.get("params") or {})

    @property
    def hptuning(self) -> HpTuning | None:
        return getattr(self._model, "hptuning", None)

    @property
    def environment(self) -> Environment | None:
        return getattr(self._model, "environment", None)

    @property
    def build(self) -> AnyBuild | None:
        return _build(self._model)

    @property
    def run(self) -> Run | None:
        return getattr(self._model, "run", None)

    @property
    def inputs(self) -> list[InputOutput]:
        return list(self._model.inputs or [])

    @property
    def outputs(self) -> list[InputOutput]:
        return list(self._model.outputs or [])

    def to_text(self) -> str:
        """JSON text that :func:`parse` reads back; keys keep their order, which a grid search goes by."""
        return json.dumps(self.raw, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def render(self, params: Mapping[str, Any] | None = None) -> Rendered:
        """Final values, with ``params`` over those of the file.

        A group renders with an example value for each parameter of its matrix that ``params`` leaves out.
        Raises PolyaxonfileError.
        """
        extra = {} if params is None else _plain_params(params)
        return _render(self._data, {**_examples(self.hptuning), **extra})[0]

    def trial_content(self, suggestion: Mapping[str, Any]) -> dict[str, Any]:
        """The experiment that one suggestion of a group makes, templates kept; it wins over params."""
        if self.kind != "group":
            raise ValueError(f"only a group has trials, not a {self.kind}")
        content: dict[str, Any] = {"version": 1, "kind": "experiment"}
        content["params"] = {**self.params, **_plain_params(suggestion)}
        declared = {io.name for io in (*self.inputs, *self.outputs)}
        if declared:
            extra = [{"name": name, "is_optional": True} for name in suggestion if name not in declared]
            content["inputs"] = [*(self.raw.get("inputs") or []), *extra]
            content["outputs"] = self.raw.get("outputs") or []
        content.update({key: self.raw[key] for key in _TRIAL_KEYS if key in self.raw})
        return unlocated(content)  # type: ignore[no-any-return]


def _plain_params(params: Mapping[str, Any]) -> dict[str, Any]:
    return unlocated(plain(params))  # type: ignore[no-any-return]


def _log_level(model: Header) -> str:
    return (model.logging.level if model.logging else None) or "INFO"


def _build(model: Header) -> AnyBuild | None:
    return model if isinstance(model, BuildFile) else getattr(model, "build", None)


def _examples(hptuning: HpTuning | None) -> dict[str, Any]:
    if hptuning is None:
        return {}
    values = {name: param.example() for name, param in hptuning.matrix.items()}
    if hptuning.resource is not None:
        values.setdefault(hptuning.resource.name, 1)
    return values


def parse(raw: str | Mapping[str, Any], *, kind: str | None = None) -> Specification:
    """A specification of raw data, or of text (YAML, JSON, a Python literal), which is never a path.

    Everything is checked, also that the templates render. Raises PolyaxonfileError with all problems found.
    """
    data = modern(read_text(raw) if isinstance(raw, str) else raw)
    _refuse_if(check_header(data, kind))
    data.put("version", 1, data.marks.get("version"))
    model, problems = validate(data, data["kind"], templates=True)
    _refuse_if([*problems, *_undeclared(data)])
    hptuning = _hptuning(data)
    rendered, rendered_model = _render(data, _examples(hptuning))
    warnings = [*data.warnings, *_clashes(data), *_matrix_warnings(hptuning), *rendered.warnings]
    # A number that a template makes has no typed form until it is rendered.
    return Specification(data, model or rendered_model, warnings)


def _hptuning(data: Mapping[str, Any]) -> HpTuning | None:
    try:
        return HpTuning.model_validate(data["hptuning"]) if data["kind"] == "group" else None
    except ValidationError:
        return None


def _refuse_if(problems: list[Problem]) -> None:
    if problems:
        raise PolyaxonfileError(problems)


def _matrix(data: Mapping[str, Any]) -> Mapping[str, Any]:
    hptuning = data.get("hptuning")
    matrix = hptuning.get("matrix") if isinstance(hptuning, dict) else None
    return matrix if isinstance(matrix, dict) else {}


def _declared_names(data: Mapping[str, Any]) -> set[Any]:
    items = [*(data.get("inputs") or []), *(data.get("outputs") or [])]
    return {item.get("name") for item in items if isinstance(item, dict)}


def _undeclared(data: LocatedDict) -> list[Problem]:
    """Params that no input or output names, and inputs that no param satisfies; only if any are declared."""
    lists = [data.get("inputs") or [], data.get("outputs") or []]
    if not any(lists) or not all(isinstance(items, list) for items in lists):
        return []
    params = data.get("params") or {}
    if not isinstance(params, dict):
        return []
    known = _declared_names(data)
    problems = [
        located(data, ("params", name), "is not declared in inputs or outputs") for name in params if name not in known
    ]
    satisfied = {*params, *_matrix(data)}
    for index, item in enumerate(lists[0]):
        if isinstance(item, dict) and not item.get("is_optional") and item.get("name") not in satisfied:
            message = f"the input {item.get('name')!r} is required; give it under params, or with -P"
            problems.append(located(data, ("inputs", index), message))
    return problems


def _clashes(data: Mapping[str, Any]) -> list[str]:
    both = [name for name in data.get("params") or {} if name in _matrix(data)]
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


def _render(data: LocatedDict, extra: Mapping[str, Any]) -> tuple[Rendered, Header]:
    kind = data["kind"]
    renderer = Renderer(data, _declared(data))
    params = renderer.params({**(data.get("params") or {}), **extra})
    sections = renderer.sections((*SECTIONS, *_BUILD_KEYS) if kind == "build" else SECTIONS)
    _refuse_if(renderer.problems)
    final = LocatedDict()
    for key, value in data.items():
        final.put(key, sections.get(key, value), data.marks.get(key))
    model, problems = validate(final, kind)
    _refuse_if([located(data, problem.path, problem.message) for problem in problems])
    assert model is not None
    return _rendered(data, model, params, renderer.warnings), model


def _declared(data: Mapping[str, Any]) -> list[InputOutput]:
    items = [*(data.get("inputs") or []), *(data.get("outputs") or [])]
    return [InputOutput.model_validate(unlocated(item)) for item in items]


def _rendered(data: LocatedDict, model: Header, params: dict[str, Any], warnings: list[str]) -> Rendered:
    run: Run | None = getattr(model, "run", None)
    command = run.command if run else ""
    if len(command.encode()) > _MAX_COMMAND:
        _refuse_if([located(data, ("run", "cmd"), "is longer than 128 KB, more than the system can start")])
    return Rendered(
        command=command,
        params=params,
        tags=list(model.tags or []),
        framework=getattr(model, "framework", None),
        backend=getattr(model, "backend", None),
        log_level=_log_level(model),
        environment=getattr(model, "environment", None),
        build=_build(model),
        warnings=warnings,
    )
