"""A test CA whose chains weigh what real ones do: RSA leaf and intermediate are sent, the root is not."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

_STAMPS = ObjectIdentifier("2.25.263517301")
_STAMPS_BYTES = 240
"""Two certificate-transparency stamps weigh this much; ours is an extension nobody knows, of the same length."""


@dataclass(frozen=True)
class SiteCertificate:
    """Files of one site: leaf and intermediate in one, the key in the other."""

    chain: Path
    key: Path


class Authority:
    """Root and intermediate of one run, made anew: no private key ever lies in the repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root_key = rsa.generate_private_key(65537, 2048)
        self._key = rsa.generate_private_key(65537, 2048)
        root = _name("Censor lab root")
        self._root = self._sign(root, root, self._root_key.public_key(), self._root_key, depth=1)
        self._middle = self._sign(_name("Censor lab R1"), root, self._key.public_key(), self._root_key, depth=0)
        self.pem = self._root.public_bytes(serialization.Encoding.PEM)
        self.file = folder / "root.crt"
        self.file.write_bytes(self.pem)

    def spki_pin(self) -> str:
        """SHA-256 of the intermediate's key: for Chromium's `--ignore-certificate-errors-spki-list`."""
        spki = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(hashlib.sha256(spki).digest()).decode()

    def _sign(
        self, subject: x509.Name, issuer: x509.Name, public: rsa.RSAPublicKey, by: rsa.RSAPrivateKey, *, depth: int
    ) -> x509.Certificate:
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
        return (
            _builder(subject, issuer, public, by.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
            .add_extension(usage, critical=True)
            .sign(by, hashes.SHA256())
        )

    def site(self, host: str, *more: str) -> SiteCertificate:
        """A certificate for these names, as a public CA would issue it."""
        key = rsa.generate_private_key(65537, 2048)
        access = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://r1.lab.test/")
        )
        leaf = (
            _builder(_name(host), self._middle.subject, key.public_key(), self._key.public_key())
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in (host, *more)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityInformationAccess([access]), critical=False)
            .add_extension(x509.UnrecognizedExtension(_STAMPS, token_bytes(_STAMPS_BYTES)), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        files = SiteCertificate(self._folder / f"{host}.crt", self._folder / f"{host}.key")
        files.chain.write_bytes(leaf.public_bytes(pem) + self._middle.public_bytes(pem))
        files.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return files


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: rsa.RSAPublicKey, by: rsa.RSAPublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=3))
        .not_valid_after(now + dt.timedelta(days=87))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by), critical=False)
    )
