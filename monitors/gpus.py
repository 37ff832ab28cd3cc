"""GPUs of pods, as NVIDIA's DCGM exporter tells them in Prometheus' text format. Reading it is pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MIB = 1024 * 1024
PORT = 9400
# Its default counters: what we call them, and their unit in ours (percent, bytes, degrees Celsius, watts).
_COUNTERS = {
    "DCGM_FI_DEV_GPU_UTIL": ("percent", 1),
    "DCGM_FI_DEV_FB_USED": ("memory_bytes", MIB),
    "DCGM_FI_DEV_FB_FREE": ("memory_free_bytes", MIB),
    "DCGM_FI_DEV_GPU_TEMP": ("celsius", 1),
    "DCGM_FI_DEV_POWER_USAGE": ("watts", 1),
}
_SAMPLE = re.compile(r"(\w+)\{(.*)\}\s+(\S+)(?:\s+\d+)?\s*")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class PodName(NamedTuple):
    """Where a pod is found."""

    namespace: str
    name: str


@dataclass(slots=True)
class Gpu:
    """One GPU that a pod has; values by our names."""

    index: int
    uuid: str
    model: str
    values: dict[str, float] = field(default_factory=dict)


def read(text: str) -> dict[PodName, list[Gpu]]:
    """GPUs by the pod that has them; those that no pod has, and lines that mean nothing here, are left out."""
    found: dict[tuple[PodName, str], Gpu] = {}
    for name, labels, value in _samples(text):
        pod = PodName(labels.get("namespace", ""), labels.get("pod", ""))
        if not pod.name or not labels.get("gpu", "").isdigit():
            continue
        # A slice of a GPU is told with the number of its whole.
        key = labels.get("UUID", labels["gpu"]) + labels.get("GPU_I_ID", "")
        gpu = found.setdefault((pod, key), Gpu(int(labels["gpu"]), key, labels.get("modelName", "")))
        ours, factor = _COUNTERS[name]
        gpu.values[ours] = value * factor
    by_pod: dict[PodName, list[Gpu]] = {}
    for (pod, _), gpu in found.items():
        by_pod.setdefault(pod, []).append(gpu)
    return {pod: sorted(gpus, key=lambda each: (each.index, each.uuid)) for pod, gpus in by_pod.items()}


def _samples(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for line in text.splitlines():
        found = _SAMPLE.fullmatch(line)
        if found is None or found[1] not in _COUNTERS:
            continue
        try:
            value = float(found[3])
        except ValueError:
            continue
        yield found[1], dict(_LABEL.findall(found[2])), value


def series(gpus: list[Gpu]) -> dict[str, float]:
    """Values of the run's GPUs, counted from 0 as the run counts them, by names of series."""
    return {f"gpu_{number}_{name}": value for number, gpu in enumerate(gpus) for name, value in gpu.values.items()}
