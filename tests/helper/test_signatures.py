"""Signatures against published examples and an independent implementation."""

from __future__ import annotations

import base64
import json
import sys

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.helper.processes import FOLDER


@pytest.fixture(autouse=True)
def _helper_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    assert "helper" not in sys.modules or "docker" in str(sys.modules["helper"].__file__)


def test_s3_as_in_amazons_own_example() -> None:
    """The first example of "Signature Calculations for the Authorization Header": GET Object."""
    from helper.stores.s3 import EMPTY, signature_headers

    found = signature_headers(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        {"Range": "bytes=0-9"},
        EMPTY,
        keys=("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        region="us-east-1",
        at="20130524T000000Z",
    )
    assert found["Authorization"].endswith(
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


@pytest.mark.parametrize("bits", [2048, 3072])
def test_google_as_another_library_checks_it(bits: int) -> None:
    from helper.stores.gcs import assertion

    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "client_email": "runs@acme.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "private_key": key.private_bytes(*form).decode(),
    }
    text, _, signature = assertion(account, 1000.0).rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    key.public_key().verify(raw, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    claims = json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))
    assert (claims["iss"], claims["iat"], claims["exp"]) == (account["client_email"], 1000, 4600)


def test_google_key_that_is_none() -> None:
    from helper.problems import Problem
    from helper.stores.gcs import sign

    with pytest.raises(Problem, match="cannot be read"):
        sign("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", b"x")
