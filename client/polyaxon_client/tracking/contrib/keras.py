"""Keras, alone or in TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.contrib.common import framework, report, run_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polyaxon_client.tracking.experiment import Experiment

__all__ = ["PolyaxonKeras", "PolyaxonModelCheckpoint"]  # noqa: F822 - made when they are asked for


def _make_callback(base: Any) -> type[Any]:
    class PolyaxonKeras(base):  # type: ignore[misc] # known at run time only
        """Logs at the end of each epoch all metrics, or those that ``metrics`` names; the step is the epoch."""

        def __init__(self, experiment: Experiment | None = None, metrics: Sequence[str] | None = None) -> None:
            super().__init__()
            self.experiment = run_of(experiment)
            self.metrics = metrics

        def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            chosen = {name: value for name, value in (logs or {}).items() if not self.metrics or name in self.metrics}
            report(self.experiment, chosen, epoch)

    return PolyaxonKeras


def _make_checkpoint(base: Any) -> type[Any]:
    class PolyaxonModelCheckpoint(base):  # type: ignore[misc] # as above
        """A ``ModelCheckpoint`` that also keeps as an artifact what it saves."""

        def __init__(self, experiment: Experiment | None, filepath: str, **kwargs: Any) -> None:
            super().__init__(filepath, **kwargs)
            self.experiment = run_of(experiment)
            self._kept: dict[Path, int] = {}

        def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            super().on_epoch_end(epoch, logs)
            self._keep(epoch, logs or {})

        def _keep(self, epoch: int, logs: Mapping[str, Any]) -> None:
            file = Path(str(self.filepath).format(epoch=epoch + 1, **logs))
            changed = file.stat().st_mtime_ns if file.exists() else None
            if self.experiment is not None and changed is not None and self._kept.get(file) != changed:
                self._kept[file] = changed
                self.experiment.log_checkpoint(file, step=epoch)

    return PolyaxonModelCheckpoint


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    callbacks = framework("keras.callbacks", "tensorflow.keras.callbacks")
    globals()["PolyaxonKeras"] = _make_callback(callbacks.Callback)
    globals()["PolyaxonModelCheckpoint"] = _make_checkpoint(callbacks.ModelCheckpoint)
    return globals()[name]
