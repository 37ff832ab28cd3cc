"""Train a small neural network on scikit-learn's bundled handwritten digits and track how it goes.

Runs as it is on any machine (outputs go to `./outputs`), and tracked when the platform starts it. A run that
was interrupted goes on from its last checkpoint.

    python train.py --lr 0.01 --hidden 32
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from polyaxon_client.exceptions import PolyaxonClientException
from polyaxon_client.tracking import Experiment, get_outputs_path


class Data(NamedTuple):
    """Pixels scaled to 0..1, shape (n, 64), and the digits 0..9, shape (n,)."""

    x_train: np.ndarray
    x_valid: np.ndarray
    y_train: np.ndarray
    y_valid: np.ndarray


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lr", type=float, default=0.005, help="initial learning rate of Adam")
    parser.add_argument("--hidden", type=int, default=32, help="units of the hidden layer")
    parser.add_argument("--alpha", type=float, default=0.0001, help="strength of the L2 penalty")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def load_data(seed: int) -> Data:
    digits = load_digits()
    x_train, x_valid, y_train, y_valid = train_test_split(
        digits.data / 16.0, digits.target, test_size=0.25, random_state=seed, stratify=digits.target
    )
    return Data(x_train, x_valid, y_train, y_valid)


def new_model(args: argparse.Namespace) -> MLPClassifier:
    return MLPClassifier(
        hidden_layer_sizes=(args.hidden,),
        learning_rate_init=args.lr,
        alpha=args.alpha,
        batch_size=args.batch_size,
        random_state=args.seed,
    )


def save(value: Any, path: Path) -> None:
    """Write a file in one step, so that an interruption never leaves half of it."""
    partial = path.with_suffix(".part")
    joblib.dump(value, partial)
    partial.replace(path)


def load_checkpoint(path: Path, args: argparse.Namespace) -> tuple[MLPClassifier, int]:
    """The model and the epochs it has seen; a new one without a checkpoint of these settings."""
    if path.exists():
        checkpoint = joblib.load(path)
        if checkpoint["args"] == settings(args):
            print(f"resuming after epoch {checkpoint['epoch']}", flush=True)
            return checkpoint["model"], checkpoint["epoch"]
    return new_model(args), 0


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """What makes two trainings the same one; more epochs only make it longer."""
    return {name: value for name, value in vars(args).items() if name != "epochs"}


def draw_confusion(model: MLPClassifier, data: Data, path: Path) -> None:
    """The confusion matrix of the validation set as a picture."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and needed only at the end

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    matrix = confusion_matrix(data.y_valid, model.predict(data.x_valid))
    figure, axes = plt.subplots(figsize=(5, 5))
    axes.imshow(matrix, cmap="Blues")
    axes.set(xlabel="predicted digit", ylabel="true digit", xticks=range(10), yticks=range(10))
    for (row, column), count in np.ndenumerate(matrix):
        axes.text(column, row, str(count), ha="center", va="center", color="white" if count > 25 else "black")
    figure.tight_layout()
    partial = path.with_suffix(".part.png")
    figure.savefig(partial)
    plt.close(figure)
    partial.replace(path)


def outputs_folder() -> Path:
    """The run's own folder, or `./outputs` when nobody tracks."""
    try:
        path = Path(get_outputs_path() or "outputs")
    except PolyaxonClientException:
        path = Path("outputs")
    path.mkdir(parents=True, exist_ok=True)
    return path


def tracked_experiment() -> Experiment | None:
    """This run on the platform; `None` when the script was started by hand."""
    return Experiment() if os.environ.get("POLYAXON_EXPERIMENT_INFO") else None


def train(args: argparse.Namespace, experiment: Experiment | None, outputs: Path) -> float:
    data = load_data(args.seed)
    model, done = load_checkpoint(outputs / "checkpoint.joblib", args)
    accuracy = accuracy_score(data.y_valid, model.predict(data.x_valid)) if done else 0.0
    for epoch in range(done + 1, args.epochs + 1):
        started = time.perf_counter()
        # Seeded per epoch, so that a resumed run ends where an uninterrupted one does.
        order = np.random.default_rng([args.seed, epoch]).permutation(len(data.x_train))
        model.partial_fit(data.x_train[order], data.y_train[order], classes=np.arange(10))
        probabilities = model.predict_proba(data.x_valid)
        accuracy = accuracy_score(data.y_valid, probabilities.argmax(axis=1))
        valid_loss = log_loss(data.y_valid, probabilities, labels=range(10))
        if experiment is not None:
            experiment.log_metrics(step=epoch, loss=model.loss_, valid_loss=valid_loss, accuracy=accuracy)
        save({"model": model, "epoch": epoch, "args": settings(args)}, outputs / "checkpoint.joblib")
        took = time.perf_counter() - started
        print(
            f"epoch {epoch:>2}/{args.epochs}  loss {model.loss_:.4f}  valid_loss {valid_loss:.4f}"
            f"  accuracy {accuracy:.4f}  ({took:.2f} s)",
            flush=True,
        )
    save(model, outputs / "model.joblib")
    draw_confusion(model, data, outputs / "confusion_matrix.png")
    return float(accuracy)


def main() -> None:
    args = parse_args()
    outputs = outputs_folder()
    experiment = tracked_experiment()
    if experiment is not None:
        experiment.log_params(**vars(args))
        experiment.log_data_ref("sklearn.datasets.load_digits", data_name="digits")
    accuracy = train(args, experiment, outputs)
    print(f"done: accuracy {accuracy:.4f}, model and confusion matrix in {outputs}", flush=True)


if __name__ == "__main__":
    main()
