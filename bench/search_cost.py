"""What a trial costs a search on Postgres, beside Optuna with its storage on the same server.

Ours: the rows of a suggestion, its dispatch, launch, statuses, events, one reported value and its search's passes, with
a runner that starts nothing. Optuna: asking for a trial, its parameters, and telling one value. And what suggestions
take of samplers that model trials, beside the same samplers alone with their trials in memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.backends import DURABLE
from tests.embedded.server import ROOT, postgres_environment
from tests.services.postgres import Postgres

TRIALS, QUICK_TRIALS = 1_000, 60
AT_ONCE = 8
LARGE, QUICK_LARGE = 10_000, 300
OURS = ("grid", "random", "qmc", "hyperband", "asha", "tpe", "cma_es")
KEYS = ("rest", "suggestion")
OPTUNA = ("grid", "random", "tpe")
MODELLED, QUICK_MODELLED = 200, 30  # trials of a Bayesian optimisation, whose model is fitted anew for each


def main(*, quick: bool = False) -> None:
    trials, large, modelled = (QUICK_TRIALS, QUICK_LARGE, QUICK_MODELLED) if quick else (TRIALS, LARGE, MODELLED)
    print(f"{trials:,} trials; ms a trial, median (of the last hundred)\n")
    print("| search | one at a time: all but the suggestion | suggestion | eight at a time: all but it | suggestion |")
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="polyaxon-bench-") as folder, Postgres(settings=DURABLE) as postgres:
        environment = _environment(postgres.url, Path(folder))
        found: dict[str, list[dict[str, Any]]] = {}
        for name in OURS:
            found[name] = _of_ours(environment, name, trials)
            print(_row(f"ours, {name}", *found[name]), flush=True)
        for name in OPTUNA:
            figures = _measured(environment, "bench.search_cost_optuna", name, trials)
            print(_row(f"Optuna, {name}", figures), flush=True)
        print("\n| sampler, one at a time | a suggestion | alone, in memory | times as long |\n|---|---|---|---|")
        for name in ("tpe", "cma_es"):
            print(_beside(name, trials, found[name][0], _alone(environment, name, trials)), flush=True)
        bo = _measured(environment, "bench.search_cost_ours", "bo", modelled, 1)
        print(_beside("bo", modelled, bo, _alone(environment, "bo", modelled)), flush=True)
        grid = _measured(environment, "bench.search_cost_ours", "grid", large, 50)
    print(f"\nA grid of {large:,} trials, 50 at a time: longest pass {grid['longest_pass']:.0f} ms; memory", end=" ")
    print(f"{grid['memory_start']:.0f} MiB after the first hundred, {grid['memory_end']:.0f} MiB at the end.")


def _environment(url: str, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        **postgres_environment(url),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}",
        "POLYAXON_DATA_DIR": str(folder),
        "POLYAXON_LOCAL_CONCURRENCY": "64",
        "DJANGO_SETTINGS_MODULE": "polyaxon.settings",
        "BENCH_POSTGRES": url,
    }


def _measured(environment: dict[str, str], module: str, *arguments: Any) -> dict[str, Any]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _of_ours(environment: dict[str, str], name: str, trials: int) -> list[dict[str, Any]]:
    return [_measured(environment, "bench.search_cost_ours", name, trials, at_once) for at_once in (1, AT_ONCE)]


def _alone(environment: dict[str, str], name: str, trials: int) -> dict[str, Any]:
    return _measured(environment, "bench.search_cost_alone", name, trials)


def _beside(name: str, trials: int, ours: dict[str, Any], alone: dict[str, Any]) -> str:
    pairs = [f"{each['suggestion']:.1f} ({each['suggestion_late']:.1f})" for each in (ours, alone)]
    ratio = f"{ours['suggestion'] / alone['suggestion']:.2f} ({ours['suggestion_late'] / alone['suggestion_late']:.2f})"
    return f"| {name}, {trials:,} trials | {' | '.join(pairs)} | {ratio} |"


def _row(name: str, one: dict[str, Any], several: dict[str, Any] | None = None) -> str:
    """`several`: with several trials under way; Optuna is asked by one at a time only."""
    pairs = [(figures, key) for figures in (one, several) for key in KEYS]
    cells = [f"{figures[key]:.1f} ({figures[f'{key}_late']:.1f})" if figures else "" for figures, key in pairs]
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
