"""Settings of the client: environment variables and the files that the command line tool writes.

Only the standard library is used, so that the tracking client loads quickly everywhere.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union
from urllib.parse import urlsplit

from polyaxon_client.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("polyaxon_client")

TMP_DIR = Path("/tmp/.polyaxon")  # noqa: S108 - the fixed place where the platform and the tool put these files
CONTEXT_TOKEN = Path("/plx-context/.authtoken")
DEFAULT_HTTP_PORT = 80
DEFAULT_HTTPS_PORT = 443
_TRUE = {"true", "1", "yes", "on", "t", "y"}
_FALSE = {"false", "0", "no", "off", "f", "n", ""}

Verify = Optional[Union[bool, str]]


@dataclass(frozen=True)
class Connection:
    """Where the API is and how to identify; ``base_url`` ends in ``/api/{version}/``, time-out in seconds."""

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    verify: Verify = None
    timeout: float = 25.0


class Settings:
    """Merged settings, see :func:`load_settings`. Parsed when asked for; wrong values warn."""

    def __init__(self, values: Mapping[str, Any], config: Mapping[str, Any], auth: Mapping[str, Any]) -> None:
        self._values = values
        self._config = config
        self._auth = auth

    def text(self, name: str, default: str | None = None) -> str | None:
        value = self._values.get(name)
        if value is None or value == "":
            return default
        return value if isinstance(value, str) else json.dumps(value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._values.get(name)
        parsed = parse_flag(value)
        if parsed is None and value is not None:
            _warn_value(name, value, "true or false")
        return default if parsed is None else parsed

    def seconds(self, name: str, default: float) -> float:
        value = self._values.get(name)
        if value is None or value == "":
            return default
        try:
            return float(value)
        except (TypeError, ValueError):
            _warn_value(name, value, "a number of seconds")
            return default

    def json(self, name: str) -> Any:
        """A structure from a JSON variable; ``None`` when unset or unreadable."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            _warn_value(name, value, "JSON")
            return None

    @property
    def no_op(self) -> bool:
        return self.flag("POLYAXON_NO_OP")

    @property
    def is_offline(self) -> bool:
        return self.flag("POLYAXON_IS_OFFLINE")

    @property
    def is_managed(self) -> bool:
        return self.flag("POLYAXON_IS_MANAGED")

    @property
    def in_cluster(self) -> bool:
        return self.flag("POLYAXON_IN_CLUSTER")

    @property
    def is_local(self) -> bool:
        return self.flag("POLYAXON_IS_LOCAL")

    @property
    def token(self) -> str | None:
        return self.text("POLYAXON_SECRET_USER_TOKEN") or _text(self._auth.get("token"))

    @property
    def host(self) -> str | None:
        return self.text("POLYAXON_API_HOST") or _text(self._config.get("host"))

    @property
    def use_https(self) -> bool:
        fallback = parse_flag(self._config.get("use_https")) or False
        return self.flag("POLYAXON_USE_HTTPS", fallback)

    @property
    def http_port(self) -> int | None:
        return _port(self.text("POLYAXON_HTTP_PORT") or self._config.get("port"))

    @property
    def verify_ssl(self) -> Verify:
        value = self._values.get("POLYAXON_VERIFY_SSL", self._config.get("verify_ssl"))
        parsed = parse_flag(value)
        return parsed if parsed is not None or not value else str(value)

    @property
    def api_version(self) -> str:
        return self.text("POLYAXON_API_VERSION") or "v1"

    @property
    def authentication_type(self) -> str:
        return self.text("POLYAXON_AUTHENTICATION_TYPE") or "Token"

    @property
    def internal_header(self) -> dict[str, str]:
        name = self.text("POLYAXON_INTERNAL_HEADER")
        service = self.text("POLYAXON_INTERNAL_HEADER_SERVICE")
        return {name: service} if name and service else {}

    @property
    def timeout(self) -> float:
        return self.seconds("POLYAXON_TIMEOUT", 20.0)

    @property
    def request_timeout(self) -> float:
        return self.seconds("POLYAXON_REQUEST_TIMEOUT", 25.0)

    @property
    def interval(self) -> float:
        return self.seconds("POLYAXON_INTERVAL", 1.0)

    @property
    def heartbeat_interval(self) -> float:
        return self.seconds("HEALTH_CHECK_INTERVAL", 60.0)

    @property
    def hash_length(self) -> int:
        return int(self.seconds("POLYAXON_HASH_LENGTH", 12))

    def adopt_token(self, token: str) -> None:
        """Go on as this user or run."""
        self._values = {**self._values, "POLYAXON_SECRET_USER_TOKEN": token}

    @property
    def spool_path(self) -> Path:
        """Where what the server did not take yet waits, in recordings."""
        return Path(self.text("POLYAXON_SPOOL_PATH") or home_dir() / "spool")

    @property
    def offline_path(self) -> Path:
        """Where runs are recorded offline."""
        return Path(self.text("POLYAXON_OFFLINE_PATH") or home_dir() / "offline")

    def sending(self) -> dict[str, Any]:
        """How a sender is to work, see :class:`polyaxon_client.workers.Sender`."""
        return {
            "interval": self.interval,
            "heartbeat": self.heartbeat_interval,
            "spool": self.spool_path,
            "spool_limit": int(self.seconds("POLYAXON_SPOOL_MAX_BYTES", 1 << 30)),
        }

    def connection(
        self,
        *,
        host: str | None = None,
        port: int | None = None,
        use_https: bool | None = None,
        verify_ssl: Verify = None,
        token: str | None = None,
        is_managed: bool | None = None,
        authentication_type: str | None = None,
        api_version: str | None = None,
        timeout: float | None = None,
    ) -> Connection:
        """Resolve the address and the identity; arguments win over settings.

        Raises:
            ConfigurationError: no address is known.
        """
        managed = self.is_managed if is_managed is None else is_managed
        in_cluster = self.text("POLYAXON_API_HTTP_HOST") if managed and not self.is_local and not host else None
        root = in_cluster or self._outside_root(host, port, use_https)
        headers = self._identity(token, authentication_type, managed)
        verify = self.verify_ssl if verify_ssl is None else verify_ssl
        base_url = f"{_with_scheme(root)}/api/{api_version or self.api_version}/"
        return Connection(base_url, headers, verify, self.request_timeout if timeout is None else timeout)

    def _outside_root(self, host: str | None, port: int | None, use_https: bool | None) -> str:
        address = host or self.host
        if not address:
            raise ConfigurationError(
                "no server is configured: run `polyaxon config set --host=HOST --port=PORT`"
                " and `polyaxon login`, or set POLYAXON_API_HOST"
            )
        split = urlsplit(address if "//" in address else f"//{address}")
        https = self.use_https if use_https is None else use_https
        scheme = split.scheme or ("https" if https else "http")
        chosen = port or _port_of(split.netloc) or self._known_port(host, scheme)
        name = split.hostname or address
        return f"{scheme}://{f'[{name}]' if ':' in name else name}:{chosen}"

    def _known_port(self, host: str | None, scheme: str) -> int:
        default = DEFAULT_HTTPS_PORT if scheme == "https" else DEFAULT_HTTP_PORT
        return default if host else self.http_port or default

    def _identity(self, token: str | None, word: str | None, managed: bool) -> dict[str, str]:
        headers = self.internal_header if managed else {}
        chosen = token or self.token
        if chosen:
            return {**headers, "Authorization": f"{word or 'Token'} {chosen}"}
        internal = self.text("POLYAXON_SECRET_INTERNAL_TOKEN")
        if headers and internal:
            return {**headers, "Authorization": f"{word or self.authentication_type} {internal}"}
        return headers


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read files and environment; later sources win, as documented for the client."""
    home = home_dir()
    values: dict[str, Any] = {}
    values.update(_read_json(TMP_DIR / ".polyaxonclient"))
    values.update(_read_json(home / ".polyaxonclient"))
    values.update(os.environ if environ is None else environ)
    values.update(_read_json(TMP_DIR / ".authtoken"))
    values.update(_read_json(CONTEXT_TOKEN))
    config = {**_read_json(TMP_DIR / ".polyaxonconfig"), **_read_json(home / ".polyaxonconfig")}
    auth = {**_read_json(TMP_DIR / ".polyaxonauth"), **_read_json(home / ".polyaxonauth")}
    return Settings(values, config, auth)


def home_dir() -> Path:
    """The folder of the tool's state files: ``~/.polyaxon``."""
    return Path(os.path.expanduser("~")) / ".polyaxon"  # noqa: PTH111 - Path.home() raises without a home


def parse_flag(value: Any) -> bool | None:
    """A boolean from JSON or text; ``None`` when it is neither."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if value is not None else None
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logger.warning("%s is ignored: %s", path, error)
        return {}
    return data if isinstance(data, dict) else {}


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _port(value: Any) -> int | None:
    try:
        return int(value) if value else None
    except (TypeError, ValueError):
        _warn_value("the port", value, "a number")
        return None


def _port_of(netloc: str) -> int | None:
    return _port(netloc.rpartition(":")[2]) if netloc.rpartition(":")[2].isdigit() else None


def _with_scheme(root: str) -> str:
    return (root if "://" in root else f"http://{root}").rstrip("/")


def _warn_value(name: str, value: Any, expected: str) -> None:
    logger.warning("%s=%r is ignored: expected %s", name, value, expected)
