"""The environment of a run: interpreter, machine, packages, command and code."""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

from polyaxon_client import __version__
from polyaxon_client.tracking import code_ref


class Launch(NamedTuple):
    """How this process was started, and where it is. Taken early: the interpreter forgets it at its end."""

    cwd: str
    argv: list[str]
    command: list[str]
    launch_file: str | None

    @classmethod
    def current(cls) -> Launch:
        return cls(os.getcwd(), list(sys.argv), get_command(), get_launch_file())  # noqa: PTH109


def get_run_env(launch: Launch | None = None, *, only_tracked: bool = False) -> dict[str, Any]:
    """Facts about this process.

    Args:
        launch: how it was started; ``git`` tells about the repository around its folder.
        only_tracked: leave ``git`` out unless the launch file is under version control there. A run of the
            platform works on an exported copy, which may lie inside of somebody else's repository.
    """
    import getpass  # noqa: PLC0415 - nothing here is needed before a run starts
    import platform  # noqa: PLC0415
    import socket  # noqa: PLC0415

    cwd, argv, command, launch_file = launch or Launch.current()
    folder, filename = os.path.split(launch_file) if launch_file else (cwd, None)
    env: dict[str, Any] = {
        "pid": os.getpid(),
        "hostname": socket.gethostname(),
        "os": platform.platform(aliased=True),
        "system": platform.system(),
        "python_version_verbose": sys.version,
        "python_version": platform.python_version(),
        "user": _quietly(getpass.getuser),
        "client_version": __version__,
        "sys.argv": argv,
        "command": command,
        "is_notebook": is_notebook(),
        "launch_file": launch_file,
        "filename": filename,
        "module_path": folder,
        "packages": get_packages(),
    }
    if not only_tracked or code_ref.is_tracked(launch_file):
        env["git"] = code_ref.get_revision(cwd)
    return env


def get_command() -> list[str]:
    """The whole command line, the interpreter included."""
    original = getattr(sys, "orig_argv", None)
    return list(original) if original else [sys.executable, *sys.argv]


def get_launch_file() -> str | None:
    """Absolute path of the script that was started; ``None`` in interactive sessions."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    return os.path.abspath(path) if path else None  # noqa: PTH100


def is_notebook() -> bool:
    shell = sys.modules.get("IPython")
    if shell is None:
        return False
    running = shell.get_ipython()
    return running is not None and type(running).__name__ == "ZMQInteractiveShell"


def get_packages() -> list[str]:
    """Installed distributions as sorted ``name==version``."""
    from importlib.metadata import distributions  # noqa: PLC0415

    found = set()
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found.add(f"{name}=={distribution.version}")
    return sorted(found, key=str.lower)


def _quietly(call: Any) -> str | None:
    try:
        return str(call())
    except (KeyError, OSError):  # no such user in this container
        return None
