"""fastai, version 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.contrib.common import framework, report, run_of

if TYPE_CHECKING:
    from polyaxon_client.tracking.experiment import Experiment

__all__ = ["PolyaxonFastai"]  # noqa: F822 - made when it is asked for


def _make(base: Any) -> type[Any]:
    class PolyaxonFastai(base):  # type: ignore[misc] # known at run time only
        """Logs at the end of each epoch what the learner's recorder has."""

        def __init__(
            self, learn: Any, experiment: Experiment | None = None, monitor: str = "val_loss", mode: str = "auto"
        ) -> None:
            super().__init__(learn, monitor=monitor, mode=mode)
            self.experiment = run_of(experiment)

        def on_epoch_end(self, epoch: int, smooth_loss: Any, last_metrics: Any, **_: Any) -> None:
            names = [name for name in self.learn.recorder.names if name not in {"epoch", "time"}]
            report(self.experiment, dict(zip(names, [smooth_loss, *(last_metrics or ())])), epoch)

    return PolyaxonFastai


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    globals()[name] = _make(framework("fastai.callbacks.tracker").TrackerCallback)
    return globals()[name]
