"""XGBoost: a callback of its training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.contrib.common import framework, report, run_of

if TYPE_CHECKING:
    from polyaxon_client.tracking.experiment import Experiment

__all__ = ["PolyaxonXGBoost"]  # noqa: F822 - made when it is asked for


def _make(base: Any) -> type[Any]:
    class PolyaxonXGBoost(base):  # type: ignore[misc] # known at run time only
        """Logs after each round the evaluations as ``{data}-{metric}``, and at the end the best round.

        Args:
            model_path: where to save the model at the end, to be kept as an artifact.
        """

        def __init__(self, experiment: Experiment | None = None, model_path: str | None = None) -> None:
            super().__init__()
            self.experiment = run_of(experiment)
            self.model_path = model_path

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            values = {
                f"{data}-{metric}": _last(history)
                for data, metrics in evals_log.items()
                for metric, history in metrics.items()
            }
            report(self.experiment, values, epoch)
            return False

        def after_training(self, model: Any) -> Any:
            attributes = model.attributes() if hasattr(model, "attributes") else {}
            names = ("best_iteration", "best_score")
            report(self.experiment, {name: float(attributes[name]) for name in names if name in attributes})
            if self.model_path and self.experiment is not None:
                model.save_model(self.model_path)
                self.experiment.log_model(self.model_path, framework="xgboost")
            return model

    return PolyaxonXGBoost


def _last(history: Any) -> Any:
    """Cross-validation gives pairs of mean and deviation."""
    last = history[-1]
    return last[0] if isinstance(last, tuple) else last


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    globals()[name] = _make(framework("xgboost.callback").TrainingCallback)
    return globals()[name]
