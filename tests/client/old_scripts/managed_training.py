"""Inside of a run that the platform started."""

import os

from polyaxon_client.tracking import Experiment, get_data_paths, get_log_level, get_outputs_path

experiment = Experiment()
params = experiment.get_params() or {}
data = get_data_paths() or {}
outputs = get_outputs_path()

if outputs:
    os.makedirs(outputs, exist_ok=True)

experiment.log_params(optimizer="adam", lr=float(params.get("lr", 0.1)))
experiment.log_tags(["old", "script"])
experiment.log_data_ref(data=[1, 2, 3], data_name="train")

for epoch in range(int(params.get("epochs", 3))):
    experiment.log_metrics(loss=1.0 / (epoch + 1), accuracy=epoch / 10)

if outputs:
    with open(os.path.join(outputs, "model.txt"), "w") as model:
        model.write("weights")
    experiment.log_output(os.path.join(outputs, "model.txt"))
    experiment.log_outputs(outputs)

print("level", get_log_level(), "data", sorted(data))
