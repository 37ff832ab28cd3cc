"""Dockerfiles against golden files (`GOLDEN=write` writes them anew), and what they must hold whatever is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon.errors import InvalidInput
from scheduler.builds.dockerfile import KNOWN_FILES, Recipe, dockerfile

GOLDEN = Path(__file__).parent / "golden"

RECIPES = {
    "image": Recipe(image="python:3.11"),
    "steps": Recipe(
        image="python:3.11", build_steps=["pip install -r requirements.txt", "  ", "pip install 'torch>=2'"]
    ),
    "files": Recipe(
        image="python:3.11", files=["requirements.txt", "conda_env.yml", "setup.sh"], build_steps=["./setup.sh"]
    ),
    "own-files-first": Recipe(image="python:3.11", files=list(KNOWN_FILES)),
    "variables": Recipe(
        image="python:3.11",
        env_vars=[("PLAIN", "a"), ("PATH", "/opt/bin:$PATH"), ("QUOTED", 'say "hi" \\ there'), ("EMPTY", "")],
    ),
    "locale": Recipe(image="python:3.11", lang_env="en_US.UTF-8"),
    "user": Recipe(image="python:3.11", user=(2222, 3333), files=["requirements.txt"]),
    "nvidia": Recipe(image="nvidia/cuda:12.4.1-base-ubuntu22.04", nvidia_bin="/usr/local/nvidia/bin"),
    "script": Recipe(image="python:3.11", build_steps=["apt-get update\napt-get install -y git \\\n  curl", "ends \\"]),
    "everything": Recipe(
        image="host:5000/ada/mnist:1",
        build_steps=["pip install -r polyaxon_requirements.txt"],
        env_vars=[("A", "b")],
        lang_env="C.UTF-8",
        files=["polyaxon_requirements.txt", "requirements.txt", "setup.sh"],
        user=(2222, 2222),
        nvidia_bin="/usr/local/nvidia/bin",
    ),
}


@pytest.mark.parametrize("name", RECIPES)
def test_golden(name: str) -> None:
    path, found = GOLDEN / f"{name}.Dockerfile", dockerfile(RECIPES[name])
    if os.environ.get("GOLDEN") == "write":
        path.write_text(found)
    assert found == path.read_text()


def test_every_golden_file_is_of_a_recipe() -> None:
    assert {path.name.removesuffix(".Dockerfile") for path in GOLDEN.iterdir()} == set(RECIPES)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe(image=""), "build.image: '' is no name of an image"),
        (Recipe(image="a\nRUN evil"), "no name of an image"),
        (Recipe(image="a b"), "no name of an image"),
        (Recipe(image="a", env_vars=[("A B", "c")]), "'A B' is no name of a variable"),
        (
            Recipe(image="a", env_vars=[("A", "b\nRUN evil")]),
            "build.env_vars: A: a value in an image has no line breaks",
        ),
        (Recipe(image="a", lang_env="C\nUSER root"), "no line breaks"),
    ],
    ids=str,
)
def test_what_no_dockerfile_can_hold(recipe: Recipe, words: str) -> None:
    with pytest.raises(InvalidInput) as error:
        dockerfile(recipe)
    assert words in str(error.value)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(
    steps=st.lists(TEXT, max_size=4),
    variables=st.lists(st.tuples(TEXT, TEXT), max_size=4),
    lang=st.none() | TEXT,
    files=st.lists(st.sampled_from(KNOWN_FILES)),
    user=st.none() | st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
)
def test_values_add_no_instructions(
    steps: list[str], variables: list[tuple[str, str]], lang: str | None, files: list[str], user: tuple[int, int] | None
) -> None:
    """As many lines as there are things to say, whatever they are; the code comes last."""
    try:
        text = dockerfile(
            Recipe(image="a", build_steps=steps, env_vars=variables, lang_env=lang, files=files, user=user)
        )
    except InvalidInput:
        return
    lines = text.removesuffix("\n").split("\n")
    copied = sum(any(name in files for name in names) for names in (KNOWN_FILES[:2], KNOWN_FILES[2:6], KNOWN_FILES[6:]))
    runs = sum(bool(step.strip()) for step in steps) + bool(user) + any(name in files for name in KNOWN_FILES[6:])
    expected = {
        "FROM": 1,
        "ENV": 1 + len(variables) + (3 if lang else 0),
        "WORKDIR": 1,
        "COPY": copied + 1,
        "RUN": runs,
    }
    found = {word: sum(line.startswith(f"{word} ") for line in lines) for word in expected}
    assert found == expected
    assert len(lines) == sum(expected.values())
    assert lines[-1].startswith("COPY ")
