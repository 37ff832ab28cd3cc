"""Tells of its failure itself."""

import traceback

from polyaxon_client.tracking import Experiment

experiment = Experiment("digits", track_logs=False, track_code=False, track_env=False).create()
try:
    experiment.log_metrics(loss=float("nan"))
    raise RuntimeError("diverged")
except RuntimeError:
    experiment.failed(message="diverged", traceback=traceback.format_exc())
