"""From raw data and params to final values: params first, then the sections that use them."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from polyaxon_schemas.io import InputOutput, to_bool
from polyaxon_schemas.literals import python_literal
from polyaxon_schemas.located import unlocated
from polyaxon_schemas.problems import MAX_PROBLEMS
from polyaxon_schemas.sandbox import Templates, is_template
from polyaxon_schemas.template_limits import Exhausted, TemplateProblem
from polyaxon_schemas.validation import located, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polyaxon_schemas.problems import Path, Problem

SECTIONS = ("backend", "framework", "environment", "logging", "tags", "build", "run")
_LONGEST_LITERAL = 64 * 1024
_OTHER_RUN = re.compile(r"\{\{\s*(jobs|experiments|ops)\.[-\w]+\.outputs\b")
_NO_OTHER_RUN = (
    "{0} refers to what another run puts out, which only operations of a pipeline can, by ops.NAME.outputs.OUTPUT; "
    "give the value itself, or name the run in environment.outputs"
)


class Renderer:
    """Renders one file. ``problems`` and ``warnings`` tell what came up; paths are those of ``data``.

    With ``strict`` a name that has no value is a problem, and not empty text.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        declared: list[InputOutput],
        *,
        strict: bool = False,
        templates: Templates | None = None,
    ) -> None:
        self.data = data
        self.problems: list[Problem] = []
        self._declared = {io.name: io for io in declared}
        self._strict = strict
        self._templates = templates or Templates()
        self._context: dict[str, Any] = {}
        self._is_exhausted = False

    @property
    def warnings(self) -> list[str]:
        return [f"{name!r} has no value; it renders as empty text" for name in self._templates.unknown]

    def problem(self, path: Path, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(located(self.data, path, message))

    def params(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Final params: defaults filled in, templates rendered, literals evaluated, types checked."""
        defaults = {io.name: io.default for io in self._declared.values() if io.is_optional}
        values = {**defaults, **unlocated(given)}
        self._refuse_foreign_outputs(values)
        order = self._order(values)
        for name in () if self._is_exhausted else order:
            values[name] = self._final(name, self.render(values[name], ("params", name), self._context))
            self._context[name] = self._shown(name, values[name])
        return values

    def _refuse_foreign_outputs(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            for text in _texts(value):
                found = _OTHER_RUN.search(text) if is_template(text) else None
                if found and found[1] not in values:
                    self.problem(("params", name), _NO_OTHER_RUN.format(found[1]))

    def _order(self, values: Mapping[str, Any]) -> list[str]:
        graph: dict[str, set[str]] = {}
        for name, value in values.items():
            graph[name] = self._names(value, ("params", name)) & values.keys()
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            self.problem(("params", error.args[1][0]), f"refers to itself: {circle}")
            return []

    def _names(self, value: Any, path: Path) -> set[str]:
        names: set[str] = set()
        for text in _texts(value):
            if is_template(text) and not self._is_exhausted:
                try:
                    names |= self._templates.names(text)
                except TemplateProblem as error:
                    self._failed(path, error)
        return names

    def _failed(self, path: Path, error: TemplateProblem) -> None:
        self._is_exhausted = isinstance(error, Exhausted)
        self.problem(path, str(error))

    def _final(self, name: str, value: Any) -> Any:
        io = self._declared.get(name)
        if io is None or not io.keeps_text:
            value = evaluated(value)
        is_unset = io is not None and value is None and (io.is_optional or name not in self.data.get("params", {}))
        if io is not None and not is_unset:
            self._check(io, value)
        return value

    def _check(self, io: InputOutput, value: Any) -> None:
        try:
            io.check(value)
        except ValueError as error:
            self.problem(("params", io.name), str(error))

    def _shown(self, name: str, value: Any) -> Any:
        """What a template sees: a flag is its option or nothing."""
        io = self._declared.get(name)
        if io is None or not io.is_flag:
            return value
        try:
            return f"--{name}" if to_bool(value) else ""
        except ValueError:
            return ""

    def sections(self, keys: tuple[str, ...]) -> dict[str, Any]:
        """The rendered sections that the file holds."""
        return {key: self.render(unlocated(self.data[key]), (key,), self._context) for key in keys if key in self.data}

    def render(self, value: Any, path: Path, context: Mapping[str, Any]) -> Any:
        """A value with every template in it rendered, keys included."""
        if isinstance(value, dict):
            return {
                self._text(key, path, context): self.render(item, (*path, key), context) for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.render(item, (*path, index), context) for index, item in enumerate(value)]
        return self._text(value, path, context) if isinstance(value, str) else value

    def _text(self, text: str, path: Path, context: Mapping[str, Any]) -> str:
        if not is_template(text) or self._is_exhausted:
            return text
        known = len(self._templates.unknown)
        try:
            rendered = self._templates.render(text, context)
        except TemplateProblem as error:
            self._failed(path, error)
            return ""
        if self._strict:
            for name in list(self._templates.unknown)[known:]:
                self.problem(path, f"{name!r} has no value{suggestion(name, context)}")
        return rendered


def evaluated(value: Any) -> Any:
    """Text that spells a Python literal as that value; command lines can only give text."""
    if isinstance(value, dict):
        return {key: evaluated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [evaluated(item) for item in value]
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_LITERAL:
        return value
    try:
        return python_literal(value)
    except ValueError:
        return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
