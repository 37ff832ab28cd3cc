"""What a run of the chaos test does: numbered lines and metrics. How many, seconds between them, its exit code."""

import os
import sys
import time
from pathlib import Path

from polyaxon_client.tracking import Experiment

experiment = Experiment()
with (Path(os.environ["POLYAXON_RUN_OUTPUTS_PATH"]) / "starts").open("a") as starts:
    starts.write("x\n")
for step in range(int(sys.argv[1])):
    sys.stdout.write(f"line {step}\n")
    sys.stdout.flush()
    experiment.log_metrics(step=step, value=step, square=step * step)
    time.sleep(float(sys.argv[2]))
sys.exit(int(sys.argv[3]))
