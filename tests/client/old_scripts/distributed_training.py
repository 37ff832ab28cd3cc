"""One replica of several."""

import json
import os

from polyaxon_client.tracking import Experiment, get_outputs_refs_paths

experiment = Experiment()
cluster = experiment.get_cluster_def()
task = experiment.get_task_info()
config = experiment.get_tf_config()
info = experiment.get_experiment_info()
if config is not None:
    assert json.loads(os.environ["TF_CONFIG"])["task"] == task
    assert config["cluster"] == cluster
    assert info["project_name"] == "ada.digits"
print(get_outputs_refs_paths())
experiment.log_metrics(loss=0.5)
