"""The one Django app with models."""

from django.apps import AppConfig


class DbConfig(AppConfig):
    name = "polyaxon.db"
    label = "db"
