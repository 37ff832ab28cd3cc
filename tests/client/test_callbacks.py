"""Callbacks with the real frameworks, in an environment that has them; of the largest, the published interface."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.client.conftest import Script, base_env, finish, managed_env
from tests.client.frameworks import python_with_frameworks

if TYPE_CHECKING:
    from tests.client.recorder import Recorder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CONTRIB = Path(__file__).resolve().parents[2] / "client" / "polyaxon_client" / "tracking" / "contrib"


@pytest.fixture(scope="session")
def python() -> str:
    return python_with_frameworks()


def run(
    recorder: Recorder, script: Script, python: str, code: str, outputs: Path | None = None
) -> list[dict[str, Any]]:
    """The points that the script logs inside of a run."""
    more = {"POLYAXON_RUN_OUTPUTS_PATH": str(outputs)} if outputs else {}
    env = managed_env(recorder.url, KERAS_BACKEND="jax", CUDA_VISIBLE_DEVICES="", **more)
    status, out, err = finish(script(code, env, python), timeout=300)
    assert status == 0, out + err
    return recorder.points()


def series(points: list[dict[str, Any]], name: str) -> list[tuple[int | None, float]]:
    return [(point.get("step"), point["values"][name]) for point in points if name in point["values"]]


def params(recorder: Recorder) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for asked in recorder.of("PATCH", "experiments/12/"):
        found |= asked.json.get("params", {})
    return found


DATA = """
import numpy as np
from polyaxon_client.tracking import Experiment
experiment = Experiment(track_env=False)
random = np.random.default_rng(1)
X = random.normal(size=(200, 4))
y = (X[:, 0] + X[:, 1] > 0).astype("int32")
"""


def test_keras(recorder: Recorder, script: Script, python: str, tmp_path: Path) -> None:
    code = (
        DATA
        + """
import keras
from polyaxon_client.tracking.contrib.keras import PolyaxonKeras, PolyaxonModelCheckpoint
assert issubclass(PolyaxonKeras, keras.callbacks.Callback)
model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
model.compile(loss="binary_crossentropy", metrics=["accuracy"])
callbacks = [PolyaxonKeras(experiment), PolyaxonModelCheckpoint(experiment, "best-{epoch}.keras")]
history = model.fit(X, y, epochs=3, validation_split=0.2, callbacks=callbacks, verbose=0).history
import json
print(json.dumps(history["loss"]))
only = PolyaxonKeras(metrics=["loss"])
model.fit(X, y, epochs=1, callbacks=[only], verbose=0)
"""
    )
    points = run(recorder, script, python, code, tmp_path / "out")
    assert [step for step, _ in series(points, "val_accuracy")] == [0, 1, 2]
    losses = series(points, "loss")
    assert [step for step, _ in losses] == [0, 1, 2, 0]
    assert losses[2][1] < losses[0][1]
    assert set(points[-1]["values"]) == {"loss"}
    kept = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert kept == ["best-1.keras", "best-2.keras", "best-3.keras"]


def test_xgboost(recorder: Recorder, script: Script, python: str, tmp_path: Path) -> None:
    code = (
        DATA
        + """
import xgboost
from polyaxon_client.tracking.contrib.xgboost import PolyaxonXGBoost
data = xgboost.DMatrix(X, y)
settings = {"objective": "binary:logistic", "eval_metric": ["logloss", "error"], "nthread": 1}
xgboost.train(settings, data, 5, evals=[(data, "train")], callbacks=[PolyaxonXGBoost(experiment, "model.json")],
    early_stopping_rounds=3, verbose_eval=False)
xgboost.cv(settings, data, 2, nfold=2, callbacks=[PolyaxonXGBoost(experiment)])
"""
    )
    points = run(recorder, script, python, code, tmp_path / "out")
    losses = series(points, "train-logloss")
    assert [step for step, _ in losses] == [0, 1, 2, 3, 4, 0, 1]
    assert losses[4][1] < losses[0][1]
    assert series(points, "best_iteration") == [(None, 4.0)]
    assert [step for step, _ in series(points, "test-error")] == [0, 1]
    assert (tmp_path / "out" / "model.json").exists()


def test_lightgbm(recorder: Recorder, script: Script, python: str) -> None:
    code = (
        DATA
        + """
import lightgbm
from polyaxon_client.tracking.contrib.lightgbm import PolyaxonLightGBM
data = lightgbm.Dataset(X, y)
settings = {"objective": "binary", "metric": "binary_logloss", "verbose": -1, "num_threads": 1}
lightgbm.train(settings, data, 4, valid_sets=[data], valid_names=["train"], callbacks=[PolyaxonLightGBM(experiment)])
lightgbm.LGBMClassifier(n_estimators=2, verbose=-1, n_jobs=1).fit(
    X, y, eval_set=[(X, y)], callbacks=[PolyaxonLightGBM()])
"""
    )
    points = run(recorder, script, python, code)
    losses = series(points, "train-binary_logloss")
    assert [step for step, _ in losses] == [0, 1, 2, 3]
    assert losses[3][1] < losses[0][1]
    assert [step for step, _ in series(points, "training-binary_logloss")] == [0, 1]


def test_optuna(recorder: Recorder, script: Script, python: str) -> None:
    code = """
import optuna
from polyaxon_client.tracking import Experiment
from polyaxon_client.tracking.contrib.optuna import PolyaxonOptuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
experiment = Experiment(track_env=False)
def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    trial.suggest_categorical("kind", ["a", "b"])
    if trial.number == 1:
        raise optuna.TrialPruned
    return x * x
study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
study.optimize(objective, n_trials=5, callbacks=[PolyaxonOptuna(experiment, "loss")])
several = optuna.create_study(directions=["minimize", "maximize"])
several.optimize(lambda trial: (1.0, 2.0), n_trials=1, callbacks=[PolyaxonOptuna(experiment, "goal")])
"""
    points = run(recorder, script, python, code)
    losses = series(points, "loss")
    assert [step for step, _ in losses] == [0, 2, 3, 4]
    xs = dict(series(points, "params/x"))
    assert all(math.isclose(value, xs[step] ** 2) for step, value in losses)
    assert series(points, "best_loss")[-1][1] == min(value for _, value in losses)
    assert params(recorder)["x"] ** 2 == pytest.approx(min(value for _, value in losses))
    assert (series(points, "goal_0"), series(points, "goal_1")) == ([(0, 1.0)], [(0, 2.0)])


def test_scikit_learn(recorder: Recorder, script: Script, python: str, tmp_path: Path) -> None:
    code = (
        DATA
        + """
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from polyaxon_client.tracking.contrib import sklearn as contrib
scores = contrib.log_estimator(LogisticRegression(C=0.5).fit(X, y), X, y, experiment, prefix="test_")
assert scores["test_accuracy"] > 0.9
contrib.log_estimator(LinearRegression().fit(X, X[:, 0] * 2), X, X[:, 0] * 2, experiment)
contrib.log_estimator(KMeans(2, n_init=1, random_state=1).fit(X), X, None, experiment)
search = GridSearchCV(LogisticRegression(), {"C": [0.1, 10.0]}).fit(X, y)
contrib.log_search(search, experiment)
contrib.log_estimator_file(search.best_estimator_, "model.joblib", experiment)
"""
    )
    points = run(recorder, script, python, code, tmp_path / "out")
    assert set(points[0]["values"]) == {"test_accuracy", "test_precision", "test_recall", "test_f1"}
    assert points[1]["values"]["r2"] == pytest.approx(1.0)
    assert set(points[2]["values"]) == {"score"}
    assert params(recorder)["C"] in {0.1, 10.0}
    table = (tmp_path / "out" / "tables" / "cv_results.csv").read_text().splitlines()
    assert len(table) == 3
    assert "mean_test_score" in table[0]
    assert (tmp_path / "out" / "model.joblib").exists()


def test_transformers(recorder: Recorder, script: Script, python: str, tmp_path: Path) -> None:
    """With the handler through which the trainer itself calls; training would need PyTorch."""
    code = """
import os
from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_callback import CallbackHandler
from polyaxon_client.tracking import Experiment
from polyaxon_client.tracking.contrib.transformers import PolyaxonTransformers
experiment = Experiment(track_env=False)
class Arguments:
    output_dir = "runs"
    def to_dict(self):
        return {"learning_rate": 0.1, "output_dir": self.output_dir, "nested": {"a": 1}}
callback = PolyaxonTransformers(experiment, log_checkpoints=True)
assert isinstance(callback, TrainerCallback)
handler = CallbackHandler([callback], None, None, None, None)
args, state, control = Arguments(), TrainerState(global_step=7), TrainerControl()
handler.on_train_begin(args, state, control)
handler.on_log(args, state, control, {"loss": 0.5, "epoch": 1.0, "step": 3, "note": "text"})
os.makedirs("runs/checkpoint-7")
open("runs/checkpoint-7/weights", "w").write("w")
handler.on_save(args, state, control)
handler.on_train_end(args, state, control)
"""
    points = run(recorder, script, python, code, tmp_path / "out")
    assert [(point["step"], point["values"]) for point in points] == [(7, {"loss": 0.5, "epoch": 1.0, "step_": 3})]
    assert params(recorder) == {"learning_rate": 0.1, "output_dir": "runs", "nested": "{'a': 1}"}
    assert (tmp_path / "out" / "checkpoint-7" / "weights").exists()


LIGHTNING = """
import sys, types
from argparse import Namespace
class Logger:
    def after_save_checkpoint(self, checkpoint_callback): pass
def only(call): return call
for name in ("pytorch_lightning", "pytorch_lightning.loggers", "pytorch_lightning.utilities"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["pytorch_lightning.loggers"].Logger = Logger
sys.modules["pytorch_lightning.utilities"].rank_zero_only = only
from polyaxon_client.tracking import Experiment
from polyaxon_client.tracking.contrib.lightning import PolyaxonLogger
logger = PolyaxonLogger()
assert isinstance(logger, Logger) and logger.name == "polyaxon" and logger.version == 12
logger.log_hyperparams(Namespace(lr=0.1))
logger.log_hyperparams({"layers": 2})
logger.log_metrics({"loss": 0.5, "epoch": 0}, step=3)
open("last.ckpt", "w").write("w")
saved = types.SimpleNamespace(last_model_path="", best_model_path="last.ckpt")
logger.after_save_checkpoint(saved); logger.after_save_checkpoint(saved)
logger.finalize("success")
"""
TORCH = """
import sys, types
class Tensor:
    def __init__(self, value): self.value = value
    def item(self): return self.value
    def numel(self): return 1
    def detach(self): return self
    def norm(self): return self.value
torch = types.ModuleType("torch")
torch.save = lambda state, path: open(path, "w").write(repr(state))
sys.modules["torch"] = torch
from polyaxon_client.tracking.contrib.pytorch import PolyaxonTorch
tracker = PolyaxonTorch(every=2)
parameters = [types.SimpleNamespace(grad=Tensor(3.0)), types.SimpleNamespace(grad=Tensor(4.0)),
    types.SimpleNamespace(grad=None)]
model = types.SimpleNamespace(parameters=lambda: parameters, state_dict=lambda: {"w": 1})
for step in range(5):
    tracker.log_gradients(model)
    tracker.log(loss=Tensor(0.5 * step), text="no number")
tracker.checkpoint("weights.pt", model=model, epoch=1)
"""


def test_the_interface_of_lightning(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    points = run(recorder, script, sys.executable, LIGHTNING, tmp_path / "out")
    assert [(point["step"], point["values"]) for point in points] == [(3, {"loss": 0.5, "epoch": 0})]
    assert params(recorder) == {"lr": 0.1, "layers": 2}
    assert (tmp_path / "out" / "last.ckpt").exists()


def test_loops_of_pytorch(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    points = run(recorder, script, sys.executable, TORCH, tmp_path / "out")
    assert series(points, "loss") == [(0, 0.0), (2, 1.0), (4, 2.0)]
    assert series(points, "gradient_norm") == [(0, 5.0), (2, 5.0), (4, 5.0)]
    assert (tmp_path / "out" / "weights.pt").read_text() == "{'model': {'w': 1}, 'epoch': 1}"


FASTAI = """
import sys, types
class TrackerCallback:
    def __init__(self, learn, monitor="val_loss", mode="auto"):
        self.learn, self.monitor, self.mode = learn, monitor, mode
class LoggingTensorHook:
    def __init__(self, tensors, every_n_iter=None, every_n_secs=None):
        self._tag_order = sorted(tensors)
    def _log_tensors(self, values):
        self.printed = values
for name in ("fastai", "fastai.callbacks", "fastai.callbacks.tracker", "tensorflow", "tensorflow.compat",
        "tensorflow.compat.v1"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["fastai.callbacks.tracker"].TrackerCallback = TrackerCallback
sys.modules["tensorflow.compat.v1"].train = types.SimpleNamespace(LoggingTensorHook=LoggingTensorHook)
from polyaxon_client.tracking.contrib.fastai import PolyaxonFastai
from polyaxon_client.tracking.contrib.logging_tensor_hook import PolyaxonLoggingTensorHook
learn = types.SimpleNamespace(recorder=types.SimpleNamespace(names=["epoch", "train_loss", "valid_loss", "time"]))
PolyaxonFastai(learn, monitor="valid_loss").on_epoch_end(2, 0.5, [0.75])
hook = PolyaxonLoggingTensorHook({"loss": "loss:0"}, every_n_iter=1)
hook._log_tensors({"loss": 0.25})
assert hook.printed == {"loss": 0.25}
"""


def test_the_interfaces_of_fastai_1_and_tensorflow_1(recorder: Recorder, script: Script) -> None:
    points = run(recorder, script, sys.executable, FASTAI)
    assert [point["values"] for point in points] == [{"train_loss": 0.5, "valid_loss": 0.75}, {"loss": 0.25}]


def test_importing_callbacks_imports_no_framework(tmp_path: Path) -> None:
    names = sorted(path.stem for path in CONTRIB.glob("*.py") if path.stem != "__init__")
    assert len(names) >= 11
    code = "import sys\n" + "".join(f"import polyaxon_client.tracking.contrib.{name}\n" for name in names)
    code += (
        "ours = {n.partition('.')[0] for n in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(n for n in ours if not n.startswith('_')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=base_env(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout == "['polyaxon_client']\n"


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [("keras", "PolyaxonKeras", "needs keras"), ("lightning", "PolyaxonLogger", "needs lightning")],
)
def test_a_missing_framework_is_one_clear_error(script: Script, module: str, name: str, said: str) -> None:
    code = f"from polyaxon_client.tracking.contrib.{module} import {name}\n"
    status, _, err = finish(script(code, {}))
    assert status == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith("polyaxon_client.exceptions.PolyaxonClientException: this callback " + said)


def test_outside_of_a_run_callbacks_do_nothing(script: Script) -> None:
    code = TORCH + "assert tracker.experiment is None\n"
    assert finish(script(code, {})) == (0, "", "")
