"""Whether this server can work."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and has every table, otherwise 503 and why."""
    del request
    problem = _problem()
    if problem:
        return JsonResponse({"status": "unavailable", "detail": problem}, status=503)
    return JsonResponse({"status": "ok"})


class _Migrations:
    """Asks once they are known to be applied: the answer cannot turn back while the process lives."""

    applied = False


def _problem() -> str | None:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _Migrations.applied:
            executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
            _Migrations.applied = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "The database does not answer."
    return None if _Migrations.applied else "The database lacks migrations. Run `manage.py migrate`."
