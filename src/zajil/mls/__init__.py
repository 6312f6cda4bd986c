"""RFC 9420 (MLS) for clients, sans I/O: bytes, time and randomness come in as arguments, new values come out.

Start with `Env`, `Group.create` and `Group.join`. Everything raised is an `MlsError`.
"""

from zajil.mls.env import Authenticate, Env, Policy, Signer, Use
from zajil.mls.epochs.epoch import Member, State
from zajil.mls.errors import (
    CryptoError,
    DecodeError,
    FutureEpoch,
    GenerationLimit,
    Invalid,
    MlsError,
    OwnMessage,
    PastEpoch,
    PendingProposals,
    Rejected,
    Removed,
    Replayed,
    StateRolledBack,
    SuiteDowngrade,
    Suspended,
    TooFar,
    TooManyLeaves,
    TooOld,
    Unsupported,
    UnusableGeneration,
    WrongState,
)
from zajil.mls.group import Group, Plan, Staged, load
from zajil.mls.messages.credentials import Capabilities, Credential, CredentialType, Lifetime, basic_credential
from zajil.mls.messages.envelope import WireFormat
from zajil.mls.messages.extensions import Extension, ExtensionType, RequiredCapabilities, find_extension
from zajil.mls.messages.framing import ContentType, Header, peek
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.key_package import (
    KeyPackage,
    KeyPackageSecrets,
    encode_key_package,
    parse_key_package,
    parse_secrets,
)
from zajil.mls.messages.proposals import Add, Proposal, Psk, Remove, SetExtensions, Update
from zajil.mls.messages.reinit import ReInit
from zajil.mls.new_group import choose_suite, make_key_package
from zajil.mls.primitives.suites import X25519_AES128, XWING, Suite, suite_of
from zajil.mls.receive import Application, Proposed
from zajil.mls.rules.leaves import check_key_package
from zajil.mls.schedule.psk import ExternalPsk, PreSharedKeyId, ResumptionPsk, ResumptionUsage
from zajil.mls.sealing import seal, unseal
from zajil.mls.state import Saved, save
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.welcome import JoinInfo

__all__ = [
    "X25519_AES128",
    "XWING",
    "Add",
    "Application",
    "Authenticate",
    "Capabilities",
    "ContentType",
    "Credential",
    "CredentialType",
    "CryptoError",
    "DecodeError",
    "Env",
    "Extension",
    "ExtensionType",
    "ExternalPsk",
    "FutureEpoch",
    "GenerationLimit",
    "Group",
    "GroupContext",
    "Header",
    "Invalid",
    "JoinInfo",
    "KeyPackage",
    "KeyPackageSecrets",
    "LeafNode",
    "LeafSource",
    "Lifetime",
    "Member",
    "MlsError",
    "OwnMessage",
    "PastEpoch",
    "PendingProposals",
    "Plan",
    "Policy",
    "PreSharedKeyId",
    "Proposal",
    "Proposed",
    "Psk",
    "ReInit",
    "Rejected",
    "Remove",
    "Removed",
    "Replayed",
    "RequiredCapabilities",
    "ResumptionPsk",
    "ResumptionUsage",
    "Saved",
    "SetExtensions",
    "Signer",
    "Staged",
    "State",
    "StateRolledBack",
    "Suite",
    "SuiteDowngrade",
    "Suspended",
    "TooFar",
    "TooManyLeaves",
    "TooOld",
    "Unsupported",
    "UnusableGeneration",
    "Update",
    "Use",
    "WireFormat",
    "WrongState",
    "basic_credential",
    "check_key_package",
    "choose_suite",
    "encode_key_package",
    "find_extension",
    "load",
    "make_key_package",
    "parse_key_package",
    "parse_secrets",
    "peek",
    "save",
    "seal",
    "suite_of",
    "unseal",
]
