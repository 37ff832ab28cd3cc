"""Every address of the 0.6 interface is there, with its methods."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import resolve

EXPECTED = [
    tuple(line.split())
    for line in Path(__file__).with_name("spec_routes.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
_PARAMETER = re.compile(r"\{\w+\}")
_OUR_PARAMETER = re.compile(r"<(?:\w+:)?\w+>")
SOCKETS = "api.streams.urls_ws"


def example(pattern: str) -> str:
    """An address of this pattern: parameters are numbers or names, as theirs are called."""
    numbers = {"{id}", "{job_id}", "{sequence}", "{index}"}
    return _PARAMETER.sub(lambda found: "1" if found[0] in numbers else "a" * 32, pattern)


def found(pattern: str, sockets: bool, form: str = "") -> Any:
    return resolve(example(pattern) + form, SOCKETS if sockets else None)


@pytest.mark.parametrize(("method", "pattern"), EXPECTED)
def test_the_address_is_there(method: str, pattern: str) -> None:
    match = found(pattern, method == "WS")
    # The address of a project would take nearly any two words: it must be this very route.
    assert _OUR_PARAMETER.sub("*", match.route) == _PARAMETER.sub("*", pattern).lstrip("/")
    view = getattr(match.func, "cls", None) or getattr(match.func, "view_class", None)
    verb = "get" if method == "WS" else method.lower()
    assert pattern == "/healthz" or (hasattr(view, verb) and verb in view.http_method_names)


@pytest.mark.parametrize("form", ["/", ".json", ".json/"])
def test_addresses_have_other_forms(form: str) -> None:
    patterns = {path for method, path in EXPECTED if path.startswith("/api/") and method != "WS"}
    other = {path for path in patterns if found(path, False, form).func.cls is not found(path, False).func.cls}
    assert not other


def test_the_list_is_whole() -> None:
    assert len(EXPECTED) == len(set(EXPECTED)) > 280
