"""TensorFlow 1: a hook of its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.contrib.common import framework, report, run_of

if TYPE_CHECKING:
    from polyaxon_client.tracking.experiment import Experiment

__all__ = ["PolyaxonLoggingTensorHook"]  # noqa: F822 - made when it is asked for


def _make(base: Any) -> type[Any]:
    class PolyaxonLoggingTensorHook(base):  # type: ignore[misc] # known at run time only
        """Logs the values of tensors whenever the hook of TensorFlow prints them."""

        def __init__(
            self,
            tensors: Any,
            experiment: Experiment | None = None,
            every_n_iter: int | None = None,
            every_n_secs: float | None = None,
        ) -> None:
            super().__init__(tensors=tensors, every_n_iter=every_n_iter, every_n_secs=every_n_secs)
            self.experiment = run_of(experiment)

        def _log_tensors(self, tensor_values: Any) -> None:
            super()._log_tensors(tensor_values)
            report(self.experiment, {tag: tensor_values[tag] for tag in self._tag_order})

    return PolyaxonLoggingTensorHook


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    framework("tensorflow")
    train = framework("tensorflow.compat.v1", "tensorflow").train
    globals()[name] = _make(train.LoggingTensorHook)
    return globals()[name]
