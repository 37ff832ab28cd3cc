"""A real Jupyter and a real TensorBoard, started by the tool; what it prints is opened as a browser opens it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.person import Person
from tests.e2e.terminal import Session, plain
from tests.embedded.server import PASSWORD
from tests.environments import environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NOTEBOOK = "version: 1\nkind: notebook\nbuild: {image: jupyter}\n"
# Writes what TensorBoard reads, for real, with its own library.
TRAINING = """\
import os
import time
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
writer = EventFileWriter(os.environ["POLYAXON_RUN_OUTPUTS_PATH"])
for step in range(3):
    summary = Summary(value=[Summary.Value(tag="loss", simple_value=1 / (step + 1))])
    writer.add_event(Event(step=step, wall_time=1700000000 + step, summary=summary))
writer.close()
"""
EXPERIMENT = "version: 1\nkind: experiment\nrun: {{cmd: {python} train.py}}\n"


@pytest.fixture(scope="module")
def programs() -> Path:
    return environment("notebook")


@pytest.fixture(scope="module")
def settings_of_server(programs: Path) -> dict[str, str]:
    return {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "POLYAXON_THROTTLE_RATES_USER": "6000"}


@pytest.fixture(scope="module")
def person(admin: Person, programs: Path) -> Person:
    experiment = EXPERIMENT.format(python=programs / "python")
    for name, text in (("train.py", TRAINING), ("run.yaml", experiment), ("notebook.yaml", NOTEBOOK)):
        (admin.work / name).write_text(text)
    admin.cli("project", "create", "--name=lab", "--init")
    admin.cli("upload")
    return admin


@pytest.fixture
def browser(person: Person) -> httpx.Client:
    """Signed in as people are, and follows where it is led."""
    client = httpx.Client(trust_env=False, timeout=60, follow_redirects=True)
    page = f"{person.server.url}/users/login/"
    client.get(page)
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    client.post(page, data=form, headers={"Referer": page}, follow_redirects=False)
    return client


def address(printed: str) -> str:
    """The one address in what a command printed."""
    (found,) = [word for word in printed.split() if word.startswith("http")]
    return found


def test_the_address_of_a_notebook_opens_it(person: Person, browser: httpx.Client) -> None:
    done = person.cli("notebook", "start", "-f", "notebook.yaml")
    assert "is being started" in done.stdout
    assert ": running" in done.stdout
    url = address(done.stdout)
    assert url == f"{person.server.url}/notebook/admin/lab/"
    page = browser.get(url)
    assert page.status_code == 200
    assert "Jupyter Notebook" in page.text
    below = str(page.url).removesuffix("/tree")
    assert below.startswith(f"{person.server.url}/notebook/proxy/")
    # The project's code is in it, and its kernels run.
    files = {each["name"] for each in browser.get(f"{below}/api/contents").json()["content"]}
    assert {"train.py", "outputs"} <= files
    token = {"X-XSRFToken": browser.cookies.get("_xsrf", path=httpx.URL(f"{below}/").path), "Referer": str(page.url)}
    assert browser.post(f"{below}/api/kernels", json={"name": "python3"}, headers=token).status_code == 201

    assert address(person.cli("notebook", "url").stdout) == url
    again = person.cli("notebook", "start")
    assert ("is already running" in again.stdout, address(again.stdout)) == (True, url)
    person.cli("notebook", "stop", "-y", "--commit=false")
    person.wait_for("admin/lab/notebooks/1", {"stopped"})
    assert "is not running" in person.cli("notebook", "url", code=1).stderr


def test_the_address_of_a_tensorboard_shows_what_was_trained(person: Person, browser: httpx.Client) -> None:
    run = str(person.cli_json("run", "-f", "run.yaml", "--watch")["id"])
    session = Session(person, "tensorboard", "-xp", run, "start", "--no-open")
    shown = session.end(120)
    assert shown.code == 0, shown.text
    url = address(plain(shown.text))
    assert url == f"{person.server.url}/tensorboard/admin/lab/experiments/{run}/"
    page = browser.get(url)
    assert (page.status_code, "<title>TensorBoard</title>" in page.text) == (200, True)
    tags: dict[str, Any] = {}
    deadline = time.monotonic() + 60
    while not tags and time.monotonic() < deadline:  # it loads what there is after it has begun to answer
        tags = browser.get(f"{page.url}data/plugin/scalars/tags").json()
    assert tags == {".": {"loss": {"displayName": "", "description": ""}}}
    points = browser.get(f"{page.url}data/plugin/scalars/scalars", params={"run": ".", "tag": "loss"}).json()
    assert [(step, round(value, 3)) for _, step, value in points] == [(0, 1.0), (1, 0.5), (2, 0.333)]
    person.cli("tensorboard", "-xp", run, "stop", "-y")
    person.wait_for("admin/lab/tensorboards/1", {"stopped"})
    assert "is not running" in person.cli("tensorboard", "-xp", run, "url", code=1).stderr
