"""Fill a server's database with runs that have metrics: `python -m bench.seed NUMBER`, in the server's environment.

By bulk insert, because over HTTP it would take longer than all that is measured.
"""

from __future__ import annotations

import os
import sys

import django


def main(runs: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyaxon.settings")
    django.setup()
    from polyaxon.actions.statuses import first_status  # noqa: PLC0415 - needs Django
    from polyaxon.db.models import Experiment, MetricSeries, Project  # noqa: PLC0415

    project = Project.objects.select_related("user").get(name="bench")
    made = Experiment.objects.bulk_create(
        [
            Experiment(
                project=project, user=project.user, is_managed=False, params={f"p{place}": place for place in range(5)}
            )
            for _ in range(runs)
        ],
        batch_size=500,
    )
    first_status(made[0])
    MetricSeries.objects.bulk_create(
        [
            MetricSeries(
                run=run.uuid, experiment=run, project=project, name=name, count=1, last=value, min=value, max=value
            )
            for number, run in enumerate(made)
            for name, value in values(number, runs).items()
        ],
        batch_size=500,
    )


def values(number: int, runs: int) -> dict[str, float]:
    """Last value of each metric of a run."""
    return {"ranked": float((number * 7919) % runs), **{f"m{place}": float(number) for place in range(4)}}


if __name__ == "__main__":
    main(int(sys.argv[1]))
