"""Tracking from a notebook, whose kernel a real Jupyter runs."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.client.conftest import base_env, managed_env
from tests.environments import environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.recorder import Recorder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CELLS = (
    "from polyaxon_client.tracking import Experiment\nexperiment = Experiment()",
    "for step in range(3):\n    experiment.log_metrics(step=step, loss=1 / (step + 1))",
    # Jupyter kills a kernel some seconds after its last cell; whoever must be sure says so.
    "experiment.log_params(lr=0.1)\nassert experiment.flush(60)",
)


def notebook(path: Path) -> Path:
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**empty, "id": f"c{number}", "source": text} for number, text in enumerate(CELLS)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(whole))
    return path


def test_what_cells_log_arrives(recorder: Recorder, tmp_path: Path) -> None:
    programs = environment("notebook")
    env = {**base_env(tmp_path), **managed_env(recorder.url), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [programs / "jupyter-execute", notebook(tmp_path / "train.ipynb")],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    points = [(point["step"], point["values"]["loss"]) for point in recorder.points()]
    assert points == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    sent = [asked.json for asked in recorder.of("PATCH", "experiments/12/")]
    assert {"lr": 0.1} in [each.get("params") for each in sent]
    assert [each["run_env"]["is_notebook"] for each in sent if "run_env" in each] == [True]
