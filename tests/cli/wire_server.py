"""A small HTTP server of the tests' own, with the wire shapes of the API for one user; it keeps what it gets.

Runs go through a script of statuses, one step each time they are looked at, and print as they go.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

USER = "ada"
PASSWORD = "s3cret pass"
TOKEN = "t" * 64
CREATED = "2026-01-02T03:04:05.123456Z"
STARTED = "2026-01-02T03:04:06.000000Z"
FINISHED = "2026-01-02T03:05:11.000000Z"
DONE = {"succeeded", "failed", "stopped", "done"}
COMMIT = "0123456789abcdef" * 2
LINE = "2026-01-02 03:04:07 UTC -- {text}\n"


@dataclass
class Request:
    """What the server was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def parts(self) -> dict[str, bytes]:
        """The parts of a multipart body by name."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = message_from_bytes(head + self.body)
        named = {part.get_param("name", header="content-disposition"): part for part in message.get_payload()}
        return {str(name): part.get_payload(decode=True) for name, part in named.items()}


class Refusal(Exception):
    """An error answer."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


def ready() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class Platform:
    """The state behind the server, open to the tests."""

    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    scripts: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    logs: dict[tuple[str, int], bytes] = field(default_factory=dict)
    metrics: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    # What the addresses below a group answer, by their last word.
    results: dict[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    # What becomes of the next runs.
    script: tuple[str, ...] = ("scheduled", "running", "succeeded")
    trials: int = 8
    # What the server says of the tool, which a test can hold back by clearing the event.
    versions: dict[str, str] = field(default_factory=lambda: {"latest_version": "0.7.0", "min_version": "0.6.0"})
    versions_ready: threading.Event = field(default_factory=ready)
    # The build that new runs wait for.
    build_job: str | None = None

    def sent(self, method: str = "POST") -> Request:
        """The last request that changed something."""
        return next(request for request in reversed(self.requests) if request.method == method)

    def add_project(self, name: str, **values: Any) -> dict[str, Any]:
        number = len(self.projects) + 1
        project = {
            "id": number, "uuid": uuid.uuid4().hex, "user": USER, "owner": USER, "name": name,
            "unique_name": f"{USER}.{name}", "description": None, "tags": [], "is_public": True,
            "created_at": CREATED, "updated_at": CREATED, "has_code": False, **values,
        }  # fmt: skip
        self.projects[name] = project
        return project

    def add_run(self, kind: str, project: str, **values: Any) -> dict[str, Any]:
        number = 1 + max((known for of, known in self.runs if of == kind), default=0)
        infix = "" if kind in {"experiments", "groups"} else f"{kind}."
        run = {
            "id": number, "uuid": uuid.uuid4().hex, "user": USER, "project": f"{USER}.{project}",
            "unique_name": f"{USER}.{project}.{infix}{number}", "description": None, "tags": [],
            "build_job": self.build_job,
            "last_status": "created", "created_at": CREATED, "started_at": None, "finished_at": None,
            **values,
        }  # fmt: skip
        self.runs[kind, number] = run
        self.logs[kind, number] = b""
        self.scripts[kind, number] = list(self.script)
        return run

    def step(self, kind: str, number: int) -> None:
        """One look at a run: its next status, and a line of log."""
        script, run = self.scripts[kind, number], self.runs[kind, number]
        if not script or run["last_status"] in DONE:
            return
        run["last_status"] = "done" if kind == "groups" and script[0] == "succeeded" else script[0]
        del script[0]
        if run["last_status"] == "running":
            run["started_at"] = STARTED
        if run["last_status"] in DONE:
            run["finished_at"] = FINISHED
        self.logs[kind, number] += LINE.format(text=f"now {run['last_status']}").encode()
        if kind == "groups":
            self._count(run)

    def _count(self, group: dict[str, Any]) -> None:
        """A group has all its trials at the end and half of them before."""
        trials = self.trials if group["last_status"] in DONE else self.trials // 2
        known = [run for (kind, _), run in self.runs.items() if kind == "experiments" and run.get("gid") == group["id"]]
        for index in range(len(known), trials if group["last_status"] != "scheduled" else 0):
            self.add_trial(group, index)
        group["num_succeeded_experiments"] = max(trials, len(known)) if group["last_status"] != "scheduled" else 0
        group["num_running_experiments"] = 0 if group["last_status"] in DONE else 2

    def add_trial(self, group: dict[str, Any], index: int, **values: Any) -> dict[str, Any]:
        project = group["project"].partition(".")[2]
        trial = self.add_run("experiments", project, gid=group["id"], experiment_group=group["unique_name"])
        trial["unique_name"] = f"{group['unique_name']}.{trial['id']}"
        trial.update(
            last_status="succeeded", started_at=STARTED, finished_at=FINISHED,
            params={"lr": 0.1 * (index + 1), "batch": 32},
            last_metric={"accuracy": 0.5 + 0.01 * ((index * 3) % 8), "loss": 1.0 / (index + 1)},
        )  # fmt: skip
        trial.update(values)
        return trial


ROUTES: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = []


def route(method: str, pattern: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        ROUTES.append((method, re.compile(f"/api/v1/{pattern}/?"), function))
        return function

    return keep


def page_of(platform: Platform, request: Request, found: list[dict[str, Any]]) -> dict[str, Any]:
    limit, offset = int(request.query.get("limit", 20)), int(request.query.get("offset", 0))
    more = offset + limit < len(found)
    return {
        "count": len(found),
        "next": f"http://other/?offset={offset + limit}" if more else None,
        "previous": "http://other/" if offset else None,
        "results": found[offset : offset + limit],
    }


@route("POST", "users/token")
def login(platform: Platform, request: Request) -> Any:
    form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
    if form != {"username": USER, "password": PASSWORD}:
        raise Refusal(400, {"non_field_errors": ["Unable to log in with provided credentials."]})
    return {"token": TOKEN}


@route("GET", "users")
def whoami(platform: Platform, request: Request) -> Any:
    return {"username": USER, "email": "ada@example.org", "is_superuser": True}


@route("GET", "versions/cli")
def versions(platform: Platform, request: Request) -> Any:
    return platform.versions


@route("GET", "log_handler")
def log_handler(platform: Platform, request: Request) -> Any:
    return {"dsn": None, "environment": "test", "tags": {}}


@route("POST", "projects")
def create_project(platform: Platform, request: Request) -> Any:
    if request.json["name"] in platform.projects:
        raise Refusal(400, [f"A project named {request.json['name']} exists."])
    return platform.add_project(**request.json)


@route("GET", USER)
def list_projects(platform: Platform, request: Request) -> Any:
    return page_of(platform, request, list(platform.projects.values()))


@route("GET", f"{USER}/(?P<project>[-\\w]+)")
def get_project(platform: Platform, request: Request, project: str) -> Any:
    return platform.projects[project]


@route("PATCH", f"{USER}/(?P<project>[-\\w]+)")
def update_project(platform: Platform, request: Request, project: str) -> Any:
    platform.projects[project].update(request.json)
    return platform.projects[project]


@route("DELETE", f"{USER}/(?P<project>[-\\w]+)")
def delete_project(platform: Platform, request: Request, project: str) -> Any:
    del platform.projects[project]


@route("PUT", f"{USER}/(?P<project>[-\\w]+)/repo/upload")
def upload(platform: Platform, request: Request, project: str) -> Any:
    platform.projects[project]["has_code"] = True


KIND = "(?P<kind>experiments|groups|jobs|builds)"
RUNS = f"{USER}/(?P<project>[-\\w]+)/{KIND}"
RUN = f"{RUNS}/(?P<number>\\d+)"


@route("GET", RUNS)
def list_runs(platform: Platform, request: Request, project: str, kind: str) -> Any:
    found = [run for (of, _), run in platform.runs.items() if of == kind]
    if "group" in request.query:
        found = [run for run in found if run.get("gid") == int(request.query["group"])]
    return page_of(platform, request, found)


@route("POST", RUNS)
def create_run(platform: Platform, request: Request, project: str, kind: str) -> Any:
    body = request.json
    if not isinstance(body.get("content"), str):
        raise Refusal(400, {"content": ["This field is required."]})
    content = json.loads(body["content"])
    values = {"name": body.get("name"), "content": body["content"], "hptuning": content.get("hptuning")}
    return platform.add_run(kind, project, params=content.get("params"), **values)


@route("GET", RUN)
def get_run(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    platform.step(kind, int(number))
    return platform.runs[kind, int(number)]


@route("PATCH", RUN)
def update_run(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    platform.runs[kind, int(number)].update(request.json)
    return platform.runs[kind, int(number)]


@route("DELETE", RUN)
def delete_run(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    del platform.runs[kind, int(number)]


@route("POST", f"{RUN}/stop")
def stop_run(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    platform.scripts[kind, int(number)] = ["stopped"]


@route("POST", f"{USER}/(?P<project>[-\\w]+)/groups/(?P<number>\\d+)/resume")
def resume_group(platform: Platform, request: Request, project: str, number: str) -> Any:
    group = platform.runs["groups", int(number)]
    if group["last_status"] not in DONE:
        raise Refusal(400, [f"Group {number} is {group['last_status']}; only a search that has ended is resumed."])
    group["last_status"] = "resuming"
    return group


@route("GET", f"{RUN}/(?P<asked>best|pareto|importances)")
def results(platform: Platform, request: Request, *, project: str, kind: str, number: str, asked: str) -> Any:
    return platform.results[asked]


@route("GET", f"{RUN}/decisions")
def decisions(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    trial = request.query.get("trial")
    found = [row for row in platform.results["decisions"] if trial is None or row["trial"] == int(trial)]
    return page_of(platform, request, found)


@route("POST", f"{RUN}/(?P<verb>restart|resume|copy)")
def clone(platform: Platform, request: Request, *, project: str, kind: str, number: str, verb: str) -> Any:
    original = platform.runs[kind, int(number)]["unique_name"]
    return platform.add_run(kind, project, original=original, cloning_strategy=verb)


@route("GET", f"{RUN}/statuses")
def statuses(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    status = platform.runs[kind, int(number)]["last_status"]
    rows = [{"id": 1, "uuid": "a" * 32, "created_at": CREATED, "status": "created", "message": None}]
    return page_of(platform, request, [*rows, {**rows[0], "id": 2, "status": status, "message": "exit code 0"}])


@route("POST", f"{RUN}/statuses")
def tell_status(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    platform.runs[kind, int(number)]["last_status"] = request.json["status"]


@route("GET", f"{RUN}/metrics")
def metrics(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    return page_of(platform, request, platform.metrics.get((kind, int(number)), []))


@route("GET", f"{RUN}/jobs")
def experiment_jobs(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    return page_of(platform, request, [{"id": 9, "pod_id": "plx-1", "role": "master", "last_status": "running"}])


@route("GET", f"{RUN}/logs")
def logs(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    text = platform.logs[kind, int(number)]
    start = int(re.sub(r"\D", "", request.headers.get("range", "0")))
    if start and start >= len(text):
        raise Refusal(416, {"detail": f"There are {len(text)} bytes."})
    return text[start:], 206 if "range" in request.headers else 200


@route("GET", f"{RUN}/coderef")
def code_reference(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    return {"id": 1, "commit": COMMIT if platform.projects[project]["has_code"] else None}


@route("GET", f"{RUN}/outputs/download")
def outputs(platform: Platform, request: Request, project: str, kind: str, number: str) -> Any:
    return b"an archive of outputs", 200


class Handler(BaseHTTPRequestHandler):
    """Reads a request, keeps it, and answers from the routes above."""

    protocol_version = "HTTP/1.1"
    platform: Platform

    def answer(self) -> None:
        split = urlsplit(self.path)
        body = self.read_body()
        query = {key: values[0] for key, values in parse_qs(split.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, split.path, query, headers, body)
        if request.path.endswith("versions/cli/"):
            self.platform.versions_ready.wait()
        with self.platform.lock:
            self.platform.requests.append(request)
            try:
                self.reply(self.dispatch(request))
            except Refusal as refusal:
                self.reply((json.dumps(refusal.body).encode(), refusal.status))
            except KeyError:
                self.reply((b'{"detail": "Not found."}', 404))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  names of the base class

    def read_body(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def dispatch(self, request: Request) -> Any:
        needs_token = not request.path.endswith(("users/token/", "versions/cli/", "log_handler/"))
        if needs_token and request.headers.get("authorization") != f"Token {TOKEN}":
            raise Refusal(401, {"detail": "Invalid token."})
        for method, pattern, function in ROUTES:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                return function(self.platform, request, **match.groupdict())
        raise Refusal(404, {"detail": "Not found."})

    def reply(self, result: Any) -> None:
        raw = isinstance(result, tuple)
        body, status = result if raw else (b"" if result is None else json.dumps(result).encode(), 200)
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if raw and status < 300 else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Keep the tests' output clean."""


class Server:
    """The platform on a free port of this machine, or again on the port it had before."""

    def __init__(self, platform: Platform | None = None, port: int = 0) -> None:
        self.platform = platform or Platform()
        handler = type("BoundHandler", (Handler,), {"platform": self.platform})
        self.http = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.port = int(self.http.server_address[1])
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(timeout=5)
