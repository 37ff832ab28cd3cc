"""Kubernetes events: reflector, and the mapping from pod state to status. Comes with the cluster back-end."""
