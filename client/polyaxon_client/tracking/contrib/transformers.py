"""Hugging Face Transformers: a callback of its ``Trainer``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.contrib.common import framework, report, report_params, run_of

if TYPE_CHECKING:
    from polyaxon_client.tracking.experiment import Experiment

__all__ = ["PolyaxonTransformers"]  # noqa: F822 - made when it is asked for


def _make(base: Any) -> type[Any]:
    class PolyaxonTransformers(base):  # type: ignore[misc] # known at run time only
        """Logs arguments, metrics by global step, and with ``log_checkpoints`` what the trainer saves."""

        def __init__(self, experiment: Experiment | None = None, log_checkpoints: bool = False) -> None:
            super().__init__()
            self.experiment = run_of(experiment)
            self.log_checkpoints = log_checkpoints

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                known = args.to_sanitized_dict() if hasattr(args, "to_sanitized_dict") else args.to_dict()
                report_params(self.experiment, known)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if state.is_world_process_zero:
                report(self.experiment, logs, state.global_step)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            if self.log_checkpoints and self.experiment is not None and state.is_world_process_zero:
                self.experiment.log_checkpoint(folder, step=state.global_step)

    return PolyaxonTransformers


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    globals()[name] = _make(framework("transformers").TrainerCallback)
    return globals()[name]
