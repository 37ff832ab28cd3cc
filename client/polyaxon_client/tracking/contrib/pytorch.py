"""PyTorch without a trainer: counts steps, and keeps checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.contrib.common import framework, report, run_of

if TYPE_CHECKING:
    from polyaxon_client.tracking.experiment import Experiment


class PolyaxonTorch:
    """For training loops of one's own.

    Args:
        experiment: where to report to.
        every: log one step of so many; reading a tensor waits for its device.
    """

    def __init__(self, experiment: Experiment | None = None, every: int = 1) -> None:
        self.experiment = run_of(experiment)
        self.every = max(1, every)
        self.step = 0

    def log(self, **metrics: Any) -> None:
        """Log values, numbers or tensors of one element, of the next step."""
        if self.step % self.every == 0:
            report(self.experiment, metrics, self.step)
        self.step += 1

    def log_gradients(self, model: Any) -> None:
        """Log the norm of all gradients of ``model``, after the backward pass of a step."""
        if self.experiment is None or self.step % self.every:
            return
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        total = sum(float(gradient.detach().norm()) ** 2 for gradient in gradients)
        report(self.experiment, {"gradient_norm": total**0.5}, self.step)

    def checkpoint(self, path: str | Path, **state: Any) -> None:
        """Save ``state``, of which modules and optimizers are taken by their ``state_dict``, and keep the file."""
        saved = {name: value.state_dict() if hasattr(value, "state_dict") else value for name, value in state.items()}
        framework("torch").save(saved, path)
        if self.experiment is not None:
            self.experiment.log_checkpoint(path, step=self.step)
