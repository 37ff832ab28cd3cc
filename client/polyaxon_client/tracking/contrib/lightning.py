"""PyTorch Lightning: a logger."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.contrib.common import framework, report, report_params, run_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polyaxon_client.tracking.experiment import Experiment

__all__ = ["PolyaxonLogger"]  # noqa: F822 - made when it is asked for


def _make(loggers: Any, utilities: Any) -> type[Any]:  # noqa: C901 - a class of short methods
    rank_zero_only = utilities.rank_zero_only

    class PolyaxonLogger(loggers.Logger):  # type: ignore[misc] # known at run time only
        """``Trainer(logger=PolyaxonLogger(experiment))``: metrics, hyper-parameters and checkpoints."""

        def __init__(self, experiment: Experiment | None = None) -> None:
            super().__init__()
            self._experiment = run_of(experiment)
            self._checkpoints: set[str] = set()

        @property
        def name(self) -> str:
            return "polyaxon"

        @property
        def version(self) -> int | None:
            return None if self._experiment is None else self._experiment.experiment_id

        @property
        def experiment(self) -> Experiment | None:
            return self._experiment

        @rank_zero_only  # type: ignore[untyped-decorator]
        def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
            report(self._experiment, metrics, step)

        @rank_zero_only  # type: ignore[untyped-decorator]
        def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
            report_params(self._experiment, vars(params) if isinstance(params, Namespace) else dict(params))

        def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
            path = str(getattr(checkpoint_callback, "last_model_path", "") or checkpoint_callback.best_model_path)
            if self._experiment is not None and path and path not in self._checkpoints:
                self._checkpoints.add(path)
                self._experiment.log_checkpoint(path)

        @rank_zero_only  # type: ignore[untyped-decorator]
        def finalize(self, status: str) -> None:
            """The status of the run is the platform's, or the script's."""
            if self._experiment is not None:
                self._experiment.flush()

    return PolyaxonLogger


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    loggers = framework("lightning.pytorch.loggers", "pytorch_lightning.loggers")
    utilities = framework(loggers.__name__.replace(".loggers", ".utilities"))
    globals()[name] = _make(loggers, utilities)
    return globals()[name]
