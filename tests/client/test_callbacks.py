"""Callbacks with the real frameworks: each one trains, and what it reported is looked at."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.client.conftest import Script, base_env, finish, managed_env
from tests.client.frameworks import Python, python_with_frameworks, python_with_torch

if TYPE_CHECKING:
    from tests.client.recorder import Recorder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CONTRIB = Path(__file__).resolve().parents[2] / "client" / "polyaxon_client" / "tracking" / "contrib"


@pytest.fixture(scope="session")
def python() -> Python:
    return python_with_frameworks()


@pytest.fixture(scope="session")
def torch() -> Python:
    return python_with_torch()


def run(
    recorder: Recorder, script: Script, python: Python, code: str, outputs: Path | None = None
) -> list[dict[str, Any]]:
    """The points that the script logs inside of a run."""
    more = {"POLYAXON_RUN_OUTPUTS_PATH": str(outputs)} if outputs else {}
    env = managed_env(recorder.url, KERAS_BACKEND="jax", CUDA_VISIBLE_DEVICES="", **more, **python.environment)
    status, out, err = finish(script(code, env, python.program), timeout=300)
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


def test_keras(recorder: Recorder, script: Script, python: Python, tmp_path: Path) -> None:
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


def test_xgboost(recorder: Recorder, script: Script, python: Python, tmp_path: Path) -> None:
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


def test_lightgbm(recorder: Recorder, script: Script, python: Python) -> None:
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


def test_optuna(recorder: Recorder, script: Script, python: Python) -> None:
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


def test_scikit_learn(recorder: Recorder, script: Script, python: Python, tmp_path: Path) -> None:
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


def test_transformers(recorder: Recorder, script: Script, python: Python, tmp_path: Path) -> None:
    """A newer release than the one that trains below, with the handler through which its trainer calls."""
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


# Debian's PyTorch has a part for several machines that its Python refuses to load.
TORCH = """
import torch
torch.distributed.is_available = lambda: False
from torch.utils.data import DataLoader, TensorDataset
from polyaxon_client.tracking import Experiment
experiment = Experiment(track_env=False)
torch.manual_seed(1)
X = torch.randn(64, 4)
y = X.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(X, y), batch_size=16)
"""


def test_loops_of_pytorch(recorder: Recorder, script: Script, torch: Python, tmp_path: Path) -> None:
    code = (
        TORCH
        + """
import json
from polyaxon_client.tracking.contrib.pytorch import PolyaxonTorch
tracker = PolyaxonTorch(experiment, every=2)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
seen = []
for epoch in range(3):
    for inputs, wanted in loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), wanted)
        loss.backward()
        seen.append((loss.item(), torch.nn.utils.clip_grad_norm_(model.parameters(), 1e9).item()))
        tracker.log_gradients(model)
        tracker.log(loss=loss, text="no number")
        optimizer.step()
tracker.checkpoint("weights.pt", model=model, optimizer=optimizer, epoch=epoch)
kept = torch.load("weights.pt")
torch.nn.Linear(4, 1).load_state_dict(kept["model"])
assert kept["epoch"] == 2 and "param_groups" in kept["optimizer"]
json.dump(seen, open("seen.json", "w"))
"""
    )
    points = run(recorder, script, torch, code, tmp_path / "out")
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert [step for step, _ in series(points, "loss")] == [0, 2, 4, 6, 8, 10]
    assert [value for _, value in series(points, "loss")] == [loss for loss, _ in seen[::2]]
    norms = [value for _, value in series(points, "gradient_norm")]
    assert norms == pytest.approx([norm for _, norm in seen[::2]], rel=1e-5)
    assert not series(points, "text")
    assert (tmp_path / "out" / "weights.pt").exists()


def test_workers_of_a_data_loader(recorder: Recorder, script: Script, torch: Python) -> None:
    """What the processes log that read the data arrives, too, without a word of theirs at their end."""
    code = (
        TORCH
        + """
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 8
    def __getitem__(self, index):
        experiment.log_metrics(step=index, read=float(index))
        return X[index]
for number, batch in enumerate(DataLoader(Data(), batch_size=2, num_workers=2)):
    experiment.log_metrics(step=number, taken=batch.shape[0])
"""
    )
    points = run(recorder, script, torch, code)
    assert sorted(series(points, "read")) == [(index, float(index)) for index in range(8)]
    assert series(points, "taken") == [(number, 2) for number in range(4)]


def test_lightning(recorder: Recorder, script: Script, torch: Python, tmp_path: Path) -> None:
    code = (
        TORCH
        + """
import pytorch_lightning
from pytorch_lightning.callbacks import ModelCheckpoint
from polyaxon_client.tracking.contrib.lightning import PolyaxonLogger
class Model(pytorch_lightning.LightningModule):
    def __init__(self, lr):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, index):
        loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
        self.log("loss", loss)
        return loss
    def validation_step(self, batch, index):
        self.log("val_loss", torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1]))
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)
logger = PolyaxonLogger(experiment)
assert isinstance(logger, pytorch_lightning.loggers.Logger)
trainer = pytorch_lightning.Trainer(max_epochs=3, logger=logger, callbacks=[ModelCheckpoint("kept")], accelerator="cpu",
    log_every_n_steps=2, enable_progress_bar=False, enable_model_summary=False)
trainer.fit(Model(0.1), loader, loader)
assert (logger.name, logger.version) == ("polyaxon", 12)
"""
    )
    points = run(recorder, script, torch, code, tmp_path / "out")
    assert [step for step, _ in series(points, "loss")] == [1, 3, 5, 7, 9, 11]
    losses = series(points, "val_loss")
    assert [step for step, _ in losses] == [3, 7, 11]
    assert losses[2][1] < losses[0][1]
    assert params(recorder) == {"lr": 0.1}
    # Each one that was saved, also those that the trainer has removed since.
    kept = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert kept == ["epoch=0-step=4.ckpt", "epoch=1-step=8.ckpt", "epoch=2-step=12.ckpt"]
    assert [path.name for path in (tmp_path / "kept").iterdir()] == kept[2:]


def test_training_with_transformers(recorder: Recorder, script: Script, torch: Python, tmp_path: Path) -> None:
    code = (
        TORCH
        + """
from transformers import Trainer, TrainingArguments
from polyaxon_client.tracking.contrib.transformers import PolyaxonTransformers
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def forward(self, x, labels):
        found = self.layer(x)[:, 0]
        return {"loss": torch.nn.functional.mse_loss(found, labels), "logits": found}
data = [{"x": row, "labels": row.sum()} for row in X]
arguments = TrainingArguments("runs", num_train_epochs=2, per_device_train_batch_size=16, learning_rate=0.1,
    logging_steps=2, save_steps=4, eval_strategy="epoch", report_to=[], disable_tqdm=True, use_cpu=True)
callback = PolyaxonTransformers(experiment, log_checkpoints=True)
Trainer(Model(), arguments, train_dataset=data, eval_dataset=data, callbacks=[callback]).train()
"""
    )
    points = run(recorder, script, torch, code, tmp_path / "out")
    assert [step for step, _ in series(points, "loss")] == [2, 4, 6, 8]
    losses = series(points, "eval_loss")
    assert [step for step, _ in losses] == [4, 8]
    assert losses[1][1] < losses[0][1]
    told = params(recorder)
    assert (told["learning_rate"], told["num_train_epochs"]) == (0.1, 2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checkpoint-4", "checkpoint-8"]


def test_fastai_1(recorder: Recorder, script: Script, torch: Python, tmp_path: Path) -> None:
    code = (
        TORCH
        + """
import json
from fastai.basic_data import DataBunch
from fastai.basic_train import Learner
from fastai.metrics import root_mean_squared_error
from polyaxon_client.tracking.contrib.fastai import PolyaxonFastai
loader = DataLoader(loader.dataset, batch_size=16)  # fastai looks into those that are made after its import
data = DataBunch(loader, loader, device=torch.device("cpu"))
loss = torch.nn.functional.mse_loss
learn = Learner(data, torch.nn.Linear(4, 1), loss_func=loss, metrics=[root_mean_squared_error])
learn.fit(3, 0.1, callbacks=[PolyaxonFastai(learn, experiment, monitor="valid_loss")])
json.dump([float(value) for value in learn.recorder.val_losses], open("seen.json", "w"))
"""
    )
    points = run(recorder, script, torch, code)
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert series(points, "valid_loss") == [(step, pytest.approx(value)) for step, value in enumerate(seen)]
    assert seen[2] < seen[0]
    assert {"train_loss", "root_mean_squared_error"} <= set(points[0]["values"])


def test_the_hook_of_tensorflow_1(recorder: Recorder, script: Script, python: Python) -> None:
    """In the sessions of TensorFlow 1, as version 2 still has them."""
    code = """
import tensorflow.compat.v1 as tf
from polyaxon_client.tracking import Experiment
from polyaxon_client.tracking.contrib.logging_tensor_hook import PolyaxonLoggingTensorHook
assert issubclass(PolyaxonLoggingTensorHook, tf.train.LoggingTensorHook)
experiment = Experiment(track_env=False)
with tf.Graph().as_default():
    step = tf.train.get_or_create_global_step()
    weight = tf.get_variable("w", initializer=4.0)
    loss = tf.square(weight, name="loss")
    train = tf.train.GradientDescentOptimizer(0.25).minimize(loss, step)
    hook = PolyaxonLoggingTensorHook({"loss": loss}, experiment, every_n_iter=2)
    with tf.train.MonitoredTrainingSession(hooks=[hook, tf.train.StopAtStepHook(5)]) as session:
        while not session.should_stop():
            session.run(train)
"""
    losses = [value for _, value in series(run(recorder, script, python, code), "loss")]
    assert len(losses) == 3
    assert losses == sorted(losses, reverse=True)
    assert losses[0] in {16.0, 4.0}


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
    code = """
from polyaxon_client.tracking.contrib.pytorch import PolyaxonTorch
tracker = PolyaxonTorch()
tracker.log(loss=0.5)
assert tracker.experiment is None
"""
    assert finish(script(code, {})) == (0, "", "")
