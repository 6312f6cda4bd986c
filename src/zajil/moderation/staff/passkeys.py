"""Passkeys of staff: WebAuthn by the `webauthn` package, user verification required, no attestation asked for.

The credential names its own challenge, which `Challenges` knows again: nothing is stored between the two calls.
Source: WebAuthn Level 3, 7.1 and 7.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import webauthn
from webauthn.helpers import structs
from webauthn.helpers.exceptions import WebAuthnException

from zajil.moderation.store.staff import KeyRow
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import parse_b64

_NAME: Final = "Zajil moderation"
_CREDENTIAL_BYTES: Final = 1023
# Foreign bytes all the way down: whatever the parser stumbles over, the answer is the same.
_STUMBLES: Final = (
    WebAuthnException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


class Site(NamedTuple):
    """What passkeys are bound to. rp_id: a host name, no address. origins: pages that may ask, such as https://host."""

    rp_id: str
    origins: tuple[str, ...]


class NewKey(NamedTuple):
    """A passkey that was just made. public: COSE key. uses: its signature counter."""

    key_id: bytes
    public: bytes
    uses: int


class _Response(msgspec.Struct):
    clientDataJSON: str  # noqa: N815  # WebAuthn's own name


class _Credential(msgspec.Struct):
    rawId: str  # noqa: N815  # WebAuthn's own name
    response: _Response


class _ClientData(msgspec.Struct):
    challenge: str


def creation_options(site: Site, *, staff_id: bytes, name: str, challenge: bytes, known: Sequence[KeyRow]) -> str:
    """What `navigator.credentials.create` takes, as JSON. known: keys that this person has already."""
    selection = structs.AuthenticatorSelectionCriteria(
        resident_key=structs.ResidentKeyRequirement.REQUIRED,
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name=_NAME,
        user_id=staff_id,
        user_name=name,
        challenge=challenge,
        authenticator_selection=selection,
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=each.id) for each in known],
    )
    return webauthn.options_to_json(options)


def request_options(site: Site, *, challenge: bytes, allowed: Sequence[KeyRow] = ()) -> str:
    """What `navigator.credentials.get` takes, as JSON. allowed: these keys alone; without, whichever is found."""
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=each.id) for each in allowed],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def parse_challenge(credential: str) -> tuple[bytes, bytes]:
    """The challenge (32 bytes) that a credential answers, and the id of its key. Raises AuthError `bad-challenge`."""
    try:
        found = msgspec.json.decode(credential, type=_Credential)
        data = msgspec.json.decode(parse_b64(found.response.clientDataJSON), type=_ClientData)
        challenge, key_id = parse_b64(data.challenge, size=32), parse_b64(found.rawId)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ZajilError):
        raise error("bad-challenge") from None
    if not 1 <= len(key_id) <= _CREDENTIAL_BYTES:
        raise error("bad-challenge")
    return challenge, key_id


def check_creation(site: Site, credential: str, *, challenge: bytes) -> NewKey:
    """The passkey that was made in answer to this challenge. Raises AuthError `bad-challenge`."""
    try:
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=list(site.origins),
            require_user_verification=True,
        )
    except _STUMBLES:
        raise error("bad-challenge") from None
    return NewKey(found.credential_id, found.credential_public_key, found.sign_count)


def check_answer(site: Site, credential: str, *, challenge: bytes, key: KeyRow) -> int:
    """The key's new signature counter, if its holder answered this challenge. Raises AuthError `bad-challenge`."""
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=list(site.origins),
            credential_public_key=key.public,
            credential_current_sign_count=key.uses,
            require_user_verification=True,
        )
    except _STUMBLES:
        raise error("bad-challenge") from None
    return found.new_sign_count
