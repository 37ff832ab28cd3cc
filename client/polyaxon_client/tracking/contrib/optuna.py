"""Optuna: a callback of a study, which is any function of study and trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.contrib.common import report, report_params, run_of

if TYPE_CHECKING:
    from polyaxon_client.tracking.experiment import Experiment


class PolyaxonOptuna:
    """Logs each finished trial: its value or values and numeric parameters by its number, and the best so far."""

    def __init__(self, experiment: Experiment | None = None, metric_name: str = "value") -> None:
        self.experiment = run_of(experiment)
        self.metric_name = metric_name

    def __call__(self, study: Any, trial: Any) -> None:
        values = trial.values or []
        names = [self.metric_name] if len(values) == 1 else [f"{self.metric_name}_{n}" for n in range(len(values))]
        report(self.experiment, {**dict(zip(names, values)), **_prefixed(trial.params)}, trial.number)
        if len(study.directions) == 1 and _has_best(study):
            report(self.experiment, {f"best_{self.metric_name}": study.best_value}, trial.number)
            if study.best_trial.number == trial.number:
                report_params(self.experiment, trial.params)


def _prefixed(params: dict[str, Any]) -> dict[str, Any]:
    return {f"params/{name}": value for name, value in params.items()}


def _has_best(study: Any) -> bool:
    try:
        return study.best_trial is not None
    except ValueError:  # none was completed
        return False
