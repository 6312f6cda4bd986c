"""Everything the engine raises.

MlsError
├── DecodeError         malformed bytes: length, bounds, trailing bytes, presence octet (RFC 9420 2.1)
├── Unsupported         unknown version, suite, required extension, state version
├── CryptoError         a primitive refused: key, signature, tag, ciphertext; callers turn it into an Invalid
├── Invalid(rule)       a numbered validation rule is broken, e.g. Invalid("C5")
├── FutureEpoch         the message is ahead of this group
├── PastEpoch           the keys of its epoch are gone, or it is a handshake of the past
├── UnusableGeneration
│   ├── Replayed        generation already used
│   ├── TooOld          below the window of skipped keys
│   └── TooFar          beyond the forward limit
├── OwnMessage          the sender is our own leaf
├── Rejected            the Authentication Service refused a credential
└── WrongState
    ├── Removed         our leaf is gone
    ├── Suspended       a ReInit ended the group
    ├── PendingProposals  proposals must be committed before application data (RFC 9420 12.4)
    ├── GenerationLimit   too many own messages in this epoch: commit first
    ├── TooManyLeaves     the group is full
    ├── SuiteDowngrade    the suite offered is weaker than the one the client is able to use
    └── StateRolledBack   the stored state is older than what was already used

Nothing is half-applied when one of them is raised: every method is pure and the caller keeps the old value.
"""


class MlsError(Exception):
    """Base of everything the engine raises on input from outside.

    signer: leaf index whose signature over the refused handshake verified; None where nobody's did.
    """

    signer: int | None = None


class DecodeError(MlsError):
    """Malformed bytes (rule D1, RFC 9420 2.1)."""


class Unsupported(MlsError):
    """A version, cipher suite, extension or state version this engine does not know."""


class CryptoError(MlsError):
    """A cryptographic primitive refused its input. Says nothing about which part of it was wrong."""


class Invalid(MlsError):
    """A validation rule is broken.

    rule: id in `zajil.mls.validate.RULES`, e.g. "C5". detail: for developers, without secrets or ids.
    """

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(f"{rule}: {detail}" if detail else rule)
        self.rule = rule


class FutureEpoch(MlsError):
    """The message belongs to an epoch ahead of this group."""


class PastEpoch(MlsError):
    """The keys of the message's epoch are gone, or it is a handshake of a past epoch."""


class UnusableGeneration(MlsError):
    """No key for this generation of a ratchet."""


class Replayed(UnusableGeneration):
    """The key of this generation was used and deleted."""


class TooOld(UnusableGeneration):
    """The generation is below the window of skipped keys."""


class TooFar(UnusableGeneration):
    """The generation is further ahead than the ratchet may be moved at once."""


class OwnMessage(MlsError):
    """The message was sent by our own leaf."""


class Rejected(MlsError):
    """The Authentication Service does not accept a credential."""


class WrongState(MlsError):
    """The group's state does not allow this call."""


class Removed(WrongState):
    """Our own leaf was removed; the group has ended for us."""


class Suspended(WrongState):
    """A ReInit suspended the group."""


class PendingProposals(WrongState):
    """Proposals are waiting for a Commit, so no application data may be sent (RFC 9420 12.4)."""


class GenerationLimit(WrongState):
    """Too many own messages in this epoch: commit first."""


class TooManyLeaves(WrongState):
    """The group has as many leaves as the policy allows."""


class SuiteDowngrade(WrongState):
    """A cipher suite weaker than the one both sides are able to use was offered."""


class StateRolledBack(WrongState):
    """The stored state is older than one already used: sending would repeat generations."""
