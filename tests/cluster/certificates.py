"""The cluster's own certificate authority, certificates and kubeconfig files."""

from __future__ import annotations

import base64
import ipaddress
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.cluster.plan import CLUSTER_DOMAIN, NODE_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.cluster.plan import Plan

LIFETIME = timedelta(days=30)
ADMINS = "system:masters"


@dataclass(frozen=True)
class Subject:
    """Who a certificate is for: `common_name` is the user, `organization` the group."""

    name: str
    common_name: str
    organization: str = ""
    hosts: tuple[str, ...] = ()
    """Names and addresses of a server; a certificate with any serves as well as it asks."""


def subjects(plan: Plan) -> tuple[Subject, ...]:
    """All certificates of a cluster."""
    api = (plan.node, plan.api_service, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default")
    names = ("kubernetes.default.svc", f"kubernetes.default.svc.{CLUSTER_DOMAIN}")
    return (
        Subject("admin", "admin", ADMINS),
        Subject("apiserver", "kube-apiserver", ADMINS, (*api, *names)),
        Subject("controller-manager", "system:kube-controller-manager"),
        Subject("scheduler", "system:kube-scheduler"),
        Subject("proxy", "system:kube-proxy"),
        Subject("dns", "dns", ADMINS),
        Subject("kwok", "kwok", ADMINS),
        Subject("kubelet", f"system:node:{NODE_NAME}", "system:nodes", (plan.node, NODE_NAME)),
    )


def folder(plan: Plan) -> Path:
    """Where the certificates are: NAME.crt, NAME.key and NAME.conf of each subject, ca.crt, accounts.key."""
    return plan.folder / "certificates"


def kubeconfig(plan: Plan, name: str) -> Path:
    """The kubeconfig file of a subject."""
    return folder(plan) / f"{name}.conf"


def write_all(plan: Plan) -> None:
    """A new authority and everything that it signs."""
    authority = _Authority()
    plan.write(authority.text, "certificates", "ca.crt")
    plan.write(authority.key_text, "certificates", "ca.key")
    accounts = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plan.write(_key_text(accounts), "certificates", "accounts.key")
    for subject in subjects(plan):
        certificate, key = authority.sign(subject)
        plan.write(certificate, "certificates", f"{subject.name}.crt")
        plan.write(key, "certificates", f"{subject.name}.key")
        plan.write(_kubeconfig(plan, authority.text, certificate, key), "certificates", f"{subject.name}.conf")


class _Authority:
    """A key that signs; it lives as long as the cluster."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("polyaxon test cluster", "")
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = _builder(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        certificate = builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        self.text = certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_text(self) -> str:
        """The key, which the controller manager signs requests of pods with."""
        return _key_text(self._key)

    def sign(self, subject: Subject) -> tuple[str, str]:
        """Certificate and key, both as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(subject.common_name, subject.organization)
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if subject.hosts else [])]
        builder = _builder(name, self._name, key.public_key())
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if subject.hosts:
            builder = builder.add_extension(_alternative_names(subject.hosts), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), _key_text(key)


def _name(common_name: str, organization: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        # A clock that is set back must not make the cluster invalid.
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + LIFETIME,
    )


def _alternative_names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    def general(host: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            return x509.DNSName(host)

    return x509.SubjectAlternativeName([general(host) for host in hosts])


def _key_text(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


def _kubeconfig(plan: Plan, authority: str, certificate: str, key: str) -> str:
    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    cluster = {"server": plan.api_url, "certificate-authority-data": encoded(authority)}
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    return json.dumps(content)
