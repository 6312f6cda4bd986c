"""What `GET /config` asks of a newcomer and what `POST /accounts` brings back. Names and shape are ALTCHA's, version 2.

Fields are plain here: the server believes nothing that its own signature does not cover, a client checks what it is
asked before it works (`work.check_challenge`).
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from zajil.protocol.frames import U32, U64

Short: TypeAlias = Annotated[str, Meta(max_length=128)]


class WorkData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ALTCHA leaves to the server. most: the counter lies between 1 and this."""

    most: U32


class WorkParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The task. cost: rounds of one attempt. expires_at: Unix seconds. key_length: bytes. The rest: hex."""

    algorithm: Short
    cost: U32
    data: WorkData
    expires_at: U64
    key_length: U32
    key_prefix: Short
    key_signature: Short
    nonce: Short
    salt: Short


class WorkChallenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task with the server's HMAC over it, hex."""

    parameters: WorkParameters
    signature: Short


class WorkSolution(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The counter that was looked for and the whole key it makes, hex."""

    counter: U32
    derived_key: Short


class WorkProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A challenge as it was given out, and its solution."""

    challenge: WorkChallenge
    solution: WorkSolution
