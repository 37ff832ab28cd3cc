"""No test without an assertion: one of its own, or one in a helper that it calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
FAILING_CALLS = {"raises", "fail", "warns"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def called(function: Function) -> set[str]:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}


def asserts_itself(function: Function) -> bool:
    has_assert = any(isinstance(node, (ast.Assert, ast.Raise)) for node in ast.walk(function))
    return has_assert or bool(called(function) & FAILING_CALLS)


def test_every_test_asserts_something() -> None:
    every = [
        (path, function)
        for path in sorted(ROOT.rglob("*.py"))
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
    ]
    # A helper counts by its name, and so does one that calls such a helper.
    asserting = {function.name for _, function in every if asserts_itself(function)}
    while more := {f.name for _, f in every if f.name not in asserting and called(f) & asserting}:
        asserting |= more
    silent = [
        f"{path.relative_to(ROOT)}::{function.name}"
        for path, function in every
        if function.name.startswith("test_") and not (asserts_itself(function) or called(function) & asserting)
    ]
    assert silent == []
