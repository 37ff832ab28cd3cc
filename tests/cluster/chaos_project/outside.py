"""A run outside of the platform: numbered lines, which the client posts, and metrics, until it is told to end."""

import logging
import sys
import time
from pathlib import Path

from polyaxon_client.tracking import Experiment

folder, project = Path(sys.argv[1]), sys.argv[2]
experiment = Experiment(project=project, track_code=False).create(name=folder.name)
logger = logging.getLogger("outside")
logger.setLevel(logging.INFO)
step = 0
while not (folder / "enough").exists():
    logger.info("line %d", step)
    experiment.log_metrics(step=step, value=step, square=step * step)
    step += 1
    time.sleep(0.1)
(folder / "noted").write_text(f"{experiment.experiment_id} {step}")
