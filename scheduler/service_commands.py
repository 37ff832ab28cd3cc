"""How notebooks and tensorboards are started. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.runners.base import Service

NOTEBOOK_PORT, TENSORBOARD_PORT = 8888, 6006

# The copy of the code ends with the notebook; what is in this folder of it stays.
_OUTPUTS = '[ -e outputs ] || ln -s "$POLYAXON_RUN_OUTPUTS_PATH" outputs\n'

# Old and new Jupyter call the same settings differently, and take those of the other without complaint.
_JUPYTER = """\
exec {program} --no-browser --allow-root --ip="$POLYAXON_SERVICE_HOST" --port="$POLYAXON_SERVICE_PORT" \
--port-retries=0 \
--ServerApp.base_url="$POLYAXON_SERVICE_PATH" --NotebookApp.base_url="$POLYAXON_SERVICE_PATH" \
--ServerApp.allow_remote_access=True --NotebookApp.allow_remote_access=True"""

_TENSORBOARD = """\
exec tensorboard --host="$POLYAXON_SERVICE_HOST" --port="$POLYAXON_SERVICE_PORT" \
--path_prefix="${{POLYAXON_SERVICE_PATH%/}}" {option}="$POLYAXON_SERVICE_FOLDER\""""


@dataclass(frozen=True, slots=True)
class Served:
    """The command of a service, and what is to be known of it."""

    command: str
    service: Service


def notebook(path: str, backend: str, command: str = "") -> Served:
    """`backend`: notebook or lab. `command`: what the installation runs instead of Jupyter."""
    program = "jupyter-lab" if backend == "lab" else "jupyter-notebook"
    package = "jupyterlab" if backend == "lab" else "notebook"
    if command:
        return Served(command, Service(NOTEBOOK_PORT, path, path))
    advice = f"install it beside the server: pip install {package}"
    # The one address that Jupyter answers without its token.
    service = Service(NOTEBOOK_PORT, path, f"{path}api", program, advice)
    return Served(_OUTPUTS + _JUPYTER.format(program=program), service)


def tensorboard(path: str, command: str = "", *, has_names: bool = False) -> Served:
    """`has_names`: the folder is a list, `name:folder,…`."""
    if command:
        return Served(command, Service(TENSORBOARD_PORT, path, path))
    option = "--logdir_spec" if has_names else "--logdir"
    advice = "install it beside the server: pip install tensorboard"
    service = Service(TENSORBOARD_PORT, path, path, "tensorboard", advice)
    return Served(_TENSORBOARD.format(option=option), service)
