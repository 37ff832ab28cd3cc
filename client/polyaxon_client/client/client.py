"""The API client."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

from polyaxon_client.client.auth import AuthApi
from polyaxon_client.client.base import BaseApi
from polyaxon_client.client.bookmark import BookmarkApi
from polyaxon_client.client.build_job import BuildJobApi
from polyaxon_client.client.experiment import ExperimentApi
from polyaxon_client.client.experiment_group import ExperimentGroupApi
from polyaxon_client.client.experiment_job import ExperimentJobApi
from polyaxon_client.client.job import JobApi
from polyaxon_client.client.project import ProjectApi
from polyaxon_client.client.user import UserApi
from polyaxon_client.client.version import ClusterApi, VersionApi
from polyaxon_client.settings import Settings, Verify, load_settings
from polyaxon_client.transport import Transport

if TYPE_CHECKING:
    from polyaxon_client.workers import Background
    from polyaxon_client.workers.health import HealthChecks


class PolyaxonClient:
    """Access to all of the API. Whatever is not given comes from environment and files of the tool.

    Args:
        host, port, use_https, verify_ssl: the address; ``port`` and ``http_port`` are the same.
        token: the user's token. authentication_type: the word before it, ``Token`` by default.
        reraise: raise every failure. Off, failures but 401 are logged and give ``None`` (lists: ``[]``).
        schema_response: answers are objects with attributes (:class:`Record`) instead of plain dicts.
        timeout: seconds per request.

    Raises:
        ConfigurationError: no address is known.
    """

    def __init__(
        self,
        api_config: Settings | None = None,
        host: str | None = None,
        token: str | None = None,
        port: int | None = None,
        http_port: int | None = None,
        ws_port: int | None = None,
        use_https: bool | None = None,
        verify_ssl: Verify = None,
        is_managed: bool | None = None,
        authentication_type: str | None = None,
        api_version: str | None = None,
        reraise: bool = False,
        schema_response: bool | None = None,
        timeout: float | None = None,
    ) -> None:
        self.settings = api_config or load_settings()
        self._address: dict[str, Any] = {
            "host": host,
            "port": http_port or port,
            "use_https": use_https,
            "verify_ssl": verify_ssl,
            "token": token,
            "is_managed": is_managed,
            "authentication_type": authentication_type,
            "api_version": api_version,
            "timeout": timeout,
        }
        self.ws_port = ws_port or http_port or port
        self.reraise = reraise
        flag = self.settings.flag("POLYAXON_SCHEMA_RESPONSE")
        self.schema_response = flag if schema_response is None else schema_response
        self.transport = self._connect()
        self.auth = AuthApi(self)
        self.version = VersionApi(self)
        self.cluster = ClusterApi(self)
        self.user = UserApi(self)
        self.bookmark = BookmarkApi(self)
        self.project = ProjectApi(self)
        self.experiment_group = ExperimentGroupApi(self)
        self.experiment = ExperimentApi(self)
        self.experiment_job = ExperimentJobApi(self)
        self.job = JobApi(self)
        self.build_job = BuildJobApi(self)

    @property
    def token(self) -> str | None:
        chosen: str | None = self._address["token"]
        return chosen or self.settings.token

    @cached_property
    def background(self) -> Background:
        """The queue behind ``background=True`` and ``periodic=True``."""
        from polyaxon_client.workers import Background  # noqa: PLC0415 - most callers never need it

        return Background(self.transport.connection, self.settings)

    @cached_property
    def _health(self) -> HealthChecks:
        from polyaxon_client.workers.health import HealthChecks  # noqa: PLC0415 - most callers never need it

        # Looked up at each sign: a changed address or token holds from the next one on.
        return HealthChecks(lambda url: self.transport.request("POST", url), self.settings.heartbeat_interval)

    def set_health_check(self, url: str) -> None:
        """Send a sign of life to ``url`` (complete, such as ``experiment.get_heartbeat_url(...)``) every minute."""
        self._health.set(url)

    def unset_health_check(self, url: str) -> None:
        """No more signs of life to ``url``."""
        self._health.unset(url)

    def set_internal_health_check(self) -> None:
        """The same for ``POLYAXON_INTERNAL_HEALTH_CHECK_URL``, where the platform sets it; else nothing."""
        url = self.settings.text("POLYAXON_INTERNAL_HEALTH_CHECK_URL")
        if url:
            self.set_health_check(self._complete(url))

    def reconcile(self, status: str) -> Any:
        """Tell ``POLYAXON_INTERNAL_RECONCILE_URL`` how the run ended; nothing where the platform sets none."""
        url = self.settings.text("POLYAXON_INTERNAL_RECONCILE_URL")
        if not url:
            return None
        body = {"status": status, "created_at": str(datetime.now(timezone.utc))}
        return BaseApi(self).report(self._complete(url), body)

    def _complete(self, url: str) -> str:
        """``url`` as it is, or a path of this server made complete."""
        return url if "://" in url else f"{self.transport.root_url}/{url.lstrip('/')}"

    def set_host(self, host: str) -> None:
        self._change(host=host)

    def set_http_port(self, http_port: int) -> None:
        self._change(port=http_port)

    def set_ws_port(self, ws_port: int) -> None:
        self.ws_port = ws_port

    def set_use_https(self, use_https: bool) -> None:
        self._change(use_https=use_https)

    def set_verify_ssl(self, verify_ssl: Verify) -> None:
        self._change(verify_ssl=verify_ssl)

    def set_token(self, token: str | None) -> None:
        self._change(token=token)

    def set_is_managed(self, is_managed: bool) -> None:
        self._change(is_managed=is_managed)

    def set_authentication_type(self, authentication_type: str) -> None:
        self._change(authentication_type=authentication_type)

    def set_version_api(self, api_version: str) -> None:
        self._change(api_version=api_version)

    def set_reraise(self, reraise: bool) -> None:
        self.reraise = reraise

    def close(self) -> None:
        """Close the connections; no more signs of life are sent."""
        if "_health" in self.__dict__:
            self._health.stop()
        self.transport.close()

    def _change(self, **values: Any) -> None:
        self._address.update(values)
        self.transport.close()
        self.transport = self._connect()
        self.__dict__.pop("background", None)

    def _connect(self) -> Transport:
        return Transport(self.settings.connection(**self._address))
