"""Options of `manage.py serve`. They are read before the settings are, because they change them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

_VARIABLES = {"host": "POLYAXON_HOST", "port": "POLYAXON_PORT", "data_dir": "POLYAXON_DATA_DIR"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (POLYAXON_HOST, default 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (POLYAXON_PORT, default 8000)")
    parser.add_argument("--data-dir", help="folder of all data (POLYAXON_DATA_DIR, default ./data)")


def to_environment(arguments: Sequence[str]) -> None:
    """Turn the options among `arguments` into the variables that the configuration reads."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_arguments(parser)
    known, _ = parser.parse_known_args(list(arguments))
    for option, variable in _VARIABLES.items():
        value = getattr(known, option)
        if value is not None:
            os.environ[variable] = value
