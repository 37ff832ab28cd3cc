"""The pod that a run is submitted as: `python -m bench.kubernetes_manifest UUID`, in the server's environment."""

from __future__ import annotations

import json
import os
import sys

import django


def main(run: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyaxon.settings")
    django.setup()
    from django.conf import settings  # noqa: PLC0415 - needs Django

    from polyaxon.db.models import Experiment  # noqa: PLC0415
    from scheduler.launches import launch_spec  # noqa: PLC0415
    from scheduler.runners.kubernetes.manifests import objects  # noqa: PLC0415
    from scheduler.runners.kubernetes.settings import cluster_settings  # noqa: PLC0415

    found = objects(launch_spec(Experiment.objects.get(uuid=run), "secret"), cluster_settings(settings.CONFIG))
    print(json.dumps(found[-1]))


if __name__ == "__main__":
    main(sys.argv[1])
