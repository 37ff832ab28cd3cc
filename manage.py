#!/usr/bin/env python
"""Django's command line, with the platform's own commands: `serve`, `createuser`, `settings_table` …"""

import os
import signal
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyaxon.settings")
    if sys.argv[1:2] in (["serve"], ["component"]):
        # Until they handle signals themselves Ctrl-C ends them as SIGTERM does. As an exception it may be raised where
        # Python ignores all, in a finalizer, and be lost.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.argv[1:2] == ["serve"]:
        from scheduler.embedded.options import to_environment

        to_environment(sys.argv[2:])
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
