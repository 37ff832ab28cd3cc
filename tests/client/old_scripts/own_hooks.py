"""Has logging, handlers at exit and an own store of its own."""

import atexit
import logging

from polyaxon_client.tracking import Experiment


class Store:
    def upload_file(self, filename):
        print("file", filename)

    def upload_dir(self, dirname):
        print("dir", dirname)


logging.basicConfig(level=logging.INFO, format="%(message)s")
experiment = Experiment("ada.digits", track_code=False, track_env=False, outputs_store=Store())
experiment.create()
atexit.register(lambda: experiment.log_metrics(last=1.0))
logging.info("training begins")
experiment.log_artifact("model.bin")
experiment.log_artifacts(".")
experiment.set_outputs_store(outputs_store=Store())
experiment.log_output("again.bin")
