"""Message framing: what is signed, what is tagged, what travels (RFC 9420 6).

FramedContent -> AuthenticatedContent (signature, confirmation tag) -> PublicMessage or PrivateMessage -> MLSMessage.
`protect` does the cryptography; this module only knows the structures.
"""

import enum
from dataclasses import dataclass
from typing import NewType

from zajil.mls.errors import DecodeError, Invalid
from zajil.mls.messages.credentials import MLS10
from zajil.mls.messages.envelope import WireFormat, unwrap
from zajil.mls.messages.proposals import Commit, Proposal, encode_proposal, parse_proposal
from zajil.mls.primitives.codec import (
    Reader,
    encode_opaque,
    encode_u8,
    encode_u16,
    encode_u32,
    encode_u64,
)

ApplicationData = NewType("ApplicationData", bytes)
"""Content of an application message."""
Content = ApplicationData | Proposal | Commit


class ContentType(enum.IntEnum):
    """Kinds of framed content (RFC 9420 6)."""

    APPLICATION = 1
    PROPOSAL = 2
    COMMIT = 3


class SenderType(enum.IntEnum):
    """Who may send (RFC 9420 6)."""

    MEMBER = 1
    EXTERNAL = 2
    NEW_MEMBER_PROPOSAL = 3
    NEW_MEMBER_COMMIT = 4


_INDEXED = (SenderType.MEMBER, SenderType.EXTERNAL)


@dataclass(frozen=True)
class Sender:
    """A sender. index: leaf index of a member, or place in external_senders; 0 and absent on the wire otherwise."""

    type: SenderType
    index: int = 0

    @classmethod
    def parse(cls, reader: Reader) -> "Sender":
        """Source: RFC 9420 6."""
        kind = reader.u8()
        if kind not in SenderType.__members__.values():
            raise DecodeError("sender type")
        sender_type = SenderType(kind)
        return cls(sender_type, reader.u32() if sender_type in _INDEXED else 0)

    def encode(self) -> bytes:
        """Wire form."""
        return encode_u8(self.type) + (encode_u32(self.index) if self.type in _INDEXED else b"")


def member(leaf: int) -> Sender:
    """The member at that leaf index."""
    return Sender(SenderType.MEMBER, leaf)


def parse_content_type(reader: Reader) -> ContentType:
    """One octet; raises DecodeError for an unknown type."""
    kind = reader.u8()
    if kind not in ContentType.__members__.values():
        raise DecodeError("content type")
    return ContentType(kind)


def parse_content(reader: Reader, kind: ContentType) -> Content:
    """The content of that type."""
    if kind is ContentType.APPLICATION:
        return ApplicationData(reader.opaque())
    if kind is ContentType.PROPOSAL:
        return parse_proposal(reader)
    return Commit.parse(reader)


def encode_content(content: Content) -> bytes:
    """Wire form of the content alone, without its type."""
    if isinstance(content, bytes):
        return encode_opaque(content)
    if isinstance(content, Commit):
        return content.encode()
    return encode_proposal(content)


def content_type_of(content: Content) -> ContentType:
    """The type that names this content."""
    if isinstance(content, bytes):
        return ContentType.APPLICATION
    return ContentType.COMMIT if isinstance(content, Commit) else ContentType.PROPOSAL


@dataclass(frozen=True)
class FramedContent:
    """What a sender says, where and when (RFC 9420 6)."""

    group_id: bytes
    epoch: int
    sender: Sender
    authenticated_data: bytes
    content: Content

    @property
    def content_type(self) -> ContentType:
        """Kind of content."""
        return content_type_of(self.content)

    @classmethod
    def parse(cls, reader: Reader) -> "FramedContent":
        """Source: RFC 9420 6."""
        group_id, epoch, sender, aad = reader.opaque(), reader.u64(), Sender.parse(reader), reader.opaque()
        return cls(group_id, epoch, sender, aad, parse_content(reader, parse_content_type(reader)))

    def encode(self) -> bytes:
        """Wire form."""
        return b"".join(
            (
                encode_opaque(self.group_id),
                encode_u64(self.epoch),
                self.sender.encode(),
                encode_opaque(self.authenticated_data),
                encode_u8(self.content_type),
                encode_content(self.content),
            )
        )


@dataclass(frozen=True)
class ContentAuth:
    """FramedContentAuthData: signature, and the confirmation tag of a Commit (RFC 9420 6.1)."""

    signature: bytes
    confirmation_tag: bytes | None = None

    @classmethod
    def parse(cls, reader: Reader, kind: ContentType) -> "ContentAuth":
        """Source: RFC 9420 6.1. A Commit that ends before its tag is parsed and left to rule F8."""
        signature = reader.opaque()
        return cls(signature, None if kind is not ContentType.COMMIT or reader.at_end() else reader.opaque())

    def encode(self) -> bytes:
        """Wire form."""
        return encode_opaque(self.signature) + (
            b"" if self.confirmation_tag is None else encode_opaque(self.confirmation_tag)
        )


@dataclass(frozen=True)
class AuthenticatedContent:
    """Content with its authentication, independent of how it travels; proposal references hash it (RFC 9420 6)."""

    wire_format: WireFormat
    content: FramedContent
    auth: ContentAuth

    def encode(self) -> bytes:
        """Wire form."""
        return encode_u16(self.wire_format) + self.content.encode() + self.auth.encode()


def encode_tbs(wire_format: WireFormat, content: FramedContent, group_context: bytes) -> bytes:
    """FramedContentTBS (RFC 9420 6.1). group_context: encoded GroupContext; ignored for senders outside."""
    inside = content.sender.type in (SenderType.MEMBER, SenderType.NEW_MEMBER_COMMIT)
    return b"".join((encode_u16(MLS10), encode_u16(wire_format), content.encode(), group_context if inside else b""))


@dataclass(frozen=True)
class PublicMessage:
    """Signed, not encrypted content (RFC 9420 6.2)."""

    content: FramedContent
    auth: ContentAuth
    membership_tag: bytes | None = None

    @classmethod
    def parse(cls, reader: Reader) -> "PublicMessage":
        """Source: RFC 9420 6.2. Whether a tag has to be there is rule F6."""
        content = FramedContent.parse(reader)
        auth = ContentAuth.parse(reader, content.content_type)
        return cls(content, auth, None if reader.at_end() else reader.opaque())

    def encode(self) -> bytes:
        """Wire form."""
        tag = b"" if self.membership_tag is None else encode_opaque(self.membership_tag)
        return self.content.encode() + self.auth.encode() + tag


@dataclass(frozen=True)
class PrivateMessage:
    """Encrypted content under five readable header fields (RFC 9420 6.3)."""

    group_id: bytes
    epoch: int
    content_type: ContentType
    authenticated_data: bytes
    encrypted_sender_data: bytes
    ciphertext: bytes

    @classmethod
    def parse(cls, reader: Reader) -> "PrivateMessage":
        """Source: RFC 9420 6.3."""
        return cls(
            reader.opaque(), reader.u64(), parse_content_type(reader), reader.opaque(), reader.opaque(), reader.opaque()
        )

    def header(self) -> bytes:
        """PrivateContentAAD: the fields anybody may read, bound by the AEAD (RFC 9420 6.3.1)."""
        return self.sender_data_aad() + encode_opaque(self.authenticated_data)

    def sender_data_aad(self) -> bytes:
        """SenderDataAAD (RFC 9420 6.3.2)."""
        return encode_opaque(self.group_id) + encode_u64(self.epoch) + encode_u8(self.content_type)

    def encode(self) -> bytes:
        """Wire form."""
        return self.header() + encode_opaque(self.encrypted_sender_data) + encode_opaque(self.ciphertext)


@dataclass(frozen=True)
class Header:
    """What a message says about itself before any check. epoch is that of its sender."""

    wire_format: WireFormat
    group_id: bytes
    epoch: int
    content_type: ContentType
    aad: bytes


def peek(message: bytes) -> Header:
    """The readable header of a PublicMessage or PrivateMessage; nothing in it is authenticated yet.

    Raises Invalid F1 for other kinds of MLSMessage, DecodeError for malformed bytes.
    """
    parsed = parse_framed(message)
    if isinstance(parsed, PrivateMessage):
        return Header(
            WireFormat.PRIVATE_MESSAGE, parsed.group_id, parsed.epoch, parsed.content_type, parsed.authenticated_data
        )
    content = parsed.content
    if content.sender.type is SenderType.MEMBER and parsed.membership_tag is None:
        raise DecodeError("truncated")
    return Header(
        WireFormat.PUBLIC_MESSAGE, content.group_id, content.epoch, content.content_type, content.authenticated_data
    )


def parse_framed(message: bytes) -> PublicMessage | PrivateMessage:
    """The framed message in an MLSMessage. Raises Invalid F1 for other kinds, DecodeError for malformed bytes."""
    kind, reader = unwrap(message)
    parsed: PublicMessage | PrivateMessage
    if kind is WireFormat.PRIVATE_MESSAGE:
        parsed = PrivateMessage.parse(reader)
    elif kind is WireFormat.PUBLIC_MESSAGE:
        parsed = PublicMessage.parse(reader)
    else:
        raise Invalid("F1", "not a framed message")
    reader.check_end()
    return parsed
