"""A run that logs one of everything. With the argument `unmanaged` it is tracked from outside of the platform."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import facts

from polyaxon_client.tracking import Experiment


def logged_into(experiment: Experiment) -> None:
    experiment.log_params(**facts.PARAMS)
    experiment.log_tags(facts.TAGS)
    experiment.log_framework(facts.FRAMEWORK)
    experiment.log_data_ref(facts.DATA, data_name="train")
    experiment.set_description("logged, not written in the file")
    for row in facts.HISTORY:
        experiment.log_metrics(step=row["step"], **row["values"])


def wrote_outputs(outputs: Path) -> None:
    for name, content in facts.FILES.items():
        path = outputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main() -> None:
    if "unmanaged" in sys.argv:
        experiment = Experiment(project="tracked")
        experiment.create(name="by-hand", base_outputs_path=os.environ["OWN_OUTPUTS"])
        Path("id").write_text(str(experiment.experiment_id))
    else:
        experiment = Experiment()
    logged_into(experiment)
    wrote_outputs(Path(experiment.get_outputs_path()))
    sys.stdout.write("all is logged\n")


if __name__ == "__main__":
    main()
