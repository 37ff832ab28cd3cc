"""The Celery application in a process that has just begun."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.embedded.server import ROOT

SCRIPT = """
import django
django.setup()
from polyaxon.queues import app, publisher
assert publisher.send("scheduler.group", 1)
assert not app._fixups  # Celery's for Django closes the database's connection after each task
print(app.amqp.router.route({}, "%s")["queue"].name, app.conf.task_acks_late, app.conf.broker_url)
"""


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("scheduler.group", "polyaxon.hpsearch"),
        ("scheduler.experiment", "polyaxon.passes"),
        ("scheduler.webhooks", "polyaxon.events"),
        ("monitors.anything", "polyaxon.monitors"),
    ],
)
def test_the_first_message_of_a_process_goes_where_it_belongs(task: str, queue: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "polyaxon.settings",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}",
        "POLYAXON_DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "-c", SCRIPT % task]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=110)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [queue, "True", "memory://localhost/"], "")
