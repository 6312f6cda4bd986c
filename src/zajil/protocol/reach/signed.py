"""The two documents a server signs: its root (keys and host names) and its list of endpoints.

    root  application/vnd.zajil.root+json   {version, expires, roles: {root, list: {keys, threshold}},
                                             origins: [{hosts, session_keys: [{kid, pk, not_after}]}], app_origins}
    list  application/vnd.zajil.list+json   {version, expires, root_version, endpoints: [{id, kind, host, port, dir,
                                             ips, token, pt: {name, host, port, args}, weight}]}

Bytes are base64url, times Unix seconds; unknown fields and unknown kinds of endpoint are ignored. The rules are TUF's:
a root follows the one before, version by version, signed by the old and the new root keys; the first is pinned by its
hash or trusted on first use. A list is signed by the root's list keys and never goes back. Nothing is parsed before it
is verified (the first root apart: its keys stand in it, behind the pin). An expired list is still used, as `stale`; an
expired root stops new installs only. Whatever is refused leaves what was held as it was.
Source: TUF specification 5.3 (root), 5.5 (rollback); DSSE for the envelope.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from zajil.protocol.control import B32, Blob, encode_json, parse_json
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.limits import KIB, MIB
from zajil.protocol.reach.dsse import count_signers, pae, parse_envelope
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind, PluggableTransport, is_dir, is_host
from zajil.protocol.reach.seal import SessionKey

ROOT_TYPE: Final = "application/vnd.zajil.root+json"
LIST_TYPE: Final = "application/vnd.zajil.list+json"
LIST_BYTES: Final = 16 * KIB
ENDPOINTS: Final = 24
ROOT_LIFE_S: Final = 365 * 86_400
LIST_LIFE_S: Final = 14 * 86_400
_ROOT_ANSWER_BYTES: Final = 1 * MIB
_APP_ORIGIN = re.compile(r"https?://([a-z0-9.-]+(?::[0-9]{1,5})?)", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}")
_IP = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|(?=.{2,45}\Z)[0-9a-f.]*:[0-9a-f:.]*", re.ASCII)
_U53 = Annotated[int, Meta(ge=0, lt=1 << 53)]
_Version = Annotated[int, Meta(ge=1, lt=1 << 53)]
_Port = Annotated[int, Meta(ge=1, lt=1 << 16)]
_Text = Annotated[str, Meta(min_length=1, max_length=255)]


class B4(Blob):
    """4 bytes."""

    SIZE = 4


class PublicKey(Blob):
    """An X-Wing public key."""

    SIZE = 1216


class RoleKeys(msgspec.Struct, frozen=True):
    """The Ed25519 public keys of a role, and how many of them must sign."""

    keys: Annotated[tuple[B32, ...], Meta(min_length=1, max_length=8)]
    threshold: Annotated[int, Meta(ge=1, le=8)]


class Roles(msgspec.Struct, frozen=True):
    """Who signs what."""

    root: RoleKeys
    list: RoleKeys


class OriginSessionKey(msgspec.Struct, frozen=True):
    """A key that seals are made to. kid: SHA-256(pk)[:4]. not_after: Unix seconds."""

    kid: B4
    pk: PublicKey
    not_after: _U53


class Origin(msgspec.Struct, frozen=True):
    """A home server. hosts: `name` or `name:port` where plain frames may go. session_keys: newest first."""

    hosts: Annotated[tuple[str, ...], Meta(min_length=1, max_length=16)]
    session_keys: Annotated[tuple[OriginSessionKey, ...], Meta(min_length=1, max_length=8)]


class RootDocument(msgspec.Struct, frozen=True):
    """What a root says. app_origins: web origins whose pages may open carriers."""

    version: _Version
    expires: _U53
    roles: Roles
    origins: Annotated[tuple[Origin, ...], Meta(min_length=1, max_length=8)]
    app_origins: Annotated[tuple[str, ...], Meta(max_length=16)] = ()

    def encode(self) -> bytes:
        """The body to sign. Raises LocalProtocolError for what a client would refuse."""
        body = encode_json(self)
        try:
            _parse_root(body)
        except ZajilError:
            raise error("wrong-call", "root document") from None
        return body


@dataclass(frozen=True, slots=True)
class Root:
    """A verified root; made by `step_root` and `follow_roots` only. hash: SHA-256 of its body, what invites pin."""

    document: RootDocument
    hash: bytes

    @property
    def version(self) -> int:
        """Its number, from 1."""
        return self.document.version

    @property
    def hosts(self) -> frozenset[str]:
        """Every `name` or `name:port` of the origins: the only hosts that may see plain frames."""
        return frozenset(host for origin in self.document.origins for host in origin.hosts)

    def session_key(self, now_s: float) -> SessionKey:
        """The key to seal to: the first that is not past its time, else the first."""
        keys = [key for origin in self.document.origins for key in origin.session_keys]
        best = next((key for key in keys if now_s < key.not_after), keys[0])
        return SessionKey(bytes(best.kid), bytes(best.pk))


def is_origin(root: Root, endpoint: Endpoint) -> bool:
    """Whether this endpoint's TLS ends at the origin, so that plain frames may go there."""
    name = endpoint.host if endpoint.port == 443 else f"{endpoint.host}:{endpoint.port}"
    return name in root.hosts


def step_root(stored: Root | None, envelope: bytes, *, pinned_hash: bytes | None = None) -> Root:
    """The root of an envelope that may follow `stored`: the same one again, or the next version.

    stored None: the first root; pinned_hash: SHA-256 its body must have, None to trust it on first use, or to load an
    envelope from one's own encrypted storage. Expiry is not looked at: an expired root may lead to a good one.
    Raises HomeError `wrong-signature`, `older-document`, or `not-this-server` for another hash than pinned.
    """
    body, signatures = parse_envelope(envelope, ROOT_TYPE)
    signed, body_hash = pae(ROOT_TYPE, body), hashlib.sha256(body).digest()
    if stored is not None and body_hash == stored.hash:
        return stored
    if stored is None and pinned_hash is not None and body_hash != pinned_hash:
        raise error("not-this-server", "root of another hash")
    if stored is not None:
        _check_signed(stored.document.roles.root, signed, signatures)
    document = _parse_root(body)
    _check_signed(document.roles.root, signed, signatures)
    if stored is not None and document.version != stored.version + 1:
        raise error("older-document" if document.version <= stored.version else "wrong-signature", "root version")
    return Root(document, body_hash)


def follow_roots(
    stored: Root | None, envelopes: Sequence[bytes], *, pinned_hash: bytes | None = None, now_s: float
) -> Root:
    """The newest root of a server's answer, oldest first, whether or not it starts before `stored` or the pinned one.

    Raises as `step_root`; `not-this-server` also where the pinned root, or any at all, is missing from a first answer;
    `older-document` where the first start would end at an expired root.
    """
    known = pinned_hash if stored is None else stored.hash
    hashes = [hashlib.sha256(parse_envelope(item, ROOT_TYPE)[0]).digest() for item in envelopes]
    if known in hashes:
        envelopes = envelopes[hashes.index(known) :]
    elif stored is None and (known is not None or not envelopes):
        raise error("not-this-server", "root of another hash")
    root = stored
    for envelope in envelopes:
        root = step_root(root, envelope, pinned_hash=pinned_hash)
    if root is None:
        raise error("not-this-server", "no root")
    if stored is None and now_s >= root.document.expires:
        raise error("older-document", "expired root")
    return root


def encode_root_answer(envelopes: Iterable[bytes]) -> bytes:
    """The answer to ROOT: every root of the server, oldest first."""
    return msgspec.json.encode([encode_b64(item) for item in envelopes])


def parse_root_answer(data: bytes) -> tuple[bytes, ...]:
    """The envelopes of that answer, unverified. Raises HomeError `wrong-signature`."""
    try:
        if len(data) > _ROOT_ANSWER_BYTES:
            raise error("too-big", "root answer")
        return tuple(parse_b64(text) for text in parse_json(data, tuple[str, ...]))
    except ZajilError:
        raise error("wrong-signature", "root answer") from None


def _check_signed(role: RoleKeys, signed: bytes, signatures: Sequence[bytes]) -> None:
    if count_signers(role.keys, signed, signatures) < role.threshold:
        raise error("wrong-signature", "too few signers")


def _parse_root(body: bytes) -> RootDocument:
    try:
        document = parse_json(body, RootDocument)
    except ZajilError:
        raise error("wrong-signature", "root body") from None
    for role in (document.roles.root, document.roles.list):
        if len(set(role.keys)) != len(role.keys) or role.threshold > len(role.keys):
            raise error("wrong-signature", "role with a key twice or too few")
    hosts = [host for origin in document.origins for host in origin.hosts]
    keys = [key for origin in document.origins for key in origin.session_keys]
    named = all(map(is_authority, hosts)) and all(map(is_app_origin, document.app_origins))
    if not named or any(SessionKey.of(key.pk).kid != key.kid for key in keys):
        raise error("wrong-signature", "host, app origin or key id of the root")
    return document


def is_app_origin(text: str) -> bool:
    """Whether a root may list this web origin: `https://name` or `http://name`, with or without a port."""
    match = _APP_ORIGIN.fullmatch(text)
    return match is not None and is_authority(match[1])


def is_authority(text: str) -> bool:
    """Whether this is `name` or `name:port`, as a root lists the hosts of an origin."""
    host, colon, port = text.partition(":")
    return is_host(host) and (not colon or (_PORT.fullmatch(port) is not None and 1 <= int(port) < 1 << 16))


class _Kind(msgspec.Struct, frozen=True):
    kind: str


class _PluggableTransport(msgspec.Struct, frozen=True):
    name: _Text
    host: _Text
    port: _Port
    args: Annotated[dict[_Text, str], Meta(max_length=16)] = {}


class _Endpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    id: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: EndpointKind
    host: str
    port: _Port = 443
    dir: str = ""
    ips: Annotated[tuple[str, ...], Meta(max_length=8)] = ()
    token: B32 | None = None
    pt: _PluggableTransport | None = None
    weight: Annotated[int, Meta(ge=1, le=100)] = 10


class _List(msgspec.Struct, frozen=True):
    version: _Version
    expires: _U53
    root_version: _Version
    endpoints: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=ENDPOINTS)]


@dataclass(frozen=True, slots=True)
class EndpointList:
    """A verified list; made by `check_list` only. stale: it was past `expires` (Unix seconds) when checked.

    endpoints: of the kinds this version knows, without origins that the root does not name. hash: of its body.
    """

    version: int
    expires: int
    stale: bool
    endpoints: tuple[Endpoint, ...]
    hash: bytes


def encode_list(endpoints: Sequence[Endpoint], *, version: int, expires: int, root_version: int) -> bytes:
    """The body to sign. Raises LocalProtocolError for what a client would refuse."""
    entries = tuple(msgspec.Raw(encode_json(_entry(item))) for item in endpoints)
    body = encode_json(_List(version, expires, root_version, entries))
    try:
        _parse_list(body)
    except ZajilError:
        raise error("wrong-call", "endpoint list") from None
    return body


def check_list(root: Root, envelope: bytes, stored: EndpointList | None, *, now_s: float) -> EndpointList:
    """The list of an envelope that may follow `stored`; follow the roots first.

    stored None: none is held, or its envelope is loaded from one's own storage.
    Raises HomeError `wrong-signature`, or `older-document` for a lower version, another list of the same version, and
    a root behind the one the list was made under.
    """
    body, signatures = parse_envelope(envelope, LIST_TYPE)
    _check_signed(root.document.roles.list, pae(LIST_TYPE, body), signatures)
    listed, endpoints = _parse_list(body)
    body_hash = hashlib.sha256(body).digest()
    older = stored is not None and listed.version < stored.version
    forked = stored is not None and listed.version == stored.version and body_hash != stored.hash
    if older or forked or listed.root_version > root.version:
        raise error("older-document", "list version")
    kept = tuple(item for item in endpoints if item.kind is not EndpointKind.ORIGIN or is_origin(root, item))
    return EndpointList(listed.version, listed.expires, now_s >= listed.expires, kept, body_hash)


def _parse_list(body: bytes) -> tuple[_List, tuple[Endpoint, ...]]:
    try:
        if len(body) > LIST_BYTES:
            raise error("too-big", "list")
        listed = parse_json(body, _List)
        known = [raw for raw in map(bytes, listed.endpoints) if parse_json(raw, _Kind).kind in _KINDS]
        endpoints = tuple(_endpoint(parse_json(raw, _Endpoint)) for raw in known)
    except ZajilError:
        raise error("wrong-signature", "list body") from None
    if len({item.id for item in endpoints}) != len(endpoints):
        raise error("wrong-signature", "endpoint id twice")
    return listed, endpoints


def _entry(item: Endpoint) -> _Endpoint:
    token = None if item.token is None else B32(item.token)
    pt = None
    if item.pt is not None:
        pt = _PluggableTransport(item.pt.name, item.pt.host, item.pt.port, dict(item.pt.args))
    return _Endpoint(item.id, item.kind, item.host, item.port, item.dir, item.ips, token, pt, item.weight)


_KINDS: Final = frozenset(map(str, EndpointKind))


def _endpoint(item: _Endpoint) -> Endpoint:
    """Checks what types cannot say. A token needs the folder its path begins with, and a bridge needs both."""
    good = is_host(item.host) and (not item.dir or is_dir(item.dir)) and all(map(_IP.fullmatch, item.ips))
    good &= bool(item.dir) or item.token is None
    good &= item.token is not None or item.kind is not EndpointKind.BRIDGE
    good &= (item.pt is not None) == (item.kind is EndpointKind.PT)
    if not good:
        raise error("malformed", "endpoint")
    token = None if item.token is None else bytes(item.token)
    pt = None
    if item.pt is not None:
        pt = PluggableTransport(item.pt.name, item.pt.host, item.pt.port, tuple(item.pt.args.items()))
    return Endpoint(item.id, item.kind, item.host, item.port, item.dir, item.ips, token, pt, item.weight)
