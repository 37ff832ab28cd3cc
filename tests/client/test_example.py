"""The digits example as a run of the platform."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.client.conftest import CLIENT, base_env, managed_env

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.recorder import Recorder

EXAMPLE = CLIENT.parent / "examples" / "digits"
EPOCH_BEGINS = "        started = time.perf_counter()\n"


def start(recorder: Recorder, folder: Path, *args: str, pause: float = 0.0) -> subprocess.Popen[str]:
    """The script in a work folder of its own, outputs going to ``folder/outputs``; with a pause in each epoch."""
    work = folder / "work"
    shutil.copytree(EXAMPLE, work, dirs_exist_ok=True)
    text = (work / "train.py").read_text()
    assert EPOCH_BEGINS in text
    (work / "train.py").write_text(text.replace(EPOCH_BEGINS, f"{EPOCH_BEGINS}        time.sleep({pause})\n"))
    env = {
        **base_env(folder),
        **managed_env(recorder.url, POLYAXON_RUN_OUTPUTS_PATH=str(folder / "outputs")),
        "OMP_NUM_THREADS": "1",
        "MPLCONFIGDIR": str(folder / "mpl"),
    }
    return subprocess.Popen([sys.executable, "train.py", *args], cwd=work, env=env, stdout=subprocess.PIPE, text=True)


def test_it_tracks_and_leaves_its_files(recorder: Recorder, tmp_path: Path) -> None:
    process = start(recorder, tmp_path, "--epochs", "3", "--lr", "0.01")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [line.split()[1] for line in out.splitlines() if line.startswith("epoch")] == ["1/3", "2/3", "3/3"]
    points = recorder.points()
    assert [point["step"] for point in points] == [1, 2, 3]
    assert all({"loss", "accuracy"} <= set(point["values"]) for point in points)
    assert points[-1]["values"]["accuracy"] > 0.7
    params = [one.json["params"] for one in recorder.of("PATCH", "/12/") if "params" in one.json]
    assert params[0]["lr"] == 0.01
    files = sorted(path.name for path in (tmp_path / "outputs").iterdir())
    assert files == ["checkpoint.joblib", "confusion_matrix.png", "model.joblib"]
    assert (tmp_path / "outputs" / "confusion_matrix.png").read_bytes().startswith(b"\x89PNG")


def last_accuracy(out: str) -> str:
    return out.splitlines()[-1].partition("accuracy ")[2].partition(",")[0]


@pytest.mark.slow
def test_an_interrupted_run_resumes_to_the_same_result(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole, _ = start(recorder, tmp_path / "a", "--epochs", "40").communicate(timeout=60)
    # An epoch takes milliseconds; whoever kills the training needs longer.
    process = start(recorder, tmp_path / "b", "--epochs", "40", pause=0.15)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch  5"):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate(timeout=60)
    resumed, _ = start(recorder, tmp_path / "b", "--epochs", "40").communicate(timeout=60)
    assert resumed.startswith("resuming after epoch")
    assert last_accuracy(resumed) == last_accuracy(whole)
    assert not list((tmp_path / "b" / "outputs").glob("*.part*"))


@pytest.mark.parametrize("name", ["polyaxonfile.yaml", "search.yaml"])
def test_the_files_are_valid(name: str) -> None:
    import polyaxon_schemas

    spec = polyaxon_schemas.parse(polyaxon_schemas.read(EXAMPLE / name))
    if name == "search.yaml":
        assert spec.kind == "group"
        assert spec.hptuning is not None
        assert (spec.hptuning.concurrency, spec.hptuning.seed) == (2, 7)
        return
    command = spec.render({"lr": 0.5}).command
    assert command.startswith("python train.py --lr=0.5 --hidden=32 ")
