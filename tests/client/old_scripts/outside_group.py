"""A search of one's own."""

from polyaxon_client.tracking import Group

group = Group(project="ada.digits", track_logs=False, track_code=False, track_env=False)
group.create(
    name="search",
    tags=["mine"],
    content="version: 1\nkind: group\nhptuning:\n  matrix:\n    lr:\n      values: [0.1, 0.2]\nrun:\n  cmd: train\n",
)
for lr in (0.1, 0.2):
    experiment = group.create_experiment(name="trial-{}".format(lr), tags=["trial"])
    experiment.log_params(lr=lr)
    experiment.log_metrics(loss=lr * 2)
    experiment.log_succeeded()
group.log_succeeded()
