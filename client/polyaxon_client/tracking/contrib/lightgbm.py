"""LightGBM: a callback of its training, which is any function of an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_client.tracking.contrib.common import report, run_of

if TYPE_CHECKING:
    from polyaxon_client.tracking.experiment import Experiment


class PolyaxonLightGBM:
    """Logs after each round the evaluations as ``{data}-{metric}``."""

    # LightGBM asks: after those that print, not before the round.
    order = 25
    before_iteration = False

    def __init__(self, experiment: Experiment | None = None) -> None:
        self.experiment = run_of(experiment)

    def __call__(self, env: Any) -> None:
        values = {f"{data}-{metric}": value for data, metric, value, *_ in env.evaluation_result_list or ()}
        report(self.experiment, values, env.iteration)
