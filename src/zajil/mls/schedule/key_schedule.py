"""From the init and commit secrets to every secret of an epoch, and what is derived from those.

Values carry no secret in their repr. Old inputs (init, commit, joiner) are for the caller to forget.
Source: RFC 9420 6.3.2, 8, 8.3, 8.5, 8.7, 12.4.3.1.
"""

from collections.abc import Callable
from dataclasses import dataclass

from zajil.mls.primitives import hpke
from zajil.mls.primitives.codec import Reader, encode_opaque
from zajil.mls.primitives.crypto import derive_secret, expand_with_label, extract, hash_bytes, mac
from zajil.mls.primitives.suites import Suite

_EXTERNAL_INIT_LABEL = b"MLS 1.0 external init secret"


@dataclass(frozen=True, repr=False)
class EpochSecrets:
    """The secrets an epoch keeps (RFC 9420 table 4), each suite.nh bytes.

    init: for the next epoch. encryption: root of the secret tree, b"" once the tree is built.
    """

    sender_data: bytes
    encryption: bytes
    exporter: bytes
    external: bytes
    confirmation: bytes
    membership: bytes
    resumption: bytes
    authenticator: bytes
    init: bytes

    def encode(self) -> bytes:
        """The nine secrets as opaque<V>, in field order."""
        return b"".join(encode_opaque(secret) for secret in self._fields())

    def _fields(self) -> tuple[bytes, ...]:
        return (
            self.sender_data,
            self.encryption,
            self.exporter,
            self.external,
            self.confirmation,
            self.membership,
            self.resumption,
            self.authenticator,
            self.init,
        )

    @staticmethod
    def parse(reader: Reader) -> "EpochSecrets":
        """What `encode` wrote; raises DecodeError."""
        return EpochSecrets(*(reader.opaque() for _ in range(9)))


@dataclass(frozen=True, repr=False)
class KeyNonce:
    """An AEAD key (suite.nk bytes) and nonce (suite.nn bytes), for one message."""

    key: bytes
    nonce: bytes


def joiner_secret(suite: Suite, *, init_secret: bytes, commit_secret: bytes, group_context: bytes) -> bytes:
    """The joiner secret of the next epoch. commit_secret: suite.nh zeros without a path.

    group_context: the encoded GroupContext of the new epoch.
    """
    prk = extract(suite, init_secret, commit_secret)
    return expand_with_label(suite, prk, b"joiner", group_context, suite.nh)


def welcome_secret(suite: Suite, joiner: bytes, psk_secret: bytes) -> bytes:
    """The secret the GroupInfo of a Welcome is encrypted under."""
    return derive_secret(suite, extract(suite, joiner, psk_secret), b"welcome")


def welcome_key(suite: Suite, secret: bytes) -> KeyNonce:
    """AEAD key and nonce of a Welcome's GroupInfo, from its welcome secret."""
    return KeyNonce(
        expand_with_label(suite, secret, b"key", b"", suite.nk),
        expand_with_label(suite, secret, b"nonce", b"", suite.nn),
    )


def epoch_secrets(suite: Suite, joiner: bytes, *, psk_secret: bytes, group_context: bytes) -> EpochSecrets:
    """Every secret of the epoch the joiner secret belongs to; psk_secret: suite.nh zeros without PSKs."""
    intermediate = extract(suite, joiner, psk_secret)
    return secrets_of_epoch(suite, expand_with_label(suite, intermediate, b"epoch", group_context, suite.nh))


def secrets_of_epoch(suite: Suite, epoch_secret: bytes) -> EpochSecrets:
    """Every secret that follows from an epoch secret; a new group draws its first one (RFC 9420 11)."""
    return EpochSecrets(
        sender_data=derive_secret(suite, epoch_secret, b"sender data"),
        encryption=derive_secret(suite, epoch_secret, b"encryption"),
        exporter=derive_secret(suite, epoch_secret, b"exporter"),
        external=derive_secret(suite, epoch_secret, b"external"),
        confirmation=derive_secret(suite, epoch_secret, b"confirm"),
        membership=derive_secret(suite, epoch_secret, b"membership"),
        resumption=derive_secret(suite, epoch_secret, b"resumption"),
        authenticator=derive_secret(suite, epoch_secret, b"authentication"),
        init=derive_secret(suite, epoch_secret, b"init"),
    )


def export_secret(suite: Suite, exporter: bytes, *, label: bytes, context: bytes, length: int) -> bytes:
    """MLS-Exporter (RFC 9420 8.5): length bytes. The context is hashed."""
    derived = derive_secret(suite, exporter, label)
    return expand_with_label(suite, derived, b"exported", hash_bytes(suite, context), length)


def confirmation_tag(suite: Suite, confirmation: bytes, confirmed_transcript_hash: bytes) -> bytes:
    """The tag of a Commit or GroupInfo (RFC 9420 8.1)."""
    return mac(suite, confirmation, confirmed_transcript_hash)


def sender_data_key(suite: Suite, sender_data: bytes, ciphertext: bytes) -> KeyNonce:
    """AEAD key and nonce of a PrivateMessage's sender data, bound to the first suite.nh bytes of its ciphertext."""
    sample = ciphertext[: suite.nh]
    return KeyNonce(
        expand_with_label(suite, sender_data, b"key", sample, suite.nk),
        expand_with_label(suite, sender_data, b"nonce", sample, suite.nn),
    )


def external_key_pair(suite: Suite, external: bytes) -> tuple[bytes, bytes]:
    """(private, public) that external committers encapsulate to; the public one is `external_pub`."""
    return hpke.derive_key_pair(suite, external)


def external_init_sender(suite: Suite, external_pub: bytes, rng: Callable[[int], bytes]) -> tuple[bytes, bytes]:
    """(kem_output, init secret) of an external Commit (RFC 9420 8.3); raises CryptoError."""
    return hpke.export_sender(suite, external_pub, label=_EXTERNAL_INIT_LABEL, length=suite.nh, rng=rng)


def external_init_receiver(suite: Suite, external: bytes, kem_output: bytes) -> bytes:
    """The init secret of an external Commit, from our epoch's external secret; raises CryptoError."""
    private, _ = external_key_pair(suite, external)
    return hpke.export_receiver(suite, private, kem_output=kem_output, label=_EXTERNAL_INIT_LABEL, length=suite.nh)
