"""Events: what happened, written with the change itself, read by subscribers.

`emit` adds an `Event` row in the caller's transaction. Subscribers run in that transaction too, so they only write rows
(the activity log does); what must reach the outside follows the rows later, on its own, and cannot break the change.
"""

from polyaxon.events import activity, webhooks  # noqa: F401 - they subscribe
from polyaxon.events.activity import acts_of
from polyaxon.events.registry import emit, make, store, store_unheard, subscribe

__all__ = ["acts_of", "emit", "make", "store", "store_unheard", "subscribe"]
