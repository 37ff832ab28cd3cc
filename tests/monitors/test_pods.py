"""What is read of nodes, of kubelets and of NVIDIA's exporter."""

from __future__ import annotations

import pytest

from monitors import gpus
from monitors.nodes import amount, described
from polyaxon.actions.resources import gpu_messages

LABELS = (
    'gpu="{gpu}",UUID="GPU-{gpu}",pci_bus_id="00000000:00:1E.0",device="nvidia{gpu}",modelName="Tesla T4",'
    'Hostname="node",container="main",namespace="runs",pod="{pod}"'
)


def exported(gpu: int, pod: str, **counters: float) -> str:
    labels = LABELS.format(gpu=gpu, pod=pod)
    return "".join(f"DCGM_FI_DEV_{name}{{{labels}}} {value}\n" for name, value in counters.items())


def test_gpus_by_pod() -> None:
    text = (
        "# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).\n# TYPE DCGM_FI_DEV_GPU_UTIL gauge\n"
        + exported(5, "one", GPU_UTIL=97, FB_USED=1024, FB_FREE=3072, GPU_TEMP=61, POWER_USAGE=68.5, SM_CLOCK=1590)
        + exported(2, "one", GPU_UTIL=3)
        + exported(0, "two", GPU_UTIL=50)
        + exported(1, "", GPU_UTIL=9)
        + 'DCGM_FI_DEV_GPU_UTIL{gpu="x",pod="two"} 1\nDCGM_FI_DEV_GPU_UTIL{gpu="1",pod="two"} ?\nnonsense\n'
    )
    found = gpus.read(text)
    assert {pod.name: [gpu.index for gpu in each] for pod, each in found.items()} == {"one": [2, 5], "two": [0]}
    assert gpus.series(found[gpus.PodName("runs", "one")]) == {
        "gpu_0_percent": 3.0,
        "gpu_1_percent": 97.0,
        "gpu_1_memory_bytes": 1024.0**3,
        "gpu_1_memory_free_bytes": 3 * 1024.0**3,
        "gpu_1_celsius": 61.0,
        "gpu_1_watts": 68.5,
    }


def test_slices_of_one_gpu_are_told_apart() -> None:
    labels = 'gpu="0",UUID="GPU-0",GPU_I_ID="{}",namespace="runs",pod="one"'
    text = "".join(f"DCGM_FI_DEV_FB_USED{{{labels.format(number)}}} {number}\n" for number in (7, 8))
    assert [gpu.values["memory_bytes"] for gpu in gpus.read(text)[gpus.PodName("runs", "one")]] == [
        7 * 2**20,
        8 * 2**20,
    ]


def test_how_samples_of_gpus_are_shown() -> None:
    assert gpu_messages({"cpu_percent": 5.0}) is None
    (shown,) = gpu_messages({"gpu_0_percent": 97.0, "gpu_0_memory_bytes": 1.0, "gpu_0_memory_free_bytes": 3.0}) or []
    assert (shown["index"], shown["utilization_gpu"], shown["memory_total"], shown["memory_utilization"]) == (
        0,
        97.0,
        4,
        25.0,
    )


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("16Gi", 16 * 1024**3),
        ("16G", 16 * 10**9),
        ("3900m", 3.9),
        ("4", 4),
        ("1.5", 1.5),
        ("1e3", 1000),
        ("129e6", 129e6),
        (8, 8),
        (None, 0),
        ("?", 0),
    ],
)
def test_quantities(told: object, number: float) -> None:
    assert float(amount(told)) == pytest.approx(number)


NODE = {
    "metadata": {"name": "gpu-1", "labels": {"node-role.kubernetes.io/control-plane": ""}},
    "spec": {"unschedulable": True, "taints": [{"key": "gpu", "effect": "NoSchedule"}]},
    "status": {
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": "gpu-1.lan"}],
        "capacity": {"cpu": "8", "memory": "64Gi", "nvidia.com/gpu": "2"},
        "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "False"}],
        "nodeInfo": {
            "kubeletVersion": "v1.34.4",
            "osImage": "Debian",
            "kernelVersion": "6.1",
            "containerRuntimeVersion": "containerd://1.6",
        },
    },
}


def test_a_node() -> None:
    found = described(NODE, "nvidia.com/gpu")
    assert (found.name, found.hostname, found.role, found.status) == ("gpu-1", "gpu-1.lan", "master", "notReady")
    assert (found.cpu, found.memory, found.n_gpus) == (8.0, 64 * 1024**3, 2)
    assert (found.schedulable_taints, found.schedulable_state) == (False, False)
    assert (found.kubelet_version, found.docker_version) == ("v1.34.4", "containerd://1.6")


def test_a_node_that_says_nothing() -> None:
    found = described({"metadata": {"name": "new"}}, "nvidia.com/gpu")
    assert (found.name, found.status, found.cpu, found.schedulable_state) == ("new", "unknown", 0.0, True)
