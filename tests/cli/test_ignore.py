"""`.polyaxonignore`: gitignore's rules, checked against git itself, and the old files' habits."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyaxon_cli.errors import CliError
from polyaxon_cli.ignore import DEFAULT_TEXT, IgnoreRules

TREE = [
    "a.py", "a.pyc", "b.log", "README.md", "#odd", "!odd", "with space.txt",
    "lib/x.py", "src/lib/y.py", "docs/build/index.html", "src/docs/build/z.html", "build/out.o",
    "src/build/keep.o",
    "data/raw/1.csv", "data/keep.csv", "deep/a/b/c/d.txt", "deep/d.txt",
]  # fmt: skip


def make_tree(folder: Path, names: list[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def found_in(folder: Path) -> set[str]:
    entries = IgnoreRules.of_folder(folder).walk(folder)
    return {Path(entry.path).relative_to(folder).as_posix() for entry in entries}


def kept(folder: Path, text: str) -> set[str]:
    (folder / ".polyaxonignore").write_text(text)
    return found_in(folder) - {".polyaxonignore"}


def kept_by_git(folder: Path, text: str) -> set[str]:
    """What `git add` would take, with the letter case ignored as old ignore files expect."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    if not (folder / ".git").exists():
        subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True, env=environment)
        subprocess.run(["git", "config", "core.ignorecase", "true"], cwd=folder, check=True, env=environment)
    (folder / ".git" / "rules").write_text(text)
    command = ["git", "ls-files", "-z", "--others", "--exclude-from=.git/rules"]
    listed = subprocess.run(command, cwd=folder, check=True, env=environment, capture_output=True, text=True).stdout
    return set(filter(None, listed.split("\0"))) - {".polyaxonignore"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    make_tree(folder, TREE)
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "", "# only a comment\n\n", "*.pyc", "*.PYC", "readme.MD", "lib", "lib/", "/lib", "docs/build",
        "/docs/build", "**/build", "build/", "build/*\n!build/out.o", "src/**\n!src/lib",
        "data/*\n!data/keep.csv", "data\n!data/keep.csv", "deep/**/d.txt", "deep/**", "*", "*\n!*.py", "?.py",
        "[ab].*", "[!a].log", "\\#odd", "\\!odd", "with space.txt", "with\\ space.txt", "*.log   ",
        "a.py\n!a.py\na.py", "/*.md", "?/\n!a/", "lib\n!/*/", "build\n!*/", "/lib\n!/*/**", "*/", "**/*/**",
    ],
)  # fmt: skip
def test_the_rules_are_those_of_git(tree: Path, text: str) -> None:
    assert kept(tree, text) == kept_by_git(tree, text)


PIECES = st.sampled_from(["a", "b", "lib", "*", "**", "?", "*.py", "[ab]", "docs", "build", "deep", "d.txt"])
LINES = st.builds(
    lambda negated, top, parts, folder: f"{negated}{top}{'/'.join(parts)}{folder}",
    st.sampled_from(["", "!"]), st.sampled_from(["", "/"]), st.lists(PIECES, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)  # fmt: skip


# `dir/**/` (folders only, below dir) is the one form where the pattern library is known to differ from git.
LINES = LINES.filter(lambda line: not line.endswith("**/"))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(LINES, max_size=4))
def test_any_list_of_patterns_means_what_it_means_to_git(tree: Path, lines: list[str]) -> None:
    text = "\n".join(lines)
    assert kept(tree, text) == kept_by_git(tree, text)


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [("./lib", {"lib/x.py"}), ("./docs/build", {"docs/build/index.html"}), ("./a.py", {"a.py"})],
)
def test_old_patterns_from_the_top(tree: Path, pattern: str, gone: set[str]) -> None:
    assert set(TREE) - kept(tree, pattern) == gone


def test_an_old_pattern_can_be_taken_back(tree: Path) -> None:
    assert set(TREE) - kept(tree, "*.py\n!./a.py") == {"lib/x.py", "src/lib/y.py"}


def test_without_a_file_nothing_is_ignored_but_gits_data_and_the_tools_state(tmp_path: Path) -> None:
    make_tree(tmp_path, ["a.pyc", ".git/config", ".polyaxon/.polyaxonproject", "sub/.hidden"])
    assert found_in(tmp_path) == {"a.pyc", "sub/.hidden"}


def test_the_default_file_leaves_out_what_it_lists(tmp_path: Path) -> None:
    ignored = [
        "lib/a",
        "lib64/a",
        "eggs/a",
        ".eggs/a",
        "parts/a",
        "sdist/a",
        "var/a",
        "x.pyc",
        ".x.swp",
        ".DS_Store",
    ]
    make_tree(tmp_path, [*ignored, ".venv/a", "sub/__pycache__/a", "train.py", "data/x.csv"])
    assert kept(tmp_path, DEFAULT_TEXT) == {"train.py", "data/x.csv"}


def test_an_ignore_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".polyaxonignore").write_bytes(b"\xff\xfe")
    with pytest.raises(CliError, match="polyaxonignore"):
        IgnoreRules.of_folder(tmp_path)
