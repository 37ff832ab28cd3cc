from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from polyaxon_client import settings as module
from polyaxon_client.exceptions import ConfigurationError
from polyaxon_client.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``tmp``, ``home/.polyaxon`` and ``context`` below tmp_path stand for the fixed places."""
    for name in ("tmp", "home/.polyaxon", "context"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(module, "TMP_DIR", tmp_path / "tmp")
    monkeypatch.setattr(module, "CONTEXT_TOKEN", tmp_path / "context" / ".authtoken")
    return tmp_path


def put(path: Path, **values: object) -> None:
    path.write_text(json.dumps(values))


def test_later_sources_win(folders: Path) -> None:
    home, key = folders / "home/.polyaxon", "POLYAXON_SECRET_USER_TOKEN"
    put(home / ".polyaxonauth", username="ada", token="tool")
    assert load_settings({}).token == "tool"
    put(folders / "tmp/.polyaxonclient", **{key: "tmp"})
    assert load_settings({}).token == "tmp"
    put(home / ".polyaxonclient", **{key: "home"})
    assert load_settings({}).token == "home"
    assert load_settings({key: "env"}).token == "env"
    put(folders / "tmp/.authtoken", **{key: "tmp-auth"})
    assert load_settings({key: "env"}).token == "tmp-auth"
    put(folders / "context/.authtoken", **{key: "context"})
    assert load_settings({key: "env"}).token == "context"


def test_after_a_login_of_the_tool_nothing_else_is_needed(folders: Path) -> None:
    home = folders / "home/.polyaxon"
    put(
        home / ".polyaxonconfig",
        host="10.0.0.1",
        port="8000",
        use_https=False,
        verify_ssl=None,
        verbose=False,
    )
    put(home / ".polyaxonauth", username="ada", token="abc")
    connection = load_settings({}).connection()
    assert connection.base_url == "http://10.0.0.1:8000/api/v1/"
    assert connection.headers == {"Authorization": "Token abc"}
    assert connection.verify is None


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"POLYAXON_API_HOST": "h"}, "http://h:80/api/v1/"),
        ({"POLYAXON_API_HOST": "h", "POLYAXON_USE_HTTPS": "true"}, "https://h:443/api/v1/"),
        ({"POLYAXON_API_HOST": "h", "POLYAXON_HTTP_PORT": "8000"}, "http://h:8000/api/v1/"),
        ({"POLYAXON_API_HOST": "h:9000"}, "http://h:9000/api/v1/"),
        ({"POLYAXON_API_HOST": "https://h"}, "https://h:443/api/v1/"),
        ({"POLYAXON_API_HOST": "h", "POLYAXON_API_VERSION": "v2"}, "http://h:80/api/v2/"),
        ({"POLYAXON_IS_MANAGED": "1", "POLYAXON_API_HTTP_HOST": "http://api:80"}, "http://api:80/api/v1/"),
        ({"POLYAXON_IS_MANAGED": "1", "POLYAXON_API_HTTP_HOST": "api:80/"}, "http://api:80/api/v1/"),
        (
            {
                "POLYAXON_IS_MANAGED": "true",
                "POLYAXON_IS_LOCAL": "true",
                "POLYAXON_API_HTTP_HOST": "http://api",
                "POLYAXON_API_HOST": "h",
            },
            "http://h:80/api/v1/",
        ),
    ],
)
def test_addresses(folders: Path, environ: dict[str, str], url: str) -> None:
    assert load_settings(environ).connection().base_url == url


def test_arguments_win(folders: Path) -> None:
    found = load_settings({"POLYAXON_API_HOST": "h", "POLYAXON_HTTP_PORT": "1"})
    connection = found.connection(host="other", port=2, use_https=True, token="t", verify_ssl=False, timeout=3)
    assert connection.base_url == "https://other:2/api/v1/"
    assert (connection.headers, connection.verify, connection.timeout) == (
        {"Authorization": "Token t"},
        False,
        3,
    )


def test_internal_services_identify_by_header_and_token(folders: Path) -> None:
    environ = {
        "POLYAXON_IS_MANAGED": "true",
        "POLYAXON_API_HTTP_HOST": "http://api",
        "POLYAXON_INTERNAL_HEADER": "X-POLYAXON-INTERNAL",
        "POLYAXON_INTERNAL_HEADER_SERVICE": "sidecar",
        "POLYAXON_SECRET_INTERNAL_TOKEN": "inside",
        "POLYAXON_AUTHENTICATION_TYPE": "Internaltoken",
    }
    assert load_settings(environ).connection().headers == {
        "X-POLYAXON-INTERNAL": "sidecar",
        "Authorization": "Internaltoken inside",
    }


def test_no_address_says_what_to_do(folders: Path) -> None:
    with pytest.raises(ConfigurationError, match="polyaxon config set"):
        load_settings({}).connection()


def test_wrong_values_warn_and_are_ignored(folders: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folders / "tmp/.polyaxonclient").write_text("{broken")
    found = load_settings({"POLYAXON_TIMEOUT": "soon", "POLYAXON_NO_OP": "maybe", "POLYAXON_PARAMS": "{"})
    assert found.timeout == 20.0
    assert found.no_op is False
    assert found.json("POLYAXON_PARAMS") is None
    assert len(caplog.records) == 4


def test_defaults() -> None:
    empty = Settings({}, {}, {})
    assert (empty.timeout, empty.interval, empty.heartbeat_interval, empty.request_timeout) == (20, 1, 60, 25)
    assert (empty.hash_length, empty.authentication_type, empty.api_version) == (12, "Token", "v1")
    assert not any([empty.no_op, empty.is_offline, empty.is_managed, empty.in_cluster, empty.is_local])
