"""Models, one module per concept."""

from polyaxon.db.models.code import CodeReference, Repo
from polyaxon.db.models.events import ActivityLog, Event
from polyaxon.db.models.experiments import Experiment, ExperimentJob
from polyaxon.db.models.groups import ExperimentGroup, ExperimentGroupIteration
from polyaxon.db.models.jobs import Job
from polyaxon.db.models.locks import PassLock
from polyaxon.db.models.metrics import MetricBatch, MetricPoint, MetricSeries
from polyaxon.db.models.projects import Project
from polyaxon.db.models.statuses import (
    ExperimentGroupStatus,
    ExperimentJobStatus,
    ExperimentStatus,
    JobStatus,
    StatusRecord,
)
from polyaxon.db.models.users import Owner, Token, User

__all__ = [
    "ActivityLog",
    "CodeReference",
    "Event",
    "Experiment",
    "ExperimentGroup",
    "ExperimentGroupIteration",
    "ExperimentGroupStatus",
    "ExperimentJob",
    "ExperimentJobStatus",
    "ExperimentStatus",
    "Job",
    "JobStatus",
    "MetricBatch",
    "MetricPoint",
    "MetricSeries",
    "Owner",
    "PassLock",
    "Project",
    "Repo",
    "StatusRecord",
    "Token",
    "User",
]
