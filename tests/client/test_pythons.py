"""The tracking client on every Python that it promises, with the standard library alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.client.conftest import CLIENT, Script, base_env, finish, managed_env, outside_env
from tests.pythons import interpreter

if TYPE_CHECKING:
    from tests.client.recorder import Recorder


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_scripts_of_both_kinds(recorder: Recorder, script: Script, version: str) -> None:
    python = interpreter(version)
    no_op = "from polyaxon_client.tracking import *\nExperiment().log_metrics(a=1)\nprint('fine')\n"
    assert finish(script(no_op, outside_env(recorder.port, POLYAXON_NO_OP="1"), python)) == (0, "fine\n", "")
    real = "from polyaxon_client.tracking import *\nExperiment().log_metrics(step=1, a=0.5)\n"
    assert finish(script(real, managed_env(recorder.url), python)) == (0, "", "")
    assert [point["values"] for point in recorder.points()] == [{"a": 0.5}]
    life = "from polyaxon_client.tracking import *\nJob('ada/digits').create()\nraise SystemExit(0)\n"
    assert finish(script(life, outside_env(recorder.port), python)) == (0, "", "")
    assert recorder.statuses() == ["running", "succeeded"]


def test_nothing_but_the_standard_library_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys, polyaxon_client.tracking\n"
        "ours = {n.partition('.')[0] for n in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(n for n in ours if not n.startswith(('_', 'sitecustomize', 'usercustomize'))))\n"
        "print(any(n in sys.modules for n in ('http.client', 'ssl', 'email', 'urllib.request')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=base_env(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["['polyaxon_client']", "False"]


def test_few_modules_are_imported(tmp_path: Path) -> None:
    """What makes an import slow is their number; a time would depend on the machine. 150 ms are some 300 of them."""
    code = (
        "import sys; before = len(sys.modules); import polyaxon_client.tracking; print(len(sys.modules) - before)\n"
        "print(sorted(n for n in sys.modules if n.startswith('polyaxon_client')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=base_env(tmp_path), capture_output=True, text=True, check=True
    )
    count, ours = done.stdout.splitlines()
    assert int(count) < 140, ours


def test_dependencies_are_those_of_the_requirements() -> None:
    text = (CLIENT / "pyproject.toml").read_text()
    listed = re.search(r"dependencies = \[(.*?)\]", text, re.DOTALL)
    assert listed is not None
    wanted = (CLIENT.parent / "requirements" / "client.in").read_text().split()
    assert sorted(re.findall(r'"(.+?)"', listed.group(1))) == sorted(wanted)
    from polyaxon_client import __version__

    assert f'version = "{__version__}"' in text
