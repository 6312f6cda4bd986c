"""GroupInfo, GroupSecrets and Welcome as structures (RFC 9420 12.4.3)."""

from dataclasses import dataclass

from zajil.mls.errors import Invalid
from zajil.mls.messages.envelope import WireFormat, unwrap, wrap
from zajil.mls.messages.extensions import Extensions, encode_extensions, parse_extensions
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.primitives.codec import (
    Reader,
    encode_opaque,
    encode_optional,
    encode_u16,
    encode_u32,
    encode_vector,
    parse_all,
    read_opaque,
)
from zajil.mls.primitives.crypto import HpkeCiphertext
from zajil.mls.schedule.psk import PreSharedKeyId

MAX_WELCOME_SECRETS = 1024
"""Joiners of one Welcome."""


@dataclass(frozen=True)
class GroupInfo:
    """A group's public state at one epoch, signed by a member. signer: leaf index."""

    context: GroupContext
    extensions: Extensions
    confirmation_tag: bytes
    signer: int
    signature: bytes = b""

    @classmethod
    def parse(cls, reader: Reader) -> "GroupInfo":
        """Source: RFC 9420 12.4.3."""
        return cls(GroupContext.parse(reader), parse_extensions(reader), reader.opaque(), reader.u32(), reader.opaque())

    def tbs(self) -> bytes:
        """GroupInfoTBS."""
        return b"".join(
            (
                self.context.encode(),
                encode_extensions(self.extensions),
                encode_opaque(self.confirmation_tag),
                encode_u32(self.signer),
            )
        )

    def encode(self) -> bytes:
        """Wire form, without MLSMessage header."""
        return self.tbs() + encode_opaque(self.signature)


@dataclass(frozen=True)
class GroupSecrets:
    """What a Welcome tells one joiner. path_secret: of the lowest node shared with the committer, if it sent a path."""

    joiner_secret: bytes
    path_secret: bytes | None
    psks: tuple[PreSharedKeyId, ...]

    def __repr__(self) -> str:
        return "GroupSecrets(...)"

    @classmethod
    def parse(cls, reader: Reader) -> "GroupSecrets":
        """Source: RFC 9420 12.4.3.1."""
        return cls(reader.opaque(), reader.optional(read_opaque), reader.vector(PreSharedKeyId.parse))

    def encode(self) -> bytes:
        """Wire form. PathSecret is itself an opaque<V>."""
        path_secret = None if self.path_secret is None else encode_opaque(self.path_secret)
        return b"".join(
            (
                encode_opaque(self.joiner_secret),
                encode_optional(path_secret),
                encode_vector(psk.encode() for psk in self.psks),
            )
        )


@dataclass(frozen=True)
class EncryptedGroupSecrets:
    """GroupSecrets for the holder of one KeyPackage. new_member: KeyPackageRef."""

    new_member: bytes
    sealed: HpkeCiphertext

    @classmethod
    def parse(cls, reader: Reader) -> "EncryptedGroupSecrets":
        """Source: RFC 9420 12.4.3.1."""
        return cls(reader.opaque(), HpkeCiphertext.parse(reader))

    def encode(self) -> bytes:
        """Wire form."""
        return encode_opaque(self.new_member) + self.sealed.encode()


@dataclass(frozen=True)
class Welcome:
    """Invitation of all clients one Commit added. suite: cipher suite id."""

    suite: int
    secrets: tuple[EncryptedGroupSecrets, ...]
    encrypted_group_info: bytes

    @classmethod
    def parse(cls, reader: Reader) -> "Welcome":
        """Source: RFC 9420 12.4.3.1."""
        return cls(reader.u16(), reader.vector(EncryptedGroupSecrets.parse), reader.opaque())

    def encode(self) -> bytes:
        """Wire form, without MLSMessage header."""
        return b"".join(
            (
                encode_u16(self.suite),
                encode_vector(secret.encode() for secret in self.secrets),
                encode_opaque(self.encrypted_group_info),
            )
        )


def encode_group_info(group_info: GroupInfo) -> bytes:
    """MLSMessage."""
    return wrap(WireFormat.GROUP_INFO, group_info.encode())


def parse_group_info(message: bytes) -> GroupInfo:
    """The GroupInfo in an MLSMessage; raises Invalid F1 for another kind, DecodeError. Nothing is verified yet."""
    kind, reader = unwrap(message)
    if kind is not WireFormat.GROUP_INFO:
        raise Invalid("F1", "not a GroupInfo")
    group_info = GroupInfo.parse(reader)
    reader.check_end()
    return group_info


def encode_welcome(welcome: Welcome) -> bytes:
    """MLSMessage."""
    return wrap(WireFormat.WELCOME, welcome.encode())


def parse_welcome(message: bytes) -> Welcome:
    """The Welcome in an MLSMessage; raises Invalid F1 for another kind, DecodeError. Nothing is verified yet."""
    kind, reader = unwrap(message)
    if kind is not WireFormat.WELCOME:
        raise Invalid("F1", "not a Welcome")
    welcome = Welcome.parse(reader)
    reader.check_end()
    return welcome


def parse_group_secrets(data: bytes) -> GroupSecrets:
    """The GroupSecrets in decrypted bytes; raises DecodeError."""
    return parse_all(data, GroupSecrets.parse)
