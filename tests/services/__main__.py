"""`make services`: start all services, print their addresses, serve until Ctrl-C."""

from __future__ import annotations

import signal
import sys

from scripts.processes import Interrupted, raising_signals
from tests.services import PackagesMissingError, ServiceError, ServiceStack, ensure_packages


def main() -> int:
    """Exit code 0 after a stop signal, 1 when a service does not start."""
    try:
        with raising_signals():
            ensure_packages()
            with ServiceStack() as stack:
                for name, value in stack.environment().items():
                    sys.stdout.write(f"export {name}={value}\n")
                sys.stdout.flush()
                signal.pause()
    except Interrupted:
        return 0
    except (PackagesMissingError, ServiceError) as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
