"""An emulator of Google Cloud Storage with one bucket, until it is ended: HOST PORT BUCKET ACCOUNT.

The emulator lets everybody in. This one lets in who shows a token that it gave out, as Google does for a statement that
a service account has signed. ACCOUNT: a file with the account's name and public key.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
import time
import urllib.parse
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from gcp_storage_emulator import server

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
HEALTH, TOKEN = "/", "/token"
_read = server._read_data


def _or_nothing(handler: object, query: object) -> object:
    """The emulator takes an empty object for none at all, which Google does not."""
    found = _read(handler, query)
    return b"" if found is None else found


class Guarded(server.RequestHandler):
    """Answers those who have a token, and gives them out."""

    account: dict[str, str]
    key: Any
    tokens: set[str] = set()

    def parse_request(self) -> bool:
        """Whether the request, of any method, is to be answered; else it has been."""
        return bool(super().parse_request()) and (self.path in {HEALTH, TOKEN} or self._is_let_in())

    def do_POST(self) -> None:  # noqa: N802 - named by the base class
        if self.path == TOKEN:
            self._exchange()
        else:
            super().do_POST()

    def _is_let_in(self) -> bool:
        known = self.headers.get("Authorization", "").removeprefix("Bearer ") in self.tokens
        if not known:
            self._say(HTTPStatus.UNAUTHORIZED, {"error": {"code": 401, "message": "Invalid Credentials"}})
        return known

    def _exchange(self) -> None:
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        try:
            self._check(form["grant_type"][0], form["assertion"][0])
        except (KeyError, ValueError, InvalidSignature) as problem:
            told = {"error": "invalid_grant", "error_description": f"Invalid JWT: {type(problem).__name__} {problem}"}
            self._say(HTTPStatus.BAD_REQUEST, told)
            return
        token = secrets.token_hex()
        self.tokens.add(token)
        self._say(HTTPStatus.OK, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def _check(self, grant: str, statement: str) -> None:
        """RFC 7523, section 3."""
        signed, _, signature = statement.rpartition(".")
        head, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        self.key.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        wanted = {"iss": self.account["client_email"], "scope": SCOPE, "aud": self.account["token_uri"]}
        wrong = [name for name, value in wanted.items() if claims[name] != value]
        if grant != GRANT or head["alg"] != "RS256" or wrong:
            raise ValueError(grant, head, wrong)
        if not claims["iat"] - 60 <= time.time() < claims["exp"] <= claims["iat"] + 3600:
            raise ValueError(claims)

    def _say(self, status: HTTPStatus, what: dict[str, Any]) -> None:
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True  # what came with the request is not read


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def main() -> None:
    host, port, bucket, account = sys.argv[1:]
    Guarded.account = json.loads(Path(account).read_text())
    Guarded.key = serialization.load_pem_public_key(Guarded.account["public_key"].encode())
    server._read_data, server.RequestHandler = _or_nothing, Guarded
    server.create_server(host, int(port), in_memory=True, default_bucket=bucket).run()


if __name__ == "__main__":
    main()
