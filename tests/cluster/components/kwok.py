"""kwok: plays nodes, and pods on them, that do not exist."""

from __future__ import annotations

from typing import ClassVar

from tests.cluster import binaries, certificates
from tests.cluster.components.base import Component

ANNOTATION = "kwok.x-k8s.io/node"
"""Nodes with this annotation, of value `fake`, are kwok's."""
SECONDS = "fake/seconds"
"""Annotation of a pod on such a node: how long it runs, as in `2.5s`, until it succeeds. Others run until deleted."""

# What becomes of pods: they run at once, end when they say so, and go when they are deleted.
STAGES = """
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: runs}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - {key: .status.podIP, operator: DoesNotExist}
  next:
    statusTemplate: |
      {{ $now := Now }}
      phase: Running
      startTime: {{ $now | Quote }}
      hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
      podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
      conditions:
      {{ range $kind := (list "Initialized" "ContainersReady" "Ready") }}
      - {type: {{ $kind }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
      {{ end }}
      initContainerStatuses:
      {{ range .spec.initContainers }}
      - name: {{ .name | Quote }}
        image: {{ .image | Quote }}
        ready: true
        restartCount: 0
        state:
          terminated:
            exitCode: 0
            reason: Completed
            startedAt: {{ $now | Quote }}
            finishedAt: {{ $now | Quote }}
      {{ end }}
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name | Quote }}
        image: {{ .image | Quote }}
        ready: true
        started: true
        restartCount: 0
        state: {running: {startedAt: {{ $now | Quote }}}}
      {{ end }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: ends}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - {key: .status.phase, operator: In, values: [Running]}
    - {key: '.metadata.annotations["fake/seconds"]', operator: Exists}
  delay:
    durationMilliseconds: 1000
    durationFrom: {expressionFrom: '.metadata.annotations["fake/seconds"]'}
  next:
    statusTemplate: |
      {{ $now := Now }}
      {{ $pod := . }}
      phase: Succeeded
      containerStatuses:
      {{ range $place, $container := .spec.containers }}
      {{ $seen := index $pod.status.containerStatuses $place }}
      - name: {{ $container.name | Quote }}
        image: {{ $container.image | Quote }}
        ready: false
        started: false
        restartCount: 0
        state:
          terminated:
            exitCode: 0
            reason: Completed
            startedAt: {{ $seen.state.running.startedAt | Quote }}
            finishedAt: {{ $now | Quote }}
      {{ end }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: goes}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: Exists}
  next:
    finalizers: {empty: true}
    delete: true
"""


class Kwok(Component):
    """kwok for nodes with the annotation only."""

    name: ClassVar[str] = "kwok"

    def prepare(self) -> None:
        self.plan.write(STAGES, "stages.yaml")

    def command(self) -> list[str]:
        return [
            str(binaries.program(self.name)),
            f"--config={self.plan.folder / 'stages.yaml'}",
            f"--kubeconfig={certificates.kubeconfig(self.plan, 'kwok')}",
            "--manage-all-nodes=false",
            f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
            f"--cidr={self.plan.fake_pods}",
            f"--node-ip={self.plan.node}",
            "--node-lease-duration-seconds=40",
            "--server-address=127.0.0.1:10247",
        ]

    def probe(self) -> None:
        self.ask_inside(10247, "/healthz")
