"""The real services that tests run against: started on free loopback ports, stopped and removed again."""

from tests.services.base import Service, ServiceError, free_port
from tests.services.packages import PackagesMissingError, ensure_packages, missing_packages
from tests.services.postgres import Postgres
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis_server import Redis
from tests.services.stack import ServiceStack

__all__ = [
    "PackagesMissingError",
    "Postgres",
    "RabbitMQ",
    "Redis",
    "Service",
    "ServiceError",
    "ServiceStack",
    "ensure_packages",
    "free_port",
    "missing_packages",
]
