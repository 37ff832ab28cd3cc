"""Drive the `polyaxon` command line tool through a first project: one experiment, then a search of 8 trials.

Each command is shown before it runs, and runs as a person would type it. The tool gets a home folder of its
own below the data folder, so the settings in your own `~/.polyaxon` stay as they are.

    python examples/quickstart.py --url http://127.0.0.1:8000 --password-file data/admin-password
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "quick-start"
TRIALS = 8
METRIC = "accuracy"
LOCAL_STATE = shutil.ignore_patterns(".polyaxon", "__pycache__")

# In a pipe nothing is folded: the lines are searched by scripts.
console = Console(highlight=False, soft_wrap=True)


class StepError(RuntimeError):
    """A step of the example failed; the message says which and what to look at."""


@dataclass(frozen=True)
class Options:
    """Where the server is, who logs in, and which folders are used."""

    url: str
    username: str
    password: str
    data_dir: Path
    example: Path

    @property
    def work_dir(self) -> Path:
        """Everything that this script writes lies here."""
        return self.data_dir / "quick-start"

    @property
    def code_dir(self) -> Path:
        """A copy of the example, so that the tool's local files do not end up in the source tree."""
        return self.work_dir / self.example.name

    def environment(self) -> dict[str, str]:
        """The tool's environment: a home of its own, nothing inherited that names another server."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POLYAXON_")}
        paths = [str(ROOT / "client"), *filter(None, [kept.get("PYTHONPATH")])]
        return {
            **kept,
            "HOME": str(self.work_dir / "home"),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
        }


class Tool:
    """Runs `polyaxon` commands in the copy of the example."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.base = [sys.executable, "-m", "polyaxon_cli"]

    def run(self, *arguments: str, stdin: str | None = None) -> None:
        """Run one command in front of the person; `StepError` unless it exits with 0."""
        console.print(f"\n[bold]$ polyaxon {shlex.join(arguments)}[/bold]")
        # The child writes to the same stream: what is buffered here comes first.
        sys.stdout.flush()
        done = subprocess.run(
            [*self.base, *arguments], cwd=self.options.code_dir, env=self.options.environment(), check=False,
            input=stdin, text=True, stdin=None if stdin is not None else subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise StepError(f"`polyaxon {shlex.join(arguments)}` ended with exit code {done.returncode}")

    def ask(self, *arguments: str) -> Any:
        """The JSON that one command answers with, without showing the command."""
        done = subprocess.run(
            [*self.base, "--json", *arguments], cwd=self.options.code_dir, env=self.options.environment(),
            check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise StepError(f"`polyaxon {shlex.join(arguments)}` failed: {done.stderr.strip()}")
        return json.loads(done.stdout)


def main() -> int:
    """0 when every step worked and all trials succeeded, else 1 after a line that says what failed."""
    started = time.monotonic()
    try:
        options = parse(sys.argv[1:])
        prepare(options)
        drive(Tool(options), options)
    except StepError as problem:
        console.print(f"\n[red]The example failed:[/red] {problem}.", style=None, markup=True)
        return 1
    except KeyboardInterrupt:
        console.print("\nThe example was interrupted.")
        return 130
    console.print(f"\n[green]The example is complete[/green] after {time.monotonic() - started:.0f} s.")
    return 0


def parse(arguments: Sequence[str]) -> Options:
    """The options of the command line; the password comes from a file, never from the process list."""
    parser = argparse.ArgumentParser(description="Run the quick-start example against a running server.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="address of the server")
    parser.add_argument("--username", default="admin")
    parser.add_argument("--password-file", type=Path, required=True, help="file that holds the password")
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data", help="folder for the tool's own files")
    parser.add_argument("--example", type=Path, default=ROOT / "examples" / "digits", help="folder to upload")
    given = parser.parse_args(arguments)
    return Options(
        url=given.url.rstrip("/"),
        username=given.username,
        password=read_password(given.password_file),
        data_dir=given.data_dir.absolute(),
        example=given.example.absolute(),
    )


def read_password(path: Path) -> str:
    """The first line of the file."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StepError(f"cannot read the password from {path}: {error.strerror}") from error


def prepare(options: Options) -> None:
    """A fresh copy of the example and a home folder for the tool."""
    try:
        (options.work_dir / "home").mkdir(parents=True, exist_ok=True)
        shutil.rmtree(options.code_dir, ignore_errors=True)
        shutil.copytree(options.example, options.code_dir, ignore=LOCAL_STATE)
    except OSError as error:
        raise StepError(f"cannot copy {options.example} to {options.code_dir}: {error}") from error


def drive(tool: Tool, options: Options) -> None:
    """All steps in order."""
    title("Log in and make a project")
    log_in(tool, options)
    make_project(tool)
    title("Upload the code")
    tool.run("init", "-y", PROJECT)
    tool.run("upload")
    title("Run one experiment and follow its logs")
    tool.run("run", "-f", "polyaxonfile.yaml", "-l", "--watch")
    tool.run("experiment", "metrics", "--summary")
    title(f"Search: {TRIALS} trials")
    tool.run("run", "-f", "search.yaml")
    tool.run("group", "get", "--watch", "--metric", METRIC)
    title("Results")
    tool.run("group", "top", "--metric", METRIC)
    check_trials(tool)
    point_further(tool, options)


def log_in(tool: Tool, options: Options) -> None:
    """Point the tool at the server and log in."""
    address = urlsplit(options.url)
    port = address.port or (443 if address.scheme == "https" else 80)
    https = "true" if address.scheme == "https" else "false"
    tool.run("config", "set", f"--host={address.hostname}", f"--port={port}", f"--use_https={https}")
    tool.run("login", "-u", options.username, "--password-stdin", stdin=f"{options.password}\n")
    tool.run("whoami")


def make_project(tool: Tool) -> None:
    """Create the project unless an earlier run of the example has."""
    if project_exists(tool):
        console.print(f"\nThe project {PROJECT} is there already.")
        return
    tool.run("project", "create", "--name", PROJECT, "--description", "Handwritten digits, scikit-learn")


def project_exists(tool: Tool) -> bool:
    """Whether the logged-in user has the project; pages are followed to the last."""
    page = 1
    while True:
        answer = tool.ask("project", "list", "--page", str(page))
        if any(project["name"] == PROJECT for project in answer["results"]):
            return True
        if not answer.get("next"):
            return False
        page += 1


def check_trials(tool: Tool) -> None:
    """All trials must have succeeded and measured something, with different parameters."""
    trials = tool.ask("group", "top", "--metric", METRIC)
    statuses = Counter(trial["last_status"] for trial in trials)
    if statuses["succeeded"] < TRIALS:
        seen = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items())) or "none at all"
        raise StepError(f"{TRIALS} trials should have succeeded, there are: {seen}; see `polyaxon group experiments`")
    unmeasured = [trial["id"] for trial in trials if METRIC not in (trial.get("last_metric") or {})]
    if unmeasured:
        raise StepError(f"these trials have no {METRIC}: {unmeasured}; see `polyaxon experiment logs -xp ID`")


def point_further(tool: Tool, options: Options) -> None:
    """Where to look next: addresses, commands, files."""
    best = tool.ask("group", "top", "--metric", METRIC)[0]
    # The run has its outputs under its own name: user.project.group.id.
    user, project, *ids = str(best["unique_name"]).split(".")
    kind = "groups" if len(ids) > 1 else "experiments"
    outputs = options.data_dir / "outputs" / user / project / kind / Path(*ids)
    title("Where to look further")
    console.print(f"Server            {options.url}/")
    console.print(f"API               {options.url}/api/v1/{user}/{project}/experiments/{best['id']}/")
    if outputs.is_dir():
        console.print(f"Outputs (best)    {outputs}")
    console.print(f"Account           {options.username}")
    console.print("\nThe same tool from a shell, in the folder that is linked to the project:")
    console.print(f"  cd {shlex.quote(str(options.code_dir))}")
    console.print(f"  export HOME={shlex.quote(options.environment()['HOME'])}   # this example's login")
    console.print(f"  export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH   # the tool itself")
    for command in ("project list", "group experiments -m", f"experiment get -xp {best['id']}",
                    f"experiment logs -xp {best['id']}", f"experiment outputs -xp {best['id']}"):  # fmt: skip
        console.print(f"  polyaxon {command}")


def title(text: str) -> None:
    """A line between two parts."""
    console.print()
    if console.is_terminal:
        console.print(Rule(text, align="left"))
    else:
        console.print(f"=== {text} ===")


if __name__ == "__main__":
    sys.exit(main())
