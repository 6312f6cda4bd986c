"""KeyPackages: how a client lets itself be added while it is away (RFC 9420 10)."""

from dataclasses import dataclass
from functools import cached_property

from zajil.mls.errors import Invalid
from zajil.mls.messages.envelope import WireFormat, unwrap, wrap
from zajil.mls.messages.extensions import LAST_RESORT, Extensions, encode_extensions, find_extension, parse_extensions
from zajil.mls.primitives import crypto
from zajil.mls.primitives.codec import Reader, encode_opaque, encode_u16, parse_all
from zajil.mls.primitives.suites import Suite
from zajil.mls.tree.nodes import LeafNode


@dataclass(frozen=True)
class KeyPackage:
    """A signed offer to be added. suite: cipher suite id; init_key: HPKE public key used for one Welcome."""

    version: int
    suite: int
    init_key: bytes
    leaf_node: LeafNode
    extensions: Extensions
    signature: bytes

    @classmethod
    def parse(cls, reader: Reader) -> "KeyPackage":
        """Source: RFC 9420 10."""
        return cls(
            reader.u16(),
            reader.u16(),
            reader.opaque(),
            LeafNode.parse(reader),
            parse_extensions(reader),
            reader.opaque(),
        )

    def tbs(self) -> bytes:
        """KeyPackageTBS."""
        return b"".join(
            (
                encode_u16(self.version),
                encode_u16(self.suite),
                encode_opaque(self.init_key),
                self.leaf_node.encode(),
                encode_extensions(self.extensions),
            )
        )

    @cached_property
    def _encoded(self) -> bytes:
        return self.tbs() + encode_opaque(self.signature)

    def encode(self) -> bytes:
        """Wire form, without MLSMessage header."""
        return self._encoded

    def reference(self, suite: Suite) -> bytes:
        """KeyPackageRef, suite.nh bytes (RFC 9420 5.2)."""
        return crypto.key_package_ref(suite, self.encode())

    @property
    def last_resort(self) -> bool:
        """Whether it may be used more than once."""
        return find_extension(self.extensions, LAST_RESORT.type) is not None


@dataclass(frozen=True)
class KeyPackageSecrets:
    """Private halves of a KeyPackage: HPKE private keys of its init key and of its leaf.

    The init key must be forgotten once a Welcome was taken, unless the package is a last resort (RFC 9420 16.8).
    """

    init_key: bytes
    encryption_key: bytes

    def __repr__(self) -> str:
        return "KeyPackageSecrets(...)"

    def encode(self) -> bytes:
        """For storage, sealed."""
        return encode_opaque(self.init_key) + encode_opaque(self.encryption_key)


def parse_secrets(data: bytes) -> KeyPackageSecrets:
    """What `KeyPackageSecrets.encode` returned; raises DecodeError."""
    return parse_all(data, lambda reader: KeyPackageSecrets(reader.opaque(), reader.opaque()))


def encode_key_package(key_package: KeyPackage) -> bytes:
    """MLSMessage to publish."""
    return wrap(WireFormat.KEY_PACKAGE, key_package.encode())


def parse_key_package(message: bytes) -> KeyPackage:
    """The KeyPackage in an MLSMessage; raises Invalid F1 for another kind, DecodeError. Nothing is verified yet."""
    kind, reader = unwrap(message)
    if kind is not WireFormat.KEY_PACKAGE:
        raise Invalid("F1", "not a key package")
    key_package = KeyPackage.parse(reader)
    reader.check_end()
    return key_package
