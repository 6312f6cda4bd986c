"""People of the server's tests: accounts with real keys and signed lists, and fake but well-formed MLS messages.

The server cannot tell these messages from real ones: it reads the header and the AAD.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.protocol import frames
from zajil.protocol.chat.aad import ApplicationAad, CommitAad, hash_refs
from zajil.protocol.identity.objects import (
    NO_LIST,
    DeviceList,
    DeviceListEntry,
    Kind,
    Login,
    account_id_of,
    hash_object,
    sign_object,
)
from zajil.protocol.ids import AccountId, DeviceId, GroupId, Mid


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


@dataclass
class Person:
    """An account, its device keys and every list it signed."""

    seed: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    devices: dict[int, Ed25519PrivateKey] = field(default_factory=lambda: {1: Ed25519PrivateKey.generate()})
    lists: list[bytes] = field(default_factory=list)
    seq: int = 0
    server_name: str = "localhost"

    def __post_init__(self) -> None:
        self.account_id: AccountId = account_id_of(public(self.seed))
        self.next_list()

    def make_list(
        self, *, seq: int, prev: bytes, signer: Ed25519PrivateKey | None = None, devices: list[int] | None = None
    ) -> bytes:
        listed = sorted(self.devices) if devices is None else devices
        entries = tuple(DeviceListEntry(DeviceId(n), public(self.devices[n]), 1000) for n in listed)
        payload = DeviceList(self.account_id, seq, prev, public(self.seed), entries, 1000 + seq).encode()
        return sign_object(Kind.DEVICE_LIST, payload, signer or self.seed)

    def next_list(self, *, devices: list[int] | None = None) -> bytes:
        self.seq += 1
        prev = hash_object(self.lists[-1]) if self.lists else NO_LIST
        self.lists.append(self.make_list(seq=self.seq, prev=prev, devices=devices))
        return self.lists[-1]

    def login(self, nonce: bytes, *, device: int = 1, server_name: str | None = None) -> bytes:
        claim = Login(server_name or self.server_name, nonce, self.account_id, DeviceId(device))
        return sign_object(Kind.LOGIN, claim.encode(), self.devices[device])


def _vector(data: bytes) -> bytes:
    size = len(data)
    if size < 1 << 6:
        return bytes([size]) + data
    if size < 1 << 14:
        return (size | 1 << 14).to_bytes(2, "big") + data
    return (size | 2 << 30).to_bytes(4, "big") + data


def private_message(gid: bytes, epoch: int, content_type: int, aad: bytes, ciphertext: bytes = b"c" * 200) -> bytes:
    """An MLSMessage with a PrivateMessage as the server sees one."""
    head = bytes((0, 1, 0, 2)) + _vector(gid) + epoch.to_bytes(8, "big") + bytes([content_type])
    return head + _vector(aad) + _vector(b"sender data") + _vector(ciphertext)


def application(gid: bytes, epoch: int, text: bytes = b"hello") -> bytes:
    return private_message(gid, epoch, 1, ApplicationAad(hashlib.sha256(text).digest()).encode(), text * 20)


@dataclass
class FakeGroup:
    """The server-facing secrets of one group."""

    gid: GroupId = field(default_factory=lambda: GroupId(os.urandom(16)))
    roster_key: bytes = field(default_factory=lambda: os.urandom(32))
    epoch: int = 0
    secret: bytes = field(default_factory=lambda: os.urandom(32))

    def token(self, epoch: int | None = None) -> bytes:
        return hashlib.sha256(self.secret + bytes([self.epoch if epoch is None else epoch])).digest()

    def token_hash(self, epoch: int) -> bytes:
        return hashlib.sha256(self.token(epoch)).digest()

    def create(self, rid: int, pass_: bytes, own_ref: bytes) -> frames.Create:
        return frames.Create(
            rid=rid,
            mid=Mid(os.urandom(16)),
            gid=self.gid,
            pass_=pass_,
            roster_key=self.roster_key,
            token_hash=self.token_hash(0),
            add=(frames.AddedLeaf(0, own_ref),),
        )

    def add(self, rid: int, leaves: dict[int, bytes], *, welcome: bytes = b"welcome" * 30) -> frames.Commit:
        aad = CommitAad(tuple(leaves), (), False, hash_refs(list(leaves.values())))
        return frames.Commit(
            rid=rid,
            mid=Mid(os.urandom(16)),
            gid=self.gid,
            token=self.token(),
            epoch=self.epoch,
            roster_key=self.roster_key,
            new_roster_key=None,
            next_token_hash=self.token_hash(self.epoch + 1),
            add=tuple(frames.AddedLeaf(leaf, ref) for leaf, ref in leaves.items()),
            rm=(),
            commit=private_message(self.gid, self.epoch, 3, aad.encode(), os.urandom(60)),
            welcome=welcome,
        )

    def send(self, rid: int, text: bytes = b"hello", *, flags: int = 0, token: bytes | None = None) -> frames.Send:
        return frames.Send(
            rid=rid,
            mid=Mid(os.urandom(16)),
            gid=self.gid,
            token=token or self.token(),
            roster_key=self.roster_key,
            flags=flags,
            ttl=0,
            body=application(self.gid, self.epoch, text),
        )
