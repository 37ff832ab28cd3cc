"""`manage.py createuser`: an account from the command line."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from polyaxon.actions.users import create_user
from polyaxon.db.models import User
from polyaxon.errors import InvalidInput


class Command(BaseCommand):
    help = "Make an account. An existing one is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument("--password", required=True)
        parser.add_argument("--email", required=True)
        parser.add_argument("--superuser", action="store_true")
        parser.add_argument("--force", action="store_true", help="take a weak password")

    def handle(self, *_: Any, **options: Any) -> None:
        if User.objects.filter(username=options["username"]).exists():
            self.stdout.write(f"The account {options['username']} exists already.")
            return
        if User.objects.filter(email__iexact=options["email"]).exists():
            raise CommandError(f"An account with the address {options['email']} exists already.")
        try:
            if not options["force"]:
                validate_password(options["password"])
            create_user(
                options["username"],
                options["password"],
                email=options["email"],
                superuser=options["superuser"],
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except InvalidInput as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Account {options['username']} made.")
