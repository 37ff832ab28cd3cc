"""The platform's processes: what each runs, who may act where only one may, how they do and when they end."""

from polyaxon.components.leases import LeaseLost
from polyaxon.components.registry import COMPONENTS, loop
from polyaxon.components.seats import Fatal
from polyaxon.components.turns import Turn

__all__ = ["COMPONENTS", "Fatal", "LeaseLost", "Turn", "loop"]
