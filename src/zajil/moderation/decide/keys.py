"""The key of an automatic decision: the same evidence under the same policy and model decides once, however often."""

from __future__ import annotations

import hashlib
from typing import Final

from zajil.moderation.policy.actions import Action
from zajil.moderation.signals import Verdict
from zajil.protocol import cbor

_CONTEXT: Final = "zajil automatic decision v1"


def decision_key(verdict: Verdict, action: Action) -> bytes:
    """32 bytes: SHA-256 over target, version, policy, model and effect. Unique in the table of decisions.

    A redelivered job meets its own key and changes nothing; another effect on the same version, after new evidence, is
    another decision.
    """
    fields: list[cbor.Value] = [_CONTEXT, verdict.target, verdict.version, verdict.policy, verdict.model, action.effect]
    return hashlib.sha256(cbor.encode(fields)).digest()
