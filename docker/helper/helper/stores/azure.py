"""Azure Blob Storage, signed with the account's key.

Signatures: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import os
import urllib.parse
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

from helper.http import read, send
from helper.problems import Problem
from helper.stores.base import PART, Found, ObjectStore, write

if TYPE_CHECKING:
    import http.client
    from collections.abc import Iterator
    from pathlib import Path

VERSION = "2021-08-06"


class AzureStore(ObjectStore):
    """Credentials: `account_name` and `account_key`, or a `connection_string`."""

    def __init__(self, place: str, prefix: str, credentials: dict[str, Any]) -> None:
        super().__init__(prefix)
        container, _, host = place.partition("@")
        if not host:
            raise Problem(f"wasbs://{place}: write wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PREFIX")
        settings = _connection(credentials.get("connection_string", ""))
        self._account = credentials.get("account_name") or settings.get("AccountName") or host.partition(".")[0]
        self._key = credentials.get("account_key") or settings.get("AccountKey") or ""
        endpoint = credentials.get("endpoint_url") or settings.get("BlobEndpoint") or f"https://{host}"
        self._base = f"{endpoint.rstrip('/')}/{urllib.parse.quote(container)}"

    def list(self) -> Iterator[Found]:
        """See `ObjectStore.list`."""
        query = {"restype": "container", "comp": "list", "maxresults": str(self.page)}
        query |= {"prefix": f"{self.prefix}/"} if self.prefix else {}
        while True:
            with self._send("GET", "", query) as answer:
                page = ET.fromstring(read(answer))  # noqa: S314 - the answer of the store that was named
            for item in page.iter("Blob"):
                if name := self.relative(item.findtext("Name", "")):
                    modified = email.utils.parsedate_to_datetime(item.findtext("Properties/Last-Modified", ""))
                    size = int(item.findtext("Properties/Content-Length", "0"))
                    yield Found(name, size, modified.timestamp())
            marker = page.findtext("NextMarker")
            if not marker:
                return
            query["marker"] = marker

    def get(self, name: str, path: Path) -> None:
        """See `ObjectStore.get`."""
        write(self._send("GET", self.key(name)), path)

    def put(self, name: str, path: Path) -> None:
        """See `ObjectStore.put`."""
        key = self.key(name)
        blocks: list[str] = []
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size <= PART:
                self._send("PUT", key, {}, file.read(PART), {"x-ms-blob-type": "BlockBlob"}).close()
                return
            while data := file.read(PART):
                blocks.append(base64.b64encode(f"{len(blocks):08}".encode()).decode())
                self._send("PUT", key, {"comp": "block", "blockid": blocks[-1]}, data).close()
        listed = "".join(f"<Latest>{block}</Latest>" for block in blocks)
        self._send("PUT", key, {"comp": "blocklist"}, f"<BlockList>{listed}</BlockList>".encode()).close()

    def _send(
        self,
        method: str,
        key: str,
        query: dict[str, str] | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        url = self._base + (f"/{urllib.parse.quote(key)}" if key else "")
        sent = {
            "x-ms-date": email.utils.formatdate(usegmt=True),
            "x-ms-version": VERSION,
            "Content-Type": "application/octet-stream" if body is not None else "",
            **(headers or {}),
        }
        if self._key:
            size = str(len(body)) if body else ""
            text = string_to_sign(method, url, query or {}, sent, account=self._account, size=size)
            proof = hmac.new(base64.b64decode(self._key), text.encode(), hashlib.sha256).digest()
            sent["Authorization"] = f"SharedKey {self._account}:{base64.b64encode(proof).decode()}"
        if not sent["Content-Type"]:
            del sent["Content-Type"]
        full = f"{url}?{urllib.parse.urlencode(query)}" if query else url
        return send(full, method=method, headers=sent, body=body)


def string_to_sign(
    method: str, url: str, query: dict[str, str], headers: dict[str, str], *, account: str, size: str
) -> str:
    """What the account's key signs."""
    named = {name.lower(): value for name, value in headers.items() if name.lower().startswith("x-ms-")}
    fields = [method, "", "", size, "", headers.get("Content-Type", ""), "", "", "", "", "", ""]
    resource = f"/{account}{urllib.parse.urlsplit(url).path}"
    canonical = [*(f"{name}:{named[name]}" for name in sorted(named)), resource]
    return "\n".join([*fields, *canonical, *(f"{name}:{query[name]}" for name in sorted(query))])


def _connection(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(";") if "=" in part)
