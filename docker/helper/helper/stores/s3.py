"""Amazon S3 and what speaks its language.

Signatures: AWS Signature Version 4, https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import urllib.parse
import xml.etree.ElementTree as ET
from typing import IO, TYPE_CHECKING, Any

from helper.http import read, send
from helper.problems import Problem
from helper.stores.base import PART, Found, ObjectStore, write

if TYPE_CHECKING:
    import http.client
    from collections.abc import Iterator, Mapping
    from pathlib import Path

EMPTY = hashlib.sha256(b"").hexdigest()
_UNRESERVED = "-_.~"


def signature_headers(
    method: str, url: str, headers: Mapping[str, str], payload: str, *, keys: tuple[str, str], region: str, at: str
) -> dict[str, str]:
    """`headers` with what proves that the owner of `keys` (id, secret) sends them. `at`: as `20130524T000000Z`."""
    parts = urllib.parse.urlsplit(url)
    signed = {**headers, "host": parts.netloc, "x-amz-content-sha256": payload, "x-amz-date": at}
    lower = {name.lower(): value.strip() for name, value in signed.items()}
    names = ";".join(sorted(lower))
    lines = [method, parts.path or "/", parts.query, *(f"{name}:{lower[name]}" for name in sorted(lower)), "", names]
    scope = f"{at[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256("\n".join([*lines, payload]).encode()).hexdigest()
    key = f"AWS4{keys[1]}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}"
    proof = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    value = f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope},SignedHeaders={names},Signature={proof}"
    return {**{name: lower[name] for name in lower if name != "host"}, "Authorization": value}


class S3Store(ObjectStore):
    """Credentials: `aws_access_key_id`, `aws_secret_access_key`, `aws_session_token`, `region_name`, `endpoint_url`."""

    def __init__(self, place: str, prefix: str, credentials: dict[str, Any]) -> None:
        super().__init__(prefix)
        environment = {name: os.environ.get(name.upper()) for name in _ENVIRONMENT}
        self._credentials = {**{k: v for k, v in environment.items() if v}, **credentials}
        self._region = self._credentials.get("region_name") or self._credentials.get("aws_region") or "us-east-1"
        endpoint = self._credentials.get("endpoint_url") or self._credentials.get("aws_endpoint_url")
        self._base = (
            f"{endpoint.rstrip('/')}/{place}" if endpoint else f"https://{place}.s3.{self._region}.amazonaws.com"
        )

    def list(self) -> Iterator[Found]:
        """See `ObjectStore.list`."""
        query = {"list-type": "2", "max-keys": str(self.page), **({"prefix": f"{self.prefix}/"} if self.prefix else {})}
        while True:
            with self._send("GET", "", query) as answer:
                page = _parsed(read(answer))
            for item in page.findall("Contents"):
                if name := self.relative(item.findtext("Key", "")):
                    modified = dt.datetime.fromisoformat(item.findtext("LastModified", ""))
                    yield Found(name, int(item.findtext("Size", "0")), modified.timestamp())
            token = page.findtext("NextContinuationToken")
            if not token:
                return
            query["continuation-token"] = token

    def get(self, name: str, path: Path) -> None:
        """See `ObjectStore.get`."""
        write(self._send("GET", self.key(name)), path)

    def put(self, name: str, path: Path) -> None:
        """See `ObjectStore.put`."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= PART:
                self._upload(self.key(name), {}, file.read(size))
            else:
                self._put_parts(self.key(name), file)

    def _put_parts(self, key: str, file: IO[bytes]) -> None:
        """In parts, since a single request is limited to 5 GB."""
        with self._send("POST", key, {"uploads": ""}) as answer:
            upload = _parsed(read(answer)).findtext("UploadId", "")
        tags: list[str] = []
        while block := file.read(PART):
            tags.append(self._upload(key, {"partNumber": str(len(tags) + 1), "uploadId": upload}, block))
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>" for number, tag in enumerate(tags, 1)
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        with self._send("POST", key, {"uploadId": upload}, body) as answer:
            page = _parsed(read(answer))  # an error may come with 200
            if page.tag == "Error":
                raise Problem(f"{key}: {page.findtext('Message')}")

    def _upload(self, key: str, query: dict[str, str], body: bytes) -> str:
        with self._send("PUT", key, query, body) as answer:
            read(answer)
            return str(answer.headers.get("ETag", ""))

    def _send(
        self, method: str, key: str, query: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> http.client.HTTPResponse:
        pairs = sorted((query or {}).items())
        text = urllib.parse.urlencode(pairs, safe=_UNRESERVED, quote_via=urllib.parse.quote)
        url = f"{self._base}/{urllib.parse.quote(key, safe='/' + _UNRESERVED)}" + (f"?{text}" if text else "")
        headers = self._signed(method, url, EMPTY if body is None else hashlib.sha256(body).hexdigest())
        if body is not None:
            headers["Content-Type"] = "application/octet-stream"
        return send(url, method=method, headers=headers, body=body)

    def _signed(self, method: str, url: str, payload: str) -> dict[str, str]:
        found = self._credentials
        if not found.get("aws_access_key_id"):
            return {}  # a public bucket
        token = found.get("aws_session_token")
        keys = (found["aws_access_key_id"], found.get("aws_secret_access_key", ""))
        at = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {"x-amz-security-token": token} if token else {}
        return signature_headers(method, url, headers, payload, keys=keys, region=self._region, at=at)


_ENVIRONMENT = (
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_region",
    "aws_endpoint_url",
)


def _parsed(text: bytes) -> ET.Element:
    """Without the namespaces, which not all servers give."""
    root = ET.fromstring(text)  # noqa: S314 - the answer of the store that was named
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
