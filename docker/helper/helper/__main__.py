"""`python3 -m helper init|sidecar`. What to do is JSON in the variable `POLYAXON_HELPER`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from helper.problems import Problem
from helper.tasks import initialize, keep_storing

# Shown as the reason why the pod ended.
TERMINATION_LOG = Path("/dev/termination-log")
MODES = {"init": initialize, "sidecar": keep_storing}


def main(arguments: list[str]) -> int:
    """Exit code 0 when done, 1 with a reason when it could not be."""
    if len(arguments) != 1 or arguments[0] not in MODES:
        sys.stderr.write(f"usage: python3 -m helper {'|'.join(MODES)}\n")
        return 2
    try:
        MODES[arguments[0]](json.loads(os.environ.get("POLYAXON_HELPER", "{}")))
    except (Problem, OSError) as error:
        _tell(str(error))
        return 1
    return 0


def _tell(reason: str) -> None:
    sys.stderr.write(f"{reason}\n")
    if TERMINATION_LOG.is_file():
        TERMINATION_LOG.write_text(reason[:4000])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
