"""Signed objects and what they say: device certificates, device lists, logins. A backup is signed alike.

Signed object = CBOR `[payload bstr, sig bstr, ?sig_old bstr]`, sig = Ed25519 over "zajil/" || kind || "/1" || 0x00 ||
payload. They travel and rest as the signed bytes and are never encoded again to verify. `sig_old` (by the account key
before) belongs to a device list that rotates the account key, and only there: a spare field would let a server change
the hash of a list and so fake a fork.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from zajil.protocol import cbor
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import AccountId, ClientId, DeviceId, client_id
from zajil.protocol.limits import ACCOUNT_DEVICES, SERVER_NAME_BYTES

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
NO_LIST: Final = bytes(32)
"""`prev` of the first list."""


class Kind(Enum):
    """What a signature is for; part of what is signed."""

    CERTIFICATE = "device-cert"
    DEVICE_LIST = "device-list"
    LOGIN = "login"
    BACKUP = "backup"


class Signer(Protocol):
    """Signs with one Ed25519 key; cryptography's Ed25519PrivateKey is one."""

    def sign(self, data: bytes, /) -> bytes:
        """64 bytes."""


class Role(IntEnum):
    """What a device may do: FULL holds the account key, LIMITED does not."""

    FULL = 0
    LIMITED = 1


@dataclass(frozen=True, slots=True)
class SignedObject:
    """The parts of a signed object, nothing verified yet."""

    payload: bytes
    sig: bytes
    sig_old: bytes | None = None


def _signed_bytes(kind: Kind, payload: bytes) -> bytes:
    return b"zajil/" + kind.value.encode() + b"/1\x00" + payload


def sign_object(kind: Kind, payload: bytes, signer: Signer, *, old_signer: Signer | None = None) -> bytes:
    """The signed object of a payload. old_signer: the account key before, for a list that rotates it."""
    signed = _signed_bytes(kind, payload)
    parts = [payload, signer.sign(signed)]
    if old_signer is not None:
        parts.append(old_signer.sign(signed))
    return cbor.encode(parts)


def parse_object(data: bytes) -> SignedObject:
    """The parts, unverified. Raises Malformed `bad-signature` for anything but two or three byte strings."""
    try:
        value = cbor.parse(data)
    except ZajilError:
        raise error("bad-signature", "not a signed object") from None
    match value:
        case [bytes() as payload, bytes() as sig]:
            return SignedObject(payload, sig)
        case [bytes() as payload, bytes() as sig, bytes() as sig_old]:
            return SignedObject(payload, sig, sig_old)
    raise error("bad-signature", "not a signed object")


def open_object(kind: Kind, data: bytes, public_key: bytes, *, old_key: bytes | None = None) -> bytes:
    """The payload of an object signed by this key, and with old_key by that one too.

    Raises Malformed `bad-signature`, also for a missing or a spare second signature.
    """
    signed = parse_object(data)
    if (signed.sig_old is None) != (old_key is None):
        raise error("bad-signature", "second signature")
    _check_signature(public_key, signed.sig, _signed_bytes(kind, signed.payload))
    if signed.sig_old is not None and old_key is not None:
        _check_signature(old_key, signed.sig_old, _signed_bytes(kind, signed.payload))
    return signed.payload


def _check_signature(public_key: bytes, sig: bytes, signed: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(sig, signed)
    except (InvalidSignature, ValueError):
        raise error("bad-signature") from None


def hash_object(data: bytes) -> bytes:
    """SHA-256 over the whole signed object: what the next list's `prev` holds."""
    return hashlib.sha256(data).digest()


def account_id_of(account_pub: bytes) -> AccountId:
    """The account id that the first account key (32 bytes) makes."""
    if len(account_pub) != KEY_BYTES:
        raise error("malformed", "account key of 32 bytes")
    return AccountId(hashlib.sha256(b"zajil account v1" + account_pub).digest()[:16])


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """What the account says of one device; the MLS credential's identity. issued: Unix seconds, for people only."""

    account_id: AccountId
    account_pub: bytes
    device_id: DeviceId
    sig_pub: bytes
    list_seq: int
    issued: int

    @property
    def client(self) -> ClientId:
        """The MLS client this certificate names."""
        return client_id(self.account_id, self.device_id)

    def encode(self) -> bytes:
        """The payload to sign."""
        values = (self.account_id, self.account_pub, self.device_id, self.sig_pub, self.list_seq, self.issued)
        return cbor.encode(dict(enumerate(values, 1)))

    @classmethod
    def parse(cls, payload: bytes) -> DeviceCertificate:
        """The certificate of a verified payload. Raises Malformed."""
        fields = Fields.of_map(cbor.parse(payload), range(1, 7))
        return cls(
            account_id=AccountId(fields.blob(1, size=16)),
            account_pub=fields.blob(2, size=KEY_BYTES),
            device_id=DeviceId(fields.number(3, bits=32)),
            sig_pub=fields.blob(4, size=KEY_BYTES),
            list_seq=fields.number(5, bits=32),
            issued=fields.number(6),
        )


def open_certificate(data: bytes) -> DeviceCertificate:
    """A certificate that the account key inside it signed.

    Whether that key is the account's is for the caller: `account_id_of`, or the verified chain of lists.
    Raises Malformed (`bad-signature` or `malformed`).
    """
    claimed = DeviceCertificate.parse(parse_object(data).payload)
    return DeviceCertificate.parse(open_object(Kind.CERTIFICATE, data, claimed.account_pub))


@dataclass(frozen=True, slots=True)
class DeviceListEntry:
    """One device of a list. added: Unix seconds."""

    device_id: DeviceId
    sig_pub: bytes
    added: int
    role: Role = Role.FULL


@dataclass(frozen=True, slots=True)
class DeviceList:
    """All devices of an account at one time; an empty one ends the account. prev: hash of the list before."""

    account_id: AccountId
    seq: int
    prev: bytes
    account_pub: bytes
    devices: tuple[DeviceListEntry, ...]
    issued: int

    def find_device(self, device_id: DeviceId) -> DeviceListEntry | None:
        """The entry of this device, or None when it is not (or no more) one of the account's."""
        return next((entry for entry in self.devices if entry.device_id == device_id), None)

    def encode(self) -> bytes:
        """The payload to sign."""
        devices: cbor.Value = [[d.device_id, d.sig_pub, d.added, int(d.role)] for d in self.devices]
        values: tuple[cbor.Value, ...] = (self.account_id, self.seq, self.prev, self.account_pub, devices, self.issued)
        return cbor.encode(dict(enumerate(values, 1)))

    @classmethod
    def parse(cls, payload: bytes) -> DeviceList:
        """The list of a payload, ids and keys each once, ascending ids, at most 8. Raises Malformed."""
        fields = Fields.of_map(cbor.parse(payload), range(1, 7))
        devices = tuple(_parse_entry(item) for item in fields.items(5, most=ACCOUNT_DEVICES))
        ids, keys = [d.device_id for d in devices], {d.sig_pub for d in devices}
        if ids != sorted(set(ids)) or len(keys) != len(ids):
            raise error("malformed", "device list with a device twice or out of order")
        seq = fields.number(2, bits=32)
        if not seq:
            raise error("malformed", "device list seq starts at 1")
        return cls(
            account_id=AccountId(fields.blob(1, size=16)),
            seq=seq,
            prev=fields.blob(3, size=32),
            account_pub=fields.blob(4, size=KEY_BYTES),
            devices=devices,
            issued=fields.number(6),
        )


def _parse_entry(item: cbor.Parsed) -> DeviceListEntry:
    fields = Fields.of_array(item, 4)
    role = fields.number(3)
    if role not in (Role.FULL, Role.LIMITED):
        raise error("malformed", "device role")
    return DeviceListEntry(
        DeviceId(fields.number(0, bits=32)), fields.blob(1, size=KEY_BYTES), fields.number(2), Role(role)
    )


@dataclass(frozen=True, slots=True)
class VerifiedList:
    """A device list whose signature and place were checked; made by the `open_` functions here only."""

    list: DeviceList
    object: bytes
    hash: bytes


def check_next_list(previous: VerifiedList | None, new: DeviceList) -> None:
    """Passes when `new` may follow `previous` (None: be the first), apart from signatures.

    Raises Conflict `stale-list` for a seq that does not follow, HomeError `list-fork` for another predecessor,
    HomeError `key-changed` for an id its first key does not make, Malformed for a device whose key changed under the
    same id or a list after the account's end.
    """
    if previous is None:
        if new.seq != 1 or not new.devices:
            raise error("stale-list", "first list has seq 1 and a device")
        if new.prev != NO_LIST or account_id_of(new.account_pub) != new.account_id:
            raise error("key-changed", "account id and first key")
        return
    old = previous.list
    if new.account_id != old.account_id:
        raise error("key-changed", "another account")
    if new.seq != old.seq + 1:
        raise error("stale-list", "seq does not follow")
    if new.prev != previous.hash:
        raise error("list-fork", "another predecessor")
    if not old.devices:
        raise error("malformed", "list after the account's end")
    for entry in new.devices:
        before = old.find_device(entry.device_id)
        if before is not None and before.sig_pub != entry.sig_pub:
            raise error("malformed", "device key changed under its id")


def open_list(data: bytes, previous: VerifiedList | None = None) -> VerifiedList:
    """The list that follows `previous` (None: the first), signatures checked, a rotated key by both keys.

    Raises what `check_next_list` and `open_object` raise.
    """
    claimed = DeviceList.parse(parse_object(data).payload)
    old_key = previous.list.account_pub if previous and previous.list.account_pub != claimed.account_pub else None
    open_object(Kind.DEVICE_LIST, data, claimed.account_pub, old_key=old_key)
    check_next_list(previous, claimed)
    return VerifiedList(claimed, data, hash_object(data))


def open_chain(lists: Sequence[bytes], *, account_id: AccountId) -> VerifiedList:
    """The newest of all lists of an account, from the first on. Raises as `open_list`, or Refused `gone` for none."""
    newest: VerifiedList | None = None
    for data in lists:
        newest = open_list(data, newest)
        if newest.list.account_id != account_id:
            raise error("key-changed", "another account")
    if newest is None:
        raise error("gone", "no device list")
    return newest


def open_later_list(data: bytes, known: VerifiedList | None, *, account_id: AccountId) -> VerifiedList:
    """A list told by another member, who sends the newest alone: `known` itself, its successor, or one further on.

    One further on than the next must be signed by the key known (None known: the key that makes the account id).
    Raises Conflict `stale-list` for an older one, or one behind a key rotation not seen here (ask for the chain);
    HomeError `list-fork` for another list of the same seq or another successor; Malformed.
    """
    claimed = DeviceList.parse(parse_object(data).payload)
    if claimed.account_id != account_id:
        raise error("key-changed", "another account")
    if known is None and claimed.seq == 1:
        return open_list(data)
    if known is not None and claimed.seq == known.list.seq:
        if data != known.object:
            open_object(Kind.DEVICE_LIST, data, known.list.account_pub)
            raise error("list-fork", "another list of this seq")
        return known
    if known is not None and claimed.seq == known.list.seq + 1:
        return open_list(data, known)
    if known is not None and claimed.seq < known.list.seq:
        raise error("stale-list", "older than the list known")
    pinned = (
        account_id_of(claimed.account_pub) == account_id
        if known is None
        else (claimed.account_pub == known.list.account_pub)
    )
    if not pinned:
        raise error("stale-list", "behind a key rotation not seen here")
    open_object(Kind.DEVICE_LIST, data, claimed.account_pub)
    return VerifiedList(claimed, data, hash_object(data))


@dataclass(frozen=True, slots=True)
class Login:
    """What a device signs to get a token. nonce: the challenge, or at registration the hash of the device list."""

    server_name: str
    nonce: bytes
    account_id: AccountId
    device_id: DeviceId

    def encode(self) -> bytes:
        """The payload to sign."""
        return cbor.encode({1: self.server_name, 2: self.nonce, 3: self.account_id, 4: self.device_id})

    @classmethod
    def parse(cls, payload: bytes) -> Login:
        """The login of a payload. Raises Malformed."""
        fields = Fields.of_map(cbor.parse(payload), range(1, 5))
        return cls(
            server_name=fields.text(1, most=SERVER_NAME_BYTES),
            nonce=fields.blob(2, size=32),
            account_id=AccountId(fields.blob(3, size=16)),
            device_id=DeviceId(fields.number(4, bits=32)),
        )
