"""Templates that strangers may write: no way into Python, and a bound on time, memory and output.

Jinja's own sandbox keeps templates away from Python's internals but lets them loop and grow forever. So every
loop step, call, filter, operator and printed value is charged to one budget here.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jinja2 import (
    ChainableUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    Undefined,
    meta,
    nodes,
    pass_environment,
)
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from polyaxon_schemas.template_limits import (
    OPERATOR_CHECKS,
    Exhausted,
    TemplateProblem,
    check_call,
    check_format,
    check_join,
    weight,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CodeType

MAX_OUTPUT = 1024 * 1024
_MAX_TEMPLATE = 128 * 1024
_REMEMBERED = 8 * 1024  # longest text whose compiled form is kept
# Of one file. Compiling takes about a millisecond a template, and 50 microseconds an expression.
_MAX_TEMPLATES = 320
_MAX_CODE = 16 * 1024
_MAX_MARKS = 2000
_BUDGET = 2 * 1024 * 1024
_STEP_COST = 32
_RENDER_COST = 256
_MAX_RANGE = 100_000

_FILTERS = (
    *(
        "abs",
        "capitalize",
        "count",
        "d",
        "default",
        "dictsort",
        "e",
        "escape",
        "first",
        "float",
        "format",
        "int",
    ),
    *(
        "items",
        "join",
        "last",
        "length",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "replace",
    ),
    *("reverse", "round", "safe", "select", "selectattr", "sort", "string", "sum", "title", "tojson", "trim"),
    *("truncate", "unique", "upper", "wordcount"),
    *("batch", "center", "filesizeformat", "groupby", "indent", "slice", "urlencode"),
)
_METHODS = {
    *(
        "capitalize",
        "count",
        "endswith",
        "find",
        "get",
        "index",
        "is_integer",
        "isalnum",
        "isalpha",
        "isdigit",
    ),
    *("items", "join", "keys", "lower", "lstrip", "replace", "rsplit", "rstrip", "split", "splitlines"),
    *("startswith", "strip", "title", "upper", "values"),
}
# No blocks that gather text, such as `filter` and `macro`: what stands in them would have to be charged, too.
_STATEMENTS = (nodes.Output, nodes.If, nodes.For, nodes.Assign, nodes.With)
_MARK = re.compile(r"\{\{|\{%|\{#")
_EITHER_MARK = re.compile(r"\{\{|\{%|\}\}|%\}")
_Result = TypeVar("_Result")


def is_template(value: Any) -> bool:
    """Whether a value is text that rendering may change."""
    return isinstance(value, str) and bool(_MARK.search(value))


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "**", "%"])

    def __init__(self, spend: Callable[[int], None], **options: Any) -> None:
        super().__init__(optimized=False, **options)
        self._spend = spend
        self.globals = {"range": self._range, "dict": dict, "namespace": Namespace}
        self.filters = dict(_guarded_filters())
        self.filters["_each"] = self._each
        self.filters["_joined"] = self._joined
        self.filters["_weighed"] = self._weighed

    def _range(self, *bounds: int) -> range:
        numbers = range(*bounds)
        try:
            count = len(numbers)
        except OverflowError:
            count = _MAX_RANGE + 1
        if count > _MAX_RANGE:
            raise TemplateProblem(f"range() is limited to {_MAX_RANGE} numbers")
        return numbers

    def _each(self, items: Any) -> Iterator[Any]:
        for item in items:
            self._spend(_STEP_COST)
            yield item

    def _weighed(self, value: Any) -> Any:
        self._spend(weight(value))
        return value

    def _joined(self, parts: list[Any]) -> str:
        self._spend(weight(parts))
        return "".join(map(str, parts))

    def filtered(self, name: str, function: Callable[..., Any], given: list[Any], keys: dict[str, Any]) -> Any:
        """What a filter makes of its arguments, of which the first may be for Jinja."""
        subject = given[1:] if hasattr(function, "jinja_pass_arg") else given
        self._check(name, subject[:1], [*subject[1:], *keys.values()])
        if name == "join":
            return self._join(*subject, **keys)
        result = function(*given, **keys)
        self._spend(weight(result))
        return result

    def _check(self, name: str, subject: list[Any], arguments: list[Any]) -> None:
        self._spend(_STEP_COST + weight(subject) + weight(arguments))
        check_call(name, subject[0] if subject else None, arguments)
        if name == "format":
            check_format(subject[0] if subject else None)

    def _join(self, items: Any, d: str = "", attribute: Any = None) -> str:
        parts = [self.getitem(item, attribute) if attribute is not None else item for item in items]
        return self._separated(d, parts)

    def _separated(self, separator: str, items: Any) -> str:
        parts = list(items)
        check_join(separator, parts)
        return self._joined([part for item in parts for part in (separator, item)][1:])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        self._spend(_STEP_COST + weight(left) + weight(right))
        check = OPERATOR_CHECKS.get(operator)
        if check is not None:
            check(left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - Jinja's signature
        # What compiled loops and blocks hand to a context function; nothing here is one.
        kwargs.pop("_loop_vars", None)
        kwargs.pop("_block_vars", None)
        arguments = [*args, *kwargs.values()]
        if obj in self.globals.values():
            self._spend(_STEP_COST + (0 if obj == self._range else weight(arguments)))
            return obj(*args, **kwargs)
        subject, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        if isinstance(subject, LoopContext) and name in {"cycle", "changed"}:
            self._spend(_STEP_COST + weight(arguments))
            return obj(*args, **kwargs)
        if not isinstance(subject, (str, int, float, list, dict)) or name not in _METHODS:
            raise TemplateProblem(f"{name or type(obj).__name__} cannot be called in a template")
        self._check(name, [subject], arguments)
        if name == "join":
            return self._separated(str(subject), args[0])
        return obj(*args, **kwargs)


@functools.lru_cache(maxsize=1)
def _guarded_filters() -> dict[str, Callable[..., Any]]:
    """Jinja's filters, each held to the budget of whichever environment calls it. They are the same in all."""
    return {name: _guarded_filter(name, FILTERS[name]) for name in _FILTERS}


def _guarded_filter(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if hasattr(function, "jinja_pass_arg"):  # it is called with the environment, or with a context that has one

        @functools.wraps(function)
        def passing(first: Any, *args: Any, **kwargs: Any) -> Any:
            environment: _Sandbox = getattr(first, "environment", first)
            return environment.filtered(name, function, [first, *args], kwargs)

        return passing

    @pass_environment
    def guarded(environment: _Sandbox, *args: Any, **kwargs: Any) -> Any:
        return environment.filtered(name, function, list(args), kwargs)

    return guarded


class Templates:
    """Renders templates that share one budget; ``unknown`` collects the names that had no value."""

    def __init__(self) -> None:
        self.unknown: dict[str, None] = {}
        self._left = _BUDGET
        self._marks = self._code = 0
        self._prepared: dict[str, tuple[frozenset[str], Template]] = {}
        unknown = self.unknown

        class Missing(ChainableUndefined):
            def __str__(self) -> str:
                if self._undefined_name is not None:
                    unknown[str(self._undefined_name)] = None
                return ""

            __html__ = __str__

        self._environment = _Sandbox(self._spend, undefined=Missing, finalize=self._printed)

    def _spend(self, cost: int) -> None:
        self._left -= cost
        if self._left < 0:
            raise Exhausted("the template does too much work; simplify its loops")

    def _printed(self, value: Any) -> Any:
        if not isinstance(value, Undefined):
            self._spend(weight(value))
        return value

    def names(self, text: str) -> set[str]:
        """The names a template needs from outside. Raises TemplateProblem."""
        return set(_guard(lambda: self._template(text)[0]))

    def render(self, text: str, context: Mapping[str, Any]) -> str:
        """The rendered text; a name without a value is empty. Raises TemplateProblem."""
        return _guard(lambda: self._render(text, context))

    def _render(self, text: str, context: Mapping[str, Any]) -> str:
        self._spend(_RENDER_COST)
        names, template = self._template(text)
        chunks: list[str] = []
        length = 0
        for chunk in template.generate({name: context[name] for name in names if name in context}):
            length += len(chunk)
            if length > MAX_OUTPUT:
                raise TemplateProblem("the rendered text is longer than 1 MB")
            chunks.append(chunk)
        return "".join(chunks)

    def _template(self, text: str) -> tuple[frozenset[str], Template]:
        """The names that a template needs, and the template; each text is looked at once."""
        if text not in self._prepared:
            self._check_size(text)
            compiled = _remembered(text) if len(text) <= _REMEMBERED else _compile(text)
            template = Template.from_code(self._environment, compiled.code, self._environment.globals)
            self._prepared[text] = compiled.names, template
        return self._prepared[text]

    def _check_size(self, text: str) -> None:
        if len(text) > _MAX_TEMPLATE:
            raise TemplateProblem("the template is longer than 128 KB")
        self._spend(len(text))
        marks, code = _code_known(text) if len(text) <= _REMEMBERED else _code_in(text)
        self._marks += marks
        self._code += code
        if self._marks > _MAX_MARKS or self._code > _MAX_CODE or len(self._prepared) >= _MAX_TEMPLATES:
            raise Exhausted("the file's templates hold too much code; move it into a script")


class _Compiled(NamedTuple):
    code: CodeType
    names: frozenset[str]


def _compile(text: str) -> _Compiled:
    environment = Templates()._environment  # noqa: SLF001 - compiled code is any environment's of these options
    tree = environment.parse(text)
    _check_nodes(tree)
    names = frozenset(meta.find_undeclared_variables(tree))
    return _Compiled(environment.compile(_bounded(tree)), names)


# All trials of a search have the same templates, and compiling one takes far longer than rendering it.
_remembered = functools.lru_cache(maxsize=256)(_compile)


def _code_in(text: str) -> tuple[int, int]:
    """Number of marks, and of characters inside of them."""
    marks = code = 0
    opened: int | None = None
    for found in _EITHER_MARK.finditer(text):
        is_opening = found[0].startswith("{")
        marks += is_opening
        if is_opening and opened is None:
            opened = found.end()
        elif not is_opening and opened is not None:
            code += found.start() - opened
            opened = None
    return marks, code + (len(text) - opened if opened is not None else 0)


_code_known = functools.lru_cache(maxsize=256)(_code_in)


def _guard(work: Callable[[], _Result]) -> _Result:
    """Every way in which a template can fail, as one error."""
    try:
        return work()
    except TemplateProblem:
        raise
    except TemplateSyntaxError as error:
        raise TemplateProblem(f"template syntax, line {error.lineno}: {error.message}") from error
    except SecurityError as error:
        raise TemplateProblem(f"not allowed in a template: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise TemplateProblem("the template nests too deeply") from error
    except TemplateError as error:
        raise TemplateProblem(f"template: {error.message}") from error
    except Exception as error:
        raise TemplateProblem(f"the template fails: {type(error).__name__}: {error}") from error


def _check_nodes(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Stmt) and not isinstance(node, _STATEMENTS):
            name = type(node).__name__.lower()
            raise TemplateProblem(f"line {node.lineno}: '{name}' blocks are not available in a polyaxonfile")
        if isinstance(node, nodes.For) and node.recursive:
            raise TemplateProblem(f"line {node.lineno}: recursive loops are not available in a polyaxonfile")


_BUILT = (nodes.List, nodes.Dict, nodes.Tuple)
_COMPARING = (nodes.Compare, nodes.Operand, nodes.Test)


def _bounded(tree: nodes.Template) -> nodes.Template:
    """The same template, with each loop step, comparison, literal, slice and ``~`` charged to the budget."""
    for parent in list(tree.find_all(nodes.Node)):
        for field, value in parent.iter_fields():
            if isinstance(value, list):
                value[:] = [_charged(parent, item) for item in value]
            else:
                setattr(parent, field, _charged(parent, value))
    return tree


def _charged(parent: nodes.Node, node: Any) -> Any:
    """What takes the place of an expression; nested lists alone could double a value at every step."""
    if not isinstance(node, nodes.Expr) or getattr(node, "ctx", "load") != "load":
        return node
    is_iterated = isinstance(parent, nodes.For) and node is parent.iter
    if isinstance(node, nodes.Concat):
        node = _filtered(nodes.List(node.nodes, lineno=node.lineno), "_joined")
    is_slice = isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice)
    if is_slice or isinstance(node, _BUILT) or isinstance(parent, _COMPARING):
        node = _filtered(node, "_weighed")
    return _filtered(node, "_each") if is_iterated else node


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
