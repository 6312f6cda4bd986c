"""Readers of bytes from outside that are no message: passkeys, the audit log, the bus, a server that is looked at."""

from __future__ import annotations

import hashlib
import json

import cbor2
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from tests.fuzz.targets import Target, of_text

from zajil.calls import farnews
from zajil.moderation.audit import entries, export
from zajil.moderation.staff import passkeys
from zajil.protocol.ids import encode_b64
from zajil.server.doctor import running
from zajil.server.site import client, verify

SITE = passkeys.Site("zajil.example", ("https://zajil.example",))
CHALLENGE = bytes(32)


def make_attested() -> bytes:
    """A new passkey, as an authenticator hands it out."""
    numbers = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_numbers()
    key = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
    data = hashlib.sha256(SITE.rp_id.encode()).digest() + b"\x45" + bytes(4 + 16) + b"\0\x10" + b"k" * 16
    return cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data + cbor2.dumps(key)})


def make_credential(attested: bytes) -> bytes:
    """What a browser answers, with these bytes of the authenticator in it."""
    said = {"type": "webauthn.create", "challenge": encode_b64(CHALLENGE), "origin": SITE.origins[0]}
    answer = {"clientDataJSON": encode_b64(json.dumps(said).encode()), "attestationObject": encode_b64(attested)}
    name = encode_b64(b"k" * 16)
    return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": answer}).encode()


def check_attested(data: bytes) -> object:
    return check_credential(make_credential(data).decode())


def check_credential(text: str) -> object:
    return passkeys.check_creation(SITE, text, challenge=CHALLENGE)


def read_server_name(data: bytes) -> str:
    return running._server_name(running._Answer(200, "", data))


ENTRY = entries.encode_entry(entries.Entry(0, 7, "decision", bytes(32), "1-abc", "m", b"", entries.GENESIS))
MANIFEST = client.Manifest((client.ListedFile("index.html", 7, "0" * 64),))
PAGE = b"<script src=\"/a.js\"></script><link href='b.css'>"
SCRIPT = b'importScripts("a.js"); fetch(`//zajil.example/b.js?c`)'
assert check_attested(make_attested()), "a sound one is taken, so that edits reach behind its checks"

TARGETS: dict[str, Target] = {
    "passkey": Target(of_text(check_credential), [make_credential(make_attested())]),
    "passkey's attestation": Target(check_attested, [make_attested()]),
    "passkey's challenge": Target(of_text(passkeys.parse_challenge), [make_credential(make_attested())]),
    "audit entry": Target(entries.parse_entry, [ENTRY]),
    "audit log": Target(export.parse_export, [b"".join(export.encode_export([ENTRY, ENTRY], [(1, b"note")]))]),
    "room's news": Target(farnews.parse_news, [farnews.encode_news(farnews.News(1, bytes(8), 2, b"rest"))]),
    "room's presence": Target(farnews.parse_presence, [farnews.encode_presence(farnews.Presence(bytes(16), 3))]),
    "web manifest": Target(client.parse_manifest, [msgspec.json.encode(MANIFEST)], (ValueError,)),
    "page that is checked": Target(of_text(verify._of_page), [PAGE]),
    "worker that is checked": Target(of_text(verify._of_script), [SCRIPT]),
    "front's answer": Target(read_server_name, [b'{"server_name":"zajil.example"}']),
}
