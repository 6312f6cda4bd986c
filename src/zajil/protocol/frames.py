"""Data frames: one frozen Struct per tag, MessagePack arrays `[tag, field, ...]`.

R receives and belongs to one device; S sends and carries no account. Each end decodes only what may come from there:
`parse_r_client`, `parse_s_client` on the server, `parse_r_server`, `parse_s_server` on the client.
New fields go to the end with a default; extra trailing fields are ignored. Numbers of the wire that are stored (seq,
epoch, ms) are below 2^63, the range of SQL integers. `frank`: the server's mark on an application message (`report/`).
"""

from __future__ import annotations

import hashlib
from enum import Enum, IntEnum
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from zajil.protocol import limits
from zajil.protocol.errors import error
from zajil.protocol.ids import GroupId, Mid


class Role(Enum):
    """What a session is for; its path fixes it for life. R is a device's, S is nobody's."""

    R = "/v1/ws"
    S = "/v1/send"

    @property
    def path(self) -> str:
        """The path of its WebSocket below the server's address."""
        return self.value


class Kind(IntEnum):
    """What an MSG holds."""

    COMMIT = 1
    APP = 2
    WELCOME = 3
    NOTICE = 4


U64: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
U32: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)]
U16: TypeAlias = Annotated[int, Meta(ge=0, le=(1 << 16) - 1)]
B8: TypeAlias = Annotated[bytes, Meta(min_length=8, max_length=8)]
B16: TypeAlias = Annotated[bytes, Meta(min_length=16, max_length=16)]
B32: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
Gid: TypeAlias = Annotated[GroupId, Meta(min_length=16, max_length=16)]
RequestId: TypeAlias = Annotated[Mid, Meta(min_length=16, max_length=16)]
Code: TypeAlias = Annotated[str, Meta(max_length=64)]
DeliveryRef: TypeAlias = Annotated[bytes, Meta(min_length=1, max_length=limits.DELIVERY_REF_BYTES)]
Headers: TypeAlias = dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=4096)]]
Detail: TypeAlias = dict[Annotated[str, Meta(max_length=64)], U64 | Annotated[str, Meta(max_length=256)]]

T = TypeVar("T")
EPHEMERAL, WAKE = 1, 2
"""Bits of SEND.flags: never stored; wake the device by push."""
ALLOWED_HEADERS: Final = frozenset(
    {"content-type", "accept", "authorization", "idempotency-key", "if-match", "if-none-match", "range"}
)
"""What HTTP_REQ may carry."""


class Hello(msgspec.Struct, frozen=True, array_like=True, tag=10):
    """R, first: session token and highest seq stored. It also acknowledges up to `after`."""

    token: Annotated[str, Meta(max_length=64)]
    after: U64


class Mack(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """R: everything up to `upto` is stored here; the server may delete it."""

    upto: U64


class Ready(msgspec.Struct, frozen=True, array_like=True, tag=20):
    """R, answers HELLO. now: ms, to warn of a wrong clock only. acked: highest ack before this HELLO."""

    now: U64
    head: U64
    queued: U32
    list_seq: U32
    min_client: U16
    acked: U64


class Msg(msgspec.Struct, frozen=True, array_like=True, tag=21):
    """R: one entry of the mailbox. gid: nil for notices. via: serial of the ref it came through."""

    seq: U64
    id: B16
    kind: Kind
    gid: Gid | None
    epoch: U64
    ts: U64
    body: Annotated[bytes, Meta(max_length=limits.WELCOME_BYTES)]
    frank: B32 | None = None
    via: B8 | None = None


class Drained(msgspec.Struct, frozen=True, array_like=True, tag=22):
    """R: everything queued when the HELLO came has been sent, up to seq."""

    seq: U64


class Eph(msgspec.Struct, frozen=True, array_like=True, tag=23):
    """R: an ephemeral message, never stored."""

    gid: Gid
    epoch: U64
    ts: U64
    body: Annotated[bytes, Meta(max_length=limits.EPHEMERAL_BYTES)]


class KeysLow(msgspec.Struct, frozen=True, array_like=True, tag=24):
    """R: `left` key packages of this suite remain."""

    suite: U16
    left: U16


class Gap(msgspec.Struct, frozen=True, array_like=True, tag=25):
    """R: entries before `before_seq` were evicted or expired."""

    dropped: U32
    before_seq: U64


class Bye(msgspec.Struct, frozen=True, array_like=True, tag=26):
    """R and S: the session closes after this."""

    code: Code
    retry_ms: U32


class Send(msgspec.Struct, frozen=True, array_like=True, tag=30):
    """S: one application message. ttl: seconds it waits for a device, 0 = default; others are for signals of calls.

    The server refuses a ttl over SIGNAL_TTL_S, or one with EPHEMERAL.
    """

    rid: U32
    mid: RequestId
    gid: Gid
    token: B32
    roster_key: B32
    flags: Annotated[int, Meta(ge=0, le=EPHEMERAL | WAKE)]
    ttl: U32
    body: Annotated[bytes, Meta(max_length=limits.BODY_BYTES)]


class AddedLeaf(msgspec.Struct, frozen=True, array_like=True):
    """A leaf the commit adds and where its messages go."""

    leaf: U32
    deliver_to: DeliveryRef


class Commit(msgspec.Struct, frozen=True, array_like=True, tag=31):
    """S: one commit with its Welcome. epoch: the one it was made in. new_roster_key: nil = unchanged."""

    rid: U32
    mid: RequestId
    gid: Gid
    token: B32
    epoch: U64
    roster_key: B32
    new_roster_key: B32 | None
    next_token_hash: B32
    add: Annotated[tuple[AddedLeaf, ...], Meta(max_length=limits.ADDED_LEAVES)]
    rm: Annotated[tuple[U32, ...], Meta(max_length=limits.ROSTER_ENTRIES)]
    commit: Annotated[bytes, Meta(max_length=limits.COMMIT_BYTES)]
    welcome: Annotated[bytes, Meta(max_length=limits.WELCOME_BYTES)] | None


class Create(msgspec.Struct, frozen=True, array_like=True, tag=32):
    """S: a new group in epoch 0 with leaf 0 alone. token_hash: of epoch 0."""

    rid: U32
    mid: RequestId
    gid: Gid
    pass_: B32
    roster_key: B32
    token_hash: B32
    add: Annotated[tuple[AddedLeaf, ...], Meta(min_length=1, max_length=1)]


class Ok(msgspec.Struct, frozen=True, array_like=True, tag=40):
    """S: the request `rid` is durable. dup: it was accepted before."""

    rid: U32
    epoch: U64
    ts: U64
    frank: B32 | None = None
    dup: bool = False


class Err(msgspec.Struct, frozen=True, array_like=True, tag=41):
    """S: the request `rid` was refused; nothing of it is stored."""

    rid: U32
    code: Code
    retry_ms: U32 = 0
    detail: Detail = {}


class HttpReq(msgspec.Struct, frozen=True, array_like=True, tag=50):
    """R and S: a control call, or a part of its body. more: another part of the same rid follows."""

    rid: U32
    method: Annotated[str, Meta(max_length=8)]
    path: Annotated[str, Meta(max_length=2048)]
    headers: Headers
    body: Annotated[bytes, Meta(max_length=limits.HTTP_BODY_BYTES)]
    more: bool = False


class HttpRes(msgspec.Struct, frozen=True, array_like=True, tag=51):
    """R and S: the answer to a control call, or a part of it."""

    rid: U32
    status: Annotated[int, Meta(ge=100, le=599)]
    headers: Headers
    body: Annotated[bytes, Meta(max_length=limits.HTTP_BODY_BYTES)]
    more: bool = False


RFromClient: TypeAlias = Hello | Mack | HttpReq
SFromClient: TypeAlias = Send | Commit | Create | HttpReq
RFromServer: TypeAlias = Ready | Msg | Drained | Eph | KeysLow | Gap | Bye | HttpRes
SFromServer: TypeAlias = Ok | Err | Bye | HttpRes
Frame: TypeAlias = RFromClient | SFromClient | RFromServer | SFromServer
Request: TypeAlias = Send | Commit | Create

_R_CLIENT: msgspec.msgpack.Decoder[RFromClient] = msgspec.msgpack.Decoder(RFromClient)
_S_CLIENT: msgspec.msgpack.Decoder[SFromClient] = msgspec.msgpack.Decoder(SFromClient)
_R_SERVER: msgspec.msgpack.Decoder[RFromServer] = msgspec.msgpack.Decoder(RFromServer)
_S_SERVER: msgspec.msgpack.Decoder[SFromServer] = msgspec.msgpack.Decoder(SFromServer)


def encode_frame(frame: Frame) -> bytes:
    """The MessagePack array of a frame. Field sizes are the caller's promise; the peer checks them."""
    return msgspec.msgpack.encode(frame)


def parse_r_client(data: bytes) -> RFromClient:
    """HELLO, MACK or HTTP_REQ, as an R session's server reads it. Raises Malformed."""
    return _parse(_R_CLIENT, data)


def parse_s_client(data: bytes) -> SFromClient:
    """SEND, COMMIT, CREATE or HTTP_REQ, as an S session's server reads it. Raises Malformed."""
    return _parse(_S_CLIENT, data)


def parse_r_server(data: bytes) -> RFromServer:
    """READY, MSG, DRAINED, EPH, KEYS_LOW, GAP, BYE or HTTP_RES, as an R session's client reads it. Raises Malformed."""
    return _parse(_R_SERVER, data)


def parse_s_server(data: bytes) -> SFromServer:
    """OK, ERR, BYE or HTTP_RES, as an S session's client reads it. Raises Malformed."""
    return _parse(_S_SERVER, data)


def request_hash(request: Request) -> bytes:
    """32 bytes naming what a mid was first used for: SHA-256 over the fields after `mid`.

    The rid is left out, since a retry on another session has another one.
    """
    fields = msgspec.structs.astuple(request)
    tag = request.__struct_config__.tag
    return hashlib.sha256(msgspec.msgpack.encode((tag, *fields[2:]))).digest()


def _parse(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise error("malformed", "data frame") from None
