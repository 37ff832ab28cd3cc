"""A checked polyaxonfile, what it renders to, and the trials of a group."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from polyaxon_schemas.checking import Rendered, build_of, check_file, examples_of, refuse_if, rendered
from polyaxon_schemas.located import LocatedDict, plain, unlocated
from polyaxon_schemas.problems import PolyaxonfileError
from polyaxon_schemas.reader import modern, read_text
from polyaxon_schemas.validation import check_header, nearest_kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polyaxon_schemas.checking import AnyBuild
    from polyaxon_schemas.environment import Environment
    from polyaxon_schemas.hptuning import HpTuning
    from polyaxon_schemas.io import InputOutput
    from polyaxon_schemas.kinds import Header
    from polyaxon_schemas.pipeline_graph import PlannedOperation
    from polyaxon_schemas.run import Run

__all__ = ["Rendered", "Specification", "parse"]

_TRIAL_KEYS = ("backend", "framework", "environment", "logging", "tags", "build", "run")


class Specification:
    """A valid polyaxonfile. ``raw`` is the merged data with its templates; ``warnings`` are for the user."""

    def __init__(
        self,
        data: LocatedDict,
        model: Header,
        warnings: Sequence[str] = (),
        operations: Sequence[PlannedOperation] = (),
    ) -> None:
        self._data = data
        self._model = model
        # Of a pipeline, in an order in which each comes after those that it depends on.
        self.operations = list(operations)
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
        return build_of(self._model)

    @property
    def run(self) -> Run | None:
        return getattr(self._model, "run", None)

    @property
    def inputs(self) -> list[InputOutput]:
        return list(getattr(self._model, "inputs", None) or [])

    @property
    def outputs(self) -> list[InputOutput]:
        return list(getattr(self._model, "outputs", None) or [])

    def to_text(self) -> str:
        """JSON text that :func:`parse` reads back; keys keep their order, which a grid search goes by."""
        return json.dumps(self.raw, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def render(self, params: Mapping[str, Any] | None = None) -> Rendered:
        """Final values, with ``params`` over those of the file.

        A group renders with an example value for each parameter of its matrix that ``params`` leaves out.
        Raises PolyaxonfileError.
        """
        extra = {} if params is None else _plain_params(params)
        return rendered(self._data, {**examples_of(self.hptuning), **extra})

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


def parse(raw: str | Mapping[str, Any], *, kind: str | None = None, strict: bool = False) -> Specification:
    """A specification of raw data, or of text (YAML, JSON, a Python literal), which is never a path.

    Everything is checked, also that the templates render. With ``strict``, a name in a template that has no value is
    a problem; without, it is empty text with a warning, as in 0.6. Raises PolyaxonfileError with all problems found.
    """
    data, problems = modern(read_text(raw) if isinstance(raw, str) else raw)
    problems += check_header(data, kind)
    meant = nearest_kind(data)
    if meant is None:
        raise PolyaxonfileError(problems)
    data.put("version", 1, data.marks.get("version"))
    data.put("kind", meant, data.marks.get("kind"))
    checked = check_file(data, strict=strict)
    refuse_if([*problems, *checked.problems])
    assert checked.model is not None
    return Specification(data, checked.model, [*data.warnings, *checked.warnings], checked.operations)
