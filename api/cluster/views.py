"""The cluster, its nodes and their GPUs."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from api.cluster.serializers import ClusterSerializer, GPUSerializer, NodeDetailSerializer, NodeSerializer
from api.permissions import RunTokenKeepsToItsRun
from api.platform.access import AdminsWrite
from api.views import BaseView
from polyaxon.actions import cluster as actions
from polyaxon.db.models import ClusterNode, NodeGPU

if TYPE_CHECKING:
    from rest_framework.request import Request


def current_nodes() -> QuerySet[ClusterNode]:
    """Nodes that were there when the cluster was last looked at."""
    return ClusterNode.objects.filter(is_current=True).order_by("sequence")


class _ClusterView(BaseView):
    """In 0.6 every user could change nodes. What all users see, administrators change."""

    permission_classes = (IsAuthenticated, RunTokenKeepsToItsRun, AdminsWrite)
    queryset = ClusterNode.objects.none()

    def node(self) -> ClusterNode:
        node = current_nodes().filter(sequence=self.kwargs["sequence"]).first()
        if node is None:
            raise Http404(f"The cluster has no node {self.kwargs['sequence']}.")
        return node

    def checked(self, row: Any, request: Request) -> Any:
        """The serializer of `row` with what a PUT or PATCH changes. Raises 400."""
        serializer = self.get_serializer(row, data=request.data, partial=request.method == "PATCH")
        serializer.is_valid(raise_exception=True)
        return serializer


class ClusterView(_ClusterView):
    """The cluster that this platform runs on."""

    serializer_class = ClusterSerializer

    def get(self, request: Request) -> Response:
        context = {**self.get_serializer_context(), "nodes": current_nodes()}
        return Response(ClusterSerializer(actions.the_cluster(), context=context).data)


class NodesView(_ClusterView):
    """Current nodes."""

    lists = True
    serializer_class = NodeSerializer

    def get(self, request: Request) -> Response:
        return self.paged(current_nodes(), NodeSerializer)

    @extend_schema(responses={201: NodeSerializer})
    def post(self, request: Request) -> Response:
        node = actions.add_node(self.valid(NodeSerializer))
        return Response(NodeSerializer(node).data, status=status.HTTP_201_CREATED)


class NodeView(_ClusterView):
    """One node. Its GPUs have addresses of their own."""

    serializer_class = NodeDetailSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return self._detail(self.node())

    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change(request)

    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change(request)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        actions.remove_node(self.node())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request) -> Response:
        node = self.node()
        return self._detail(actions.change_node(node, self.checked(node, request).validated_data))

    def _detail(self, node: ClusterNode) -> Response:
        return Response(self.get_serializer(node).data)


class GPUsView(_ClusterView):
    """GPUs of a node."""

    lists = True
    serializer_class = GPUSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.paged(self.node().gpus.select_related("cluster_node").order_by("index"), GPUSerializer)

    @extend_schema(responses={201: GPUSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        gpu = actions.add_gpu(self.node(), self.valid(GPUSerializer))
        return Response(GPUSerializer(gpu).data, status=status.HTTP_201_CREATED)


class GPUView(_ClusterView):
    """One GPU of a node."""

    serializer_class = GPUSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.gpu()).data)

    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change(request)

    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change(request)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        self.gpu().delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def gpu(self) -> NodeGPU:
        node = self.node()
        gpu = node.gpus.select_related("cluster_node").filter(index=self.kwargs["index"]).first()
        if gpu is None:
            raise Http404(f"Node {node.sequence} has no GPU {self.kwargs['index']}.")
        return gpu

    def _change(self, request: Request) -> Response:
        gpu = self.gpu()
        changed = actions.change_gpu(gpu, self.checked(gpu, request).validated_data)
        return Response(self.get_serializer(changed).data)
