"""Numbers of rows that are to be stored, drawn before. On Postgres."""

from __future__ import annotations

from functools import cache

from django.db.models import Model

from polyaxon.db.server_side import answers


@cache
def next_number(model: type[Model]) -> str:
    """An expression that draws the next number of a model's rows.

    The name of the sequence stands in it: Postgres looks for it in three catalogs, which takes longer than all else
    that is asked with the number.
    """
    ((name,),) = answers("SELECT pg_get_serial_sequence(%s, %s)", model._meta.db_table, model._meta.pk.column)
    return f"nextval('{name}'::regclass)"
