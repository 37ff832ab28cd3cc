"""Definitions of options and the values that they take."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon.errors import InvalidInput
from polyaxon.options import OPTIONS, Option, OptionStore, find
from polyaxon.options.definitions import NO, YES

EDITABLE = [option for option in OPTIONS.values() if option.store is OptionStore.DATABASE]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("option", EDITABLE, ids=lambda option: option.key)
def test_defaults_are_values(option: Option) -> None:
    assert option.default is None or option.parse(option.default) == option.default
    assert option.description.endswith(".")


@pytest.mark.parametrize(
    ("key", "given", "expected"),
    [
        ("TTL:TOKEN", "5", 5),
        ("ALLOW_USER_OWNERSHIP", "Yes", True),
        ("ALLOW_USER_OWNERSHIP", "off", False),
        ("NODE_SELECTORS:JOBS", '{"a": "b"}', {"a": "b"}),
        ("TOLERATIONS:JOBS", '[{"key": "gpu"}]', [{"key": "gpu"}]),
        ("K8S_SECRETS:EXPERIMENTS", '["one", "two"]', ["one", "two"]),
        ("ENV_VARS:JOBS", [["A", "1"], "B,2"], [["A", "1"], ["B", "2"]]),
        ("NOTEBOOKS:PORT_RANGE", "[1, 2]", [1, 2]),
        ("REPOS:CREDENTIALS", "user:pass:word", ["user", "pass:word"]),
        ("INTEGRATIONS_WEBHOOKS:SLACK", {"url": "https://x"}, [{"url": "https://x"}]),
        ("INTEGRATIONS_WEBHOOKS:SLACK", '[{"url": "https://x"}]', [{"url": "https://x"}]),
        ("BUILD_JOBS:IMAGE_PULL_POLICY", "Never", "Never"),
    ],
)
def test_texts_are_converted_and_values_kept(key: str, given: Any, expected: Any) -> None:
    assert find(key).parse(given) == expected


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("TTL:TOKEN", "5.5"),
        ("TTL:TOKEN", 5.0),
        ("TTL:TOKEN", False),
        ("TTL:TOKEN", 10**30),
        ("ALLOW_USER_OWNERSHIP", 1),
        ("ALLOW_USER_OWNERSHIP", "perhaps"),
        ("NODE_SELECTORS:JOBS", "gpu"),
        ("TOLERATIONS:JOBS", "[1]"),
        ("K8S_SECRETS:JOBS", "one,two"),
        ("ENV_VARS:JOBS", [["A"]]),
        ("NOTEBOOKS:PORT_RANGE", [1, 2, 3]),
        ("NOTEBOOKS:PORT_RANGE", "[" * 100_000),
        ("REPOS:CREDENTIALS", "user"),
        ("REPOS:CREDENTIALS", ":word"),
        ("BUILD_JOBS:BACKEND", "magic"),
        ("K8S:TPU_RESOURCE_KEY", 1),
        ("BUILD_JOBS:LANG_ENV", "nul\x00"),
    ],
)
def test_wrong_values_are_named(key: str, given: Any) -> None:
    with pytest.raises(InvalidInput) as wrong:
        find(key).parse(given)
    assert wrong.value.field == key


def test_a_wrong_secret_is_not_repeated() -> None:
    with pytest.raises(InvalidInput) as wrong:
        find("REPOS:CREDENTIALS").parse("hush-without-colon")
    assert "hush" not in wrong.value.message


@given(st.sampled_from(EDITABLE), ANYTHING)
def test_whatever_is_taken_is_json_and_taken_again(option: Option, value: Any) -> None:
    try:
        parsed = option.parse(value)
    except InvalidInput:
        return
    assert option.parse(json.loads(json.dumps(parsed))) == parsed


def test_yes_and_no_differ() -> None:
    assert YES.isdisjoint(NO)


def test_owners_get_no_power_from_their_options() -> None:
    own = {option.key.partition(":")[0] for option in EDITABLE if option.per_owner}
    assert own.isdisjoint({"TTL", "AUTH_GITHUB", "SERVICE_ACCOUNTS", "ALLOW_USER_OWNERSHIP", "ACCESS", "K8S", "KANIKO"})
    assert not any(option.per_owner for option in OPTIONS.values() if option.store is OptionStore.SETTINGS)
