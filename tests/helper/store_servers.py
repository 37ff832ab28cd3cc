"""Servers that speak what object stores speak, each with one bucket, for as long as a block."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.cluster import places
from tests.embedded.server import free_port
from tests.helper.processes import FOLDER
from tests.services.packages import PackagesMissingError, install

BUCKET = "bucket"
AZURITE = "3.35.0"
GOOGLE = Path(__file__).with_name("google_store.py")
ACCOUNT = "ada"
ACCOUNT_KEY = "b25seS1mb3ItdGVzdHM="
SECONDS = 60


@dataclass(frozen=True)
class Served:
    """A store: its kind, what pods are given to reach it, and how it says that there is no such bucket."""

    kind: str
    address: str
    secret: dict[str, str]
    no_bucket: str

    def url(self, prefix: str, bucket: str = BUCKET) -> str:
        """Of what lies below a prefix."""
        place = f"{bucket}@{ACCOUNT}.blob.core.windows.net" if self.kind == "wasbs" else bucket
        return f"{self.kind}://{place}/{prefix}"

    @property
    def credentials(self) -> str:
        """As the store's secret holds them."""
        return json.dumps({**self.secret, "endpoint_url": self.address})

    def behind(self, port: int) -> Served:
        """The same, reached at another port."""
        old = self.address.partition("//")[2].partition("/")[0]
        host = old.partition(":")[0]
        return replace(self, address=self.address.replace(old, f"{host}:{port}"))


@contextlib.contextmanager
def s3(host: str) -> Iterator[Served]:
    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]

    # After so many requests, which make the bucket and the user, only that user is let in.
    with _process(host, command, INITIAL_NO_AUTH_ACTION_COUNT="4") as address:
        _answers(urllib.request.Request(f"{address}/{BUCKET}", method="PUT"))
        yield Served("s3", address, _user_of_s3(address), "NoSuchBucket")


def _user_of_s3(address: str) -> dict[str, str]:
    """The keys of a new one, who may do everything with buckets."""
    unknown = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    iam = boto3.client("iam", endpoint_url=address, **unknown)
    iam.create_user(UserName=ACCOUNT)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName=ACCOUNT, PolicyName="buckets", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=ACCOUNT)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


@contextlib.contextmanager
def google(host: str) -> Iterator[Served]:
    with tempfile.TemporaryDirectory(prefix="polyaxon-google-") as folder:
        known, port = Path(folder) / "account.json", free_port()
        account = service_account(f"http://{host}:{port}/token")
        known.write_text(json.dumps({**account, "public_key": _public(account["private_key"])}))
        with _process(
            host, lambda port: [sys.executable, str(GOOGLE), host, str(port), BUCKET, str(known)], port
        ) as at:
            _answers(urllib.request.Request(at))
            yield Served("gs", at, account, "404")


def service_account(token_uri: str) -> dict[str, str]:
    """The key file of a new one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    email = "runs@acme.iam.gserviceaccount.com"
    return {"client_email": email, "token_uri": token_uri, "private_key": key.private_bytes(*form).decode()}


def _public(private: str) -> str:
    key = serialization.load_pem_private_key(private.encode(), None).public_key()
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key.public_bytes(*form).decode()


@contextlib.contextmanager
def azure(host: str) -> Iterator[Served]:
    program = azurite()
    with tempfile.TemporaryDirectory(prefix="polyaxon-azurite-") as folder:

        def command(port: int) -> list[str]:
            place = ["--location", folder, "--blobHost", host, "--blobPort", str(port)]
            return ["node", str(program), *place, "--silent", "--disableTelemetry", "--skipApiVersionCheck"]

        with _process(host, command, AZURITE_ACCOUNTS=f"{ACCOUNT}:{ACCOUNT_KEY}") as address:
            served = Served(
                "wasbs",
                f"{address}/{ACCOUNT}",
                {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY},
                "ContainerNotFound",
            )
            _make_container(served)
            yield served


KINDS: dict[str, Callable[[str], contextlib.AbstractContextManager[Served]]] = {
    "s3": s3,
    "google": google,
    "azure": azure,
}


def azurite() -> Path:
    """Microsoft's own emulator, kept by version; the test is skipped where it cannot be had, but fails in CI."""
    program = places.cache() / f"azurite-{AZURITE}" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    try:
        _ensure_azurite(program)
    except (PackagesMissingError, OSError, subprocess.SubprocessError) as problem:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Azurite: {problem}")
    return program


def _ensure_azurite(program: Path) -> None:
    with places.locked("azurite"):
        if program.exists():
            return
        if shutil.which("npm") is None:
            install(["nodejs", "npm"])
        with places.made_at_once(program.parents[5]) as folder:
            command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
            subprocess.run([*command, f"azurite@{AZURITE}"], check=True, capture_output=True, timeout=600)


def _make_container(served: Served) -> None:
    """By the helper's own signature, which is thereby the first thing that is tried."""
    script = (
        "import os, time\n"
        "from helper.stores import open_store\n"
        "from helper.problems import Passing\n"
        "store = open_store(os.environ['URL'], os.environ['STORE'])\n"
        f"end = time.monotonic() + {SECONDS}\n"
        "while True:\n"
        "    try:\n"
        "        store._send('PUT', '', {'restype': 'container'}, b'').close()\n"
        "        break\n"
        "    except Passing:\n"
        "        assert time.monotonic() < end\n"
        "        time.sleep(0.2)\n"
    )
    environment = {"PYTHONPATH": str(FOLDER), "URL": served.url(""), "STORE": served.credentials}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=2 * SECONDS)


@contextlib.contextmanager
def _process(
    host: str, command: Callable[[int], list[str]], port: int | None = None, **environment: str
) -> Iterator[str]:
    port = port or free_port()
    silent: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command(port), env={**os.environ, **environment}, **silent)
    try:
        yield f"http://{host}:{port}"
    finally:
        process.terminate()
        process.wait()


def _answers(request: urllib.request.Request) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            urllib.request.urlopen(request, timeout=SECONDS).close()
        except OSError:
            assert time.monotonic() < deadline, "the store did not start"
            time.sleep(0.2)
        else:
            return
