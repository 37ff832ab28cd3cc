"""Addresses of catalogs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern

from api.catalogs import serializers, views
from api.routes import route
from polyaxon.db.models import DataStore, GitAccess, K8SConfigMap, K8SSecret, RegistryAccess

CATALOGS: dict[str, dict[str, Any]] = {
    "data_stores": {"model": DataStore, "serializer_class": serializers.DataStoreSerializer},
    "k8s_secrets": {"model": K8SSecret, "serializer_class": serializers.SecretSerializer},
    "k8s_config_maps": {"model": K8SConfigMap, "serializer_class": serializers.ConfigMapSerializer},
    "git_access": {"model": GitAccess, "serializer_class": serializers.GitAccessSerializer},
    "registry_access": {"model": RegistryAccess, "serializer_class": serializers.RegistryAccessSerializer},
}


def _routes() -> Iterator[URLPattern]:
    for catalog, shape in CATALOGS.items():
        yield route(f"catalogs/{catalog}", views.CatalogView, **shape)
        yield route(f"catalogs/{catalog}/names", views.CatalogNamesView, model=shape["model"])
        # Another spelling, which the description leaves out.
        yield route(f"catalogs/{catalog}/name", views.CatalogNamesView, model=shape["model"], schema=None)
        yield route(f"catalogs/{catalog}/<str:name>", views.CatalogEntryView, **shape)


urlpatterns = list(_routes())
