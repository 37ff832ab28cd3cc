"""Track runs from inside of training code.

    from polyaxon_client.tracking import Experiment

    experiment = Experiment()
    experiment.log_metrics(step=1, loss=0.3)

Calls only queue; a background thread sends. Trouble with the server is logged once per kind and never reaches
the training code. Needs nothing but the standard library.
"""

from __future__ import annotations

from polyaxon_client.tracking.build_job import BuildJob
from polyaxon_client.tracking.environment import (
    get_base_outputs_path,
    get_data_paths,
    get_log_level,
    get_outputs_path,
    get_outputs_refs_paths,
)
from polyaxon_client.tracking.experiment import Experiment
from polyaxon_client.tracking.group import Group
from polyaxon_client.tracking.job import Job

__all__ = [
    "BuildJob",
    "Experiment",
    "Group",
    "Job",
    "get_base_outputs_path",
    "get_data_paths",
    "get_log_level",
    "get_outputs_path",
    "get_outputs_refs_paths",
]
