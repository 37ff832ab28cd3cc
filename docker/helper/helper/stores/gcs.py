"""Google Cloud Storage, its JSON interface.

Access: a service account's key, RFC 7523 (JWT bearer), signed with RS256 (RFC 8017, RSASSA-PKCS1-v1_5); without one,
what the pod's own account may do, asked of the metadata server.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

from helper.http import read, send
from helper.problems import Problem
from helper.stores.base import Found, ObjectStore, write

if TYPE_CHECKING:
    import http.client
    from collections.abc import Iterator
    from pathlib import Path

SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
LIFETIME = 3600
MARGIN = 300
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo of SHA-256


class GoogleStore(ObjectStore):
    """Credentials: a service account's key file. Of a server of one's own: `endpoint_url`, no key."""

    def __init__(self, place: str, prefix: str, credentials: dict[str, Any]) -> None:
        super().__init__(prefix)
        self._bucket = urllib.parse.quote(place, safe="")
        self._credentials = credentials
        self._endpoint = str(credentials.get("endpoint_url") or "https://storage.googleapis.com").rstrip("/")
        self._token, self._until = "", 0.0

    def list(self) -> Iterator[Found]:
        """See `ObjectStore.list`."""
        query = {"maxResults": str(self.page), **({"prefix": f"{self.prefix}/"} if self.prefix else {})}
        while True:
            with self._send("GET", f"storage/v1/b/{self._bucket}/o", query) as answer:
                page = json.loads(read(answer))
            for item in page.get("items", ()):
                if name := self.relative(item["name"]):
                    modified = dt.datetime.fromisoformat(item["updated"])
                    yield Found(name, int(item["size"]), modified.timestamp())
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]

    def get(self, name: str, path: Path) -> None:
        """See `ObjectStore.get`."""
        key = urllib.parse.quote(self.key(name), safe="")
        write(self._send("GET", f"storage/v1/b/{self._bucket}/o/{key}", {"alt": "media"}), path)

    def put(self, name: str, path: Path) -> None:
        """See `ObjectStore.put`."""
        query = {"uploadType": "media", "name": self.key(name)}
        with path.open("rb") as file:
            headers = {
                "Content-Length": str(os.fstat(file.fileno()).st_size),
                "Content-Type": "application/octet-stream",
            }
            self._send("POST", f"upload/storage/v1/b/{self._bucket}/o", query, body=file, headers=headers).close()

    def _send(
        self, method: str, path: str, query: dict[str, str], *, body: Any = None, headers: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        url = f"{self._endpoint}/{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        return send(url, method=method, body=body, headers={**(headers or {}), **self._authorization()})

    def _authorization(self) -> dict[str, str]:
        if "endpoint_url" in self._credentials and "private_key" not in self._credentials:
            return {}
        if time.time() > self._until - MARGIN:
            self._token, lifetime = self._exchange()
            self._until = time.time() + lifetime
        return {"Authorization": f"Bearer {self._token}"}

    def _exchange(self) -> tuple[str, float]:
        if "private_key" not in self._credentials:
            request = send(METADATA, headers={"Metadata-Flavor": "Google"})
        else:
            grant = {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": assertion(self._credentials, time.time()),
            }
            request = send(self._credentials["token_uri"], method="POST", body=urllib.parse.urlencode(grant).encode())
        with request as answer:
            found = json.loads(read(answer))
        return str(found["access_token"]), float(found.get("expires_in", LIFETIME))


def assertion(credentials: dict[str, Any], now: float) -> str:
    """The signed statement that a token is given for."""
    claims = {
        "iss": credentials["client_email"],
        "scope": SCOPE,
        "aud": credentials["token_uri"],
        "iat": int(now),
        "exp": int(now) + LIFETIME,
    }
    text = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    return f"{text}.{_encoded(sign(credentials['private_key'], text.encode()))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(pem: str, message: bytes) -> bytes:
    """RS256 by a private key in PKCS #8, as in a key file."""
    modulus, exponent = _private_numbers(pem)
    size = (modulus.bit_length() + 7) // 8
    tail = b"\x00" + _SHA256 + hashlib.sha256(message).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(tail) - 2) + tail
    return pow(int.from_bytes(padded, "big"), exponent, modulus).to_bytes(size, "big")


def _private_numbers(pem: str) -> tuple[int, int]:
    """Modulus and private exponent."""
    lines = [line for line in pem.strip().splitlines() if "-----" not in line]
    try:
        outer, _ = _element(base64.b64decode("".join(lines)))
        _, rest = _element(outer)  # version
        _, rest = _element(rest)  # algorithm
        wrapped, _ = _element(rest)
        fields, _ = _element(wrapped)
        _, fields = _element(fields)  # version
        modulus, fields = _element(fields)
        _, fields = _element(fields)  # public exponent
        exponent, _ = _element(fields)
    except (ValueError, IndexError) as error:
        raise Problem("the private_key of the service account cannot be read") from error
    return int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")


def _element(data: bytes) -> tuple[bytes, bytes]:
    """Content of the first DER element, and what follows it."""
    size, start = data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    return data[start : start + size], data[start + size :]
