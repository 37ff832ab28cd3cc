"""`manage.py component NAME`: one process of a server in parts."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from polyaxon.components.process import Component, StartRefused
from polyaxon.components.registry import COMPONENTS


class Command(BaseCommand):
    help = "Run one component of the platform until SIGTERM; any number of replicas of each may run."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", choices=COMPONENTS, help="which one")

    def handle(self, *_: Any, name: str, **__: Any) -> None:
        try:
            component = Component(name)
        except StartRefused as error:
            raise CommandError(str(error)) from error
        sys.exit(component.run())
