"""The checks of a pipeline: its templates, the params of its operations, and the graph of its dependencies."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from polyaxon_schemas.located import LocatedDict, located_merge, unlocated
from polyaxon_schemas.problems import Path, Problem, describe
from polyaxon_schemas.validation import check_header, located, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Check = Callable[[LocatedDict], list[Problem]]

# Each operation is checked as a file of its own, which takes about two milliseconds.
_MAX_OPERATIONS = 200
_MAX_CHARACTERS = 1024 * 1024
_OUTPUT = re.compile(r"\{\{\s*ops\.([^.{}\s]+)\.outputs\.([^.{}\s]+)\s*\}\}")
_OVERRIDES = ("logging", "description", "tags", "params", "environment", "build")
_EXAMPLES: dict[Any, Any] = {
    "int": 1,
    "float": 1.5,
    "metric": 1.5,
    "bool": True,
    "dict": {},
    "metadata": {},
    "dict_of_dicts": {},
    "list": [],
    "uri": "user:password@host",
    "auth": "user:password",
    "gcs_path": "gs://bucket/blob",
    "s3_path": "s3://bucket/key",
    "azure_path": "wasbs://c@account.blob.core.windows.net/path",
}
_SAME = {"metric": "float"}


@dataclass(frozen=True)
class PlannedOperation:
    """An operation with the names of those that come before it, and how many steps it is from the start.

    ``content`` is the file that it is executed from, in which outputs of others are yet to be filled in.
    """

    name: str
    level: int
    upstream: frozenset[str]
    content: dict[str, Any]


def check_pipeline(data: LocatedDict, check: Check, *, is_valid: bool) -> tuple[list[Problem], list[PlannedOperation]]:
    """Problems of a pipeline, and its operations in an order in which they can run.

    ``check`` gives the problems of a file of another kind; ``is_valid`` says that the pipeline fits its model, without
    which only the names are looked at.
    """
    pipeline = _PipelineChecks(data, check)
    pipeline.check_names()
    if is_valid and pipeline.is_affordable():
        pipeline.check_contents()
    levels = pipeline.levels()
    return pipeline.problems, pipeline.planned(levels) if is_valid and not pipeline.problems else []


def _items(data: Mapping[str, Any], key: str) -> Iterator[tuple[int, LocatedDict]]:
    items = data.get(key)
    for index, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, LocatedDict):
            yield index, item


def _name_of(item: Mapping[str, Any]) -> str | None:
    name = item.get("name")
    return name if isinstance(name, str) else None


class _PipelineChecks:
    def __init__(self, data: LocatedDict, check: Check) -> None:
        self.data = data
        self.check = check
        self.problems: list[Problem] = []
        self.templates: dict[str, LocatedDict] = {}
        self.operations: dict[str, LocatedDict] = {}
        self.places: dict[str, int] = {}
        self.contents: dict[str, LocatedDict] = {}

    def problem(self, path: Path, message: str) -> None:
        self.problems.append(located(self.data, path, message))

    # -- names --

    def check_names(self) -> None:
        """Names that are missing, twice, or of nothing."""
        for index, template in _items(self.data, "templates"):
            name = _name_of(template)
            if name is None:
                self.problem(("templates", index), "needs a name, by which operations find it")
            elif name in self.templates:
                self.problem(("templates", index, "name"), f"there is another template {name!r}")
            else:
                self.templates[name] = template
        for index, operation in _items(self.data, "ops"):
            name = _name_of(operation)
            if name is not None and name in self.operations:
                self.problem(("ops", index, "name"), f"there is another operation {name!r}")
            elif name is not None:
                self.operations[name] = operation
                self.places[name] = index
        for name, index in self.places.items():
            self._check_references(name, index)

    def _check_references(self, name: str, index: int) -> None:
        operation = self.operations[name]
        wanted = self._template_name(operation)
        if wanted is not None and wanted not in self.templates:
            self.problem(
                ("ops", index, "template", "name"),
                f"there is no template {describe_name(wanted)}{suggestion(wanted, self.templates)}",
            )
        for place, other in enumerate(self._dependencies(operation)):
            self._check_operation(other, ("ops", index, "dependencies", place))
        condition = operation.get("conditions")
        if isinstance(condition, dict) and isinstance(condition.get("op"), str):
            self._check_operation(condition["op"], ("ops", index, "conditions", "op"))
        for param, other, output in self._outputs_used(operation):
            if self._check_operation(other, ("ops", index, "params", param)):
                self._check_output(operation, param, other, output, index)

    def _check_operation(self, name: str, path: Path) -> bool:
        if name in self.operations:
            return True
        self.problem(path, f"there is no operation {describe_name(name)}{suggestion(name, self.operations)}")
        return False

    def _check_output(self, operation: LocatedDict, param: str, other: str, output: str, index: int) -> None:
        """That the output exists, and is of the type that the input takes."""
        source = self._declared(self.operations[other], "outputs")
        path = ("ops", index, "params", param)
        if output not in source:
            self.problem(path, f"the operation {other!r} has no output {output!r}{suggestion(output, source)}")
            return
        inputs = {**self._declared(operation, "outputs"), **self._declared(operation, "inputs")}
        given, taken = source[output].get("type"), inputs.get(param, {}).get("type")
        if given and taken and _SAME.get(given, given) != _SAME.get(taken, taken):
            self.problem(path, f"expected an output of type {taken}, found {other}.{output}, which is of type {given}")

    def _template_name(self, operation: Mapping[str, Any]) -> str | None:
        template = operation.get("template")
        return _name_of(template) if isinstance(template, dict) else None

    def _declared(self, operation: Mapping[str, Any], key: str) -> dict[str, Any]:
        template = self.templates.get(self._template_name(operation) or "", LocatedDict())
        return {item["name"]: item for _, item in _items(template, key) if isinstance(item.get("name"), str)}

    def _dependencies(self, operation: Mapping[str, Any]) -> list[str]:
        names = operation.get("dependencies")
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    def _outputs_used(self, operation: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        params = operation.get("params")
        for param, value in params.items() if isinstance(params, dict) else ():
            for other, output in _OUTPUT.findall(json.dumps(unlocated(value))):
                yield param, other, output

    # -- contents --

    def is_affordable(self) -> bool:
        """Whether checking each operation on its own takes a bounded time."""
        sizes = {name: len(json.dumps(template)) for name, template in self.templates.items()}
        used = [sizes.get(self._template_name(operation) or "", 0) for operation in self.operations.values()]
        if len(used) + len(sizes) > _MAX_OPERATIONS:
            self.problem(("ops",), f"a pipeline is limited to {_MAX_OPERATIONS} templates and operations")
        elif sum(used) > _MAX_CHARACTERS:
            self.problem(("ops",), "the templates of all operations together are larger than 1 MB")
        else:
            return True
        return False

    def check_contents(self) -> None:
        """Each template's header, and each operation as the file that it is executed from."""
        sound = {
            name: template
            for (index, template), name in zip(_items(self.data, "templates"), self.templates)
            if self._has_sound_header(template, index)
        }
        used = {self._template_name(operation) for operation in self.operations.values()}
        for index, template in _items(self.data, "templates"):
            name = _name_of(template) or ""
            if name in sound and name not in used:
                self._check_part(template, ("templates", index), is_bare=True)
        for name, index in self.places.items():
            base = sound.get(self._template_name(self.operations[name]) or "")
            if base is not None:
                self.contents[name] = _content(base, self.operations[name])
                self._check_part(self.contents[name], ("ops", index))

    def _has_sound_header(self, template: LocatedDict, index: int) -> bool:
        problems = check_header(template, None)
        if not problems and template["kind"] == "pipeline":
            problems = [located(template, ("kind",), "a template cannot be a pipeline itself")]
        self.problems += [replace(each, path=("templates", index, *each.path)) for each in problems]
        return not problems

    def _check_part(self, content: LocatedDict, path: Path, *, is_bare: bool = False) -> None:
        filled = _filled(content, is_bare=is_bare)
        for each in self.check(filled):
            line = each.line or located(self.data, path, "").line
            self.problems.append(replace(each, path=(*path, *each.path), line=line))

    # -- graph --

    def upstream(self, name: str) -> frozenset[str]:
        """Those that come before: its dependencies, and those whose outputs it takes."""
        operation = self.operations[name]
        used = {other for _, other, _ in self._outputs_used(operation)}
        return frozenset({*self._dependencies(operation), *used} & self.operations.keys())

    def levels(self) -> dict[str, int]:
        """Steps from the start by name, nearest first; a circle is a problem."""
        sorter = TopologicalSorter({name: sorted(self.upstream(name)) for name in self.operations})
        try:
            sorter.prepare()
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            path = ("ops", self.places[circle[0]], "dependencies")
            self.problem(path, f"operations wait for each other in a circle: {' -> '.join(circle)}")
            return {}
        found: dict[str, int] = {}
        level = 0
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=lambda name: self.places[name])
            found.update(dict.fromkeys(ready, level))
            sorter.done(*ready)
            level += 1
        return found

    def planned(self, levels: Mapping[str, int]) -> list[PlannedOperation]:
        """The operations, ready to be executed level by level."""
        return [
            PlannedOperation(name, level, self.upstream(name), unlocated(self.contents[name]))
            for name, level in levels.items()
        ]


def describe_name(name: str) -> str:
    """A name, short enough to be shown."""
    return describe(name).removeprefix("the text ")


def _content(template: LocatedDict, operation: LocatedDict) -> LocatedDict:
    """The template with what the operation lays over it."""
    overrides = LocatedDict()
    for key in _OVERRIDES:
        if operation.get(key) is not None:
            overrides.put(key, operation[key], operation.marks.get(key))
    content = LocatedDict()
    located_merge(content, template)
    located_merge(content, overrides)
    return content


def _filled(content: LocatedDict, *, is_bare: bool) -> LocatedDict:
    """The content with an example for each output of another operation; bare, for each input without a value."""
    declared = {_name_of(item) or "": item for key in ("outputs", "inputs") for _, item in _items(content, key)}
    params = content.get("params")
    values = LocatedDict()
    if isinstance(params, LocatedDict):
        for name, value in params.items():
            values.put(name, _with_examples(value, declared.get(name, {})), params.marks.get(name))
    if is_bare:
        for name, item in declared.items():
            if not item.get("is_optional") and name not in values:
                values.put(name, _example(item), None)
    filled = LocatedDict()
    located_merge(filled, content)
    if values:
        filled.put("params", values, content.marks.get("params"))
    return filled


def _with_examples(value: Any, declared: Mapping[str, Any]) -> Any:
    if isinstance(value, LocatedDict):
        copy = LocatedDict()
        for key, item in value.items():
            copy.put(key, _with_examples(item, {}), value.marks.get(key))
        return copy
    if isinstance(value, list):
        return [_with_examples(item, {}) for item in value]
    if not isinstance(value, str):
        return value
    if _OUTPUT.fullmatch(value.strip()):
        return _example(declared)
    return _OUTPUT.sub("x", value)


def _example(declared: Mapping[str, Any]) -> Any:
    options = declared.get("options")
    if isinstance(options, list) and options:
        return [options[0]] if declared.get("is_list") else options[0]
    example = _EXAMPLES.get(declared.get("type"), "x")
    return [example] if declared.get("is_list") else example
