"""Labels and annotations by which pods of runs are known."""

from __future__ import annotations

MANAGED_BY = ("app.kubernetes.io/managed-by", "polyaxon")
RUN, ATTEMPT, KIND = "polyaxon.com/run", "polyaxon.com/attempt", "polyaxon.com/kind"
ROLE, INDEX = "polyaxon.com/role", "polyaxon.com/index"
# What operators number the pods of one template by.
OPERATOR_INDEXES = ("training.kubeflow.org/replica-index", "batch.kubernetes.io/job-completion-index")
MAIN_CONTAINER = "polyaxon.com/main-container"  # annotation: its name
INIT_CONTAINER, SIDECAR_CONTAINER = "polyaxon-init-job", "polyaxon-sidecar-job"
SELECTOR = f"{MANAGED_BY[0]}={MANAGED_BY[1]},{RUN}"
