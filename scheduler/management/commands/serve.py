"""`manage.py serve`: the whole platform in one process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scheduler.embedded.options import add_arguments
from scheduler.embedded.server import StartRefused, serve


class Command(BaseCommand):
    help = "Migrate, make the admin account, and serve API, worker and periodic passes until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            serve()
        except StartRefused as error:
            raise CommandError(str(error)) from error
