"""Addresses of webhooks."""

from __future__ import annotations

from api.routes import project_route
from api.webhooks import views

urlpatterns = [
    project_route("webhooks", views.WebhooksView),
    project_route("webhooks/<int:id>", views.WebhookView),
    project_route("webhooks/<int:id>/deliveries", views.DeliveriesView),
]
