"""Models, one module per concept."""

from polyaxon.db.models.artifacts import Artifact
from polyaxon.db.models.bookmarks import BOOKMARKABLE, Bookmark
from polyaxon.db.models.builds import BuildJob, BuildJobStatus
from polyaxon.db.models.catalogs import CatalogEntry, DataStore, GitAccess, K8SConfigMap, K8SSecret, RegistryAccess
from polyaxon.db.models.chart_views import ChartView, ExperimentChartView, GroupChartView
from polyaxon.db.models.cluster import Cluster, ClusterEvent, ClusterNode, NodeGPU
from polyaxon.db.models.code import CodeReference, Repo
from polyaxon.db.models.decisions import SearchDecision
from polyaxon.db.models.ephemeral import EphemeralToken
from polyaxon.db.models.events import ActivityLog, Event
from polyaxon.db.models.experiments import Experiment, ExperimentJob
from polyaxon.db.models.external import CI, ExternalRepo
from polyaxon.db.models.groups import ExperimentGroup, ExperimentGroupIteration
from polyaxon.db.models.idempotency import IdempotencyKey
from polyaxon.db.models.jobs import Job
from polyaxon.db.models.leases import Lease
from polyaxon.db.models.locks import PassLock
from polyaxon.db.models.log_shipments import LogShipment, LogStream
from polyaxon.db.models.metrics import MetricBatch, MetricPoint, MetricSeries
from polyaxon.db.models.options import ConfigOption
from polyaxon.db.models.plugins import NotebookJob, NotebookJobStatus, TensorboardJob, TensorboardJobStatus
from polyaxon.db.models.pods import PodState, PodWatch
from polyaxon.db.models.projects import Project
from polyaxon.db.models.reports import StatusReport
from polyaxon.db.models.searches import Search
from polyaxon.db.models.statuses import (
    ExperimentGroupStatus,
    ExperimentJobStatus,
    ExperimentStatus,
    JobStatus,
    StatusRecord,
)
from polyaxon.db.models.teams import (
    MemberRole,
    Membership,
    Organization,
    ProjectRole,
    Team,
    TeamMember,
    TeamProject,
)
from polyaxon.db.models.users import Owner, Token, User
from polyaxon.db.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "BOOKMARKABLE",
    "CI",
    "ActivityLog",
    "Artifact",
    "Bookmark",
    "BuildJob",
    "BuildJobStatus",
    "CatalogEntry",
    "ChartView",
    "Cluster",
    "ClusterEvent",
    "ClusterNode",
    "CodeReference",
    "ConfigOption",
    "DataStore",
    "EphemeralToken",
    "Event",
    "Experiment",
    "ExperimentChartView",
    "ExperimentGroup",
    "ExperimentGroupIteration",
    "ExperimentGroupStatus",
    "ExperimentJob",
    "ExperimentJobStatus",
    "ExperimentStatus",
    "ExternalRepo",
    "GitAccess",
    "GroupChartView",
    "IdempotencyKey",
    "Job",
    "JobStatus",
    "K8SConfigMap",
    "K8SSecret",
    "Lease",
    "LogShipment",
    "LogStream",
    "MemberRole",
    "Membership",
    "MetricBatch",
    "MetricPoint",
    "MetricSeries",
    "NodeGPU",
    "NotebookJob",
    "NotebookJobStatus",
    "Organization",
    "Owner",
    "PassLock",
    "PodState",
    "PodWatch",
    "Project",
    "ProjectRole",
    "RegistryAccess",
    "Repo",
    "Search",
    "SearchDecision",
    "StatusRecord",
    "StatusReport",
    "Team",
    "TeamMember",
    "TeamProject",
    "TensorboardJob",
    "TensorboardJobStatus",
    "Token",
    "User",
    "Webhook",
    "WebhookDelivery",
]
