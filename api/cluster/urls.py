"""Addresses of the cluster."""

from __future__ import annotations

from api.cluster import views
from api.routes import route

NODE = "nodes/<int:sequence>"

urlpatterns = [
    route("cluster", views.ClusterView),
    route("cluster/nodes", views.NodesView),
    route(NODE, views.NodeView),
    route(f"{NODE}/gpus", views.GPUsView),
    route(f"{NODE}/gpus/<int:index>", views.GPUView),
]
