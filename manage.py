#!/usr/bin/env python
"""Django's command line, with the platform's own commands: `serve`, `createuser`, `settings_table` …"""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyaxon.settings")
    if sys.argv[1:2] == ["serve"]:
        from scheduler.embedded.options import to_environment

        to_environment(sys.argv[2:])
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
