"""On somebody's own machine."""

from polyaxon_client.tracking import Experiment

experiment = Experiment(project="ada.digits", track_logs=False, track_code=False, track_env=False)
experiment.create(
    name="old",
    framework="tensorflow",
    backend="other",
    tags=["a", "b"],
    description="as before",
    content="version: 1\nkind: experiment\nrun:\n  cmd: python train.py\n",
)
experiment.log_code_ref()
experiment.log_run_env()
experiment.log_params(reset=True, batch_size=32)
experiment.log_params(dropout=0.5)
experiment.log_tags("c, d")
experiment.set_name("renamed")
experiment.set_description("after")
experiment.log_framework("keras")
experiment.log_backend("native")
for step in range(5):
    experiment.log_metrics(loss=0.5 / (step + 1), step_time=None)
experiment.send_logs("a line")
experiment.log_status("warning", message="slow")
experiment.get_entity_data()
experiment.succeeded()
