"""From messages that a member sends in to proven ones. No MLS code: Ed25519, HMAC and the sender's device list.

Each step takes one type and returns the next, so none can be left out. The names of checks are stable; a refusal is
`report-unverified` with detail `{item, check}`, item counted from 0.

| Check | Type before -> after | What it proves |
|---|---|---|
| content | Proof -> Claim | the bytes are a message that people see, with the time of its sender |
| certificate | Proof -> Claim | the certificate is whole and signed by the account key inside it |
| sender | Proof -> Claim | the message names the account and device of the certificate; one account for all items |
| group | Proof -> Claim | the message names the group it is said to come from |
| signature | Claim -> Signed | the leaf key of the certificate signed this content for this group and epoch |
| age | Signed -> Franked | the server took it at most 90 days ago |
| frank | Signed -> Franked | this server took a message with this content, in this group, at this time |
| account | Franked -> Proven | the account's stored lists hold the account key of the certificate |
| device | Franked -> Proven | they hold its device and leaf key, not removed when the server took the message |

Without `signature` a reporter could have any text franked by sending it himself. Without `frank` whoever holds a leaf
key could prove what was never sent, or move it in time. `device` goes by the list that removed the device and the time
in it, which the account signed: a thief of an old device proves nothing with it, and who changes phones still answers
for what the old one sent. Whoever dates a removal back by hand escapes proof; a complaint is left.
Source: service.md 7 and 9; moderation.md 12.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from zajil.protocol import cbor
from zajil.protocol.chat import content, forms, mentions
from zajil.protocol.chat.content import MimiContent
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.identity.objects import DeviceCertificate, DeviceList, open_certificate
from zajil.protocol.ids import AccountId, GroupId
from zajil.protocol.report.franking import FRANK_DAYS, frank_day, make_frank
from zajil.protocol.report.verified import Form, ReportedMessage

Check: TypeAlias = Literal[
    "content", "certificate", "sender", "group", "signature", "age", "frank", "account", "device"
]
SENT_MAX_MS: Final = 4_102_444_800_000
"""2100, as receivers judge: no calendar holds a later time of a sender's clock."""
FrankKeys: TypeAlias = Callable[[int], Sequence[bytes]]
"""The keys K_day that a day's marks may be made with."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One message as its receiver kept it. sig: 64 bytes. ts: Unix ms. frank: None where the server gave none.

    cert: the signed certificate of the sender's leaf, its MLS credential.
    """

    content: bytes
    sig: bytes
    epoch: int
    gid: GroupId
    ts: int
    frank: bytes | None
    cert: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A message whose parts agree with each other; nobody has vouched for them yet. item: its place in the report."""

    item: int
    proof: Proof
    certificate: DeviceCertificate
    tag: bytes
    message: ReportedMessage


@dataclass(frozen=True, slots=True)
class Signed:
    """A claim that the leaf key of its certificate signed."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Franked:
    """A signed message that this server took."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Proven:
    """A message of a device of this account."""

    account: AccountId
    message: ReportedMessage


def refusal(item: int, check: Check) -> ZajilError:
    """The error of an item that fails a check."""
    return error("report-unverified", detail={"item": item, "check": check})


def read_claims(proofs: Sequence[Proof], *, server_name: str) -> tuple[Claim, ...]:
    """The claims of a report, all of one account. proofs: at least one. Raises Malformed `report-unverified`."""
    claims = tuple(_read_claim(item, proof, server_name) for item, proof in enumerate(proofs))
    for claim in claims:
        if claim.certificate.account_id != claims[0].certificate.account_id:
            raise refusal(claim.item, "sender")
    return claims


def prove_claim(claim: Claim, *, keys_of: FrankKeys, lists: Sequence[DeviceList], now_ms: int) -> Proven:
    """The proven message. lists: all of the account's, oldest first, verified when they were stored. now_ms: Unix ms.

    Raises Malformed `report-unverified`.
    """
    return _check_listed(_check_frank(_check_signature(claim), keys_of, now_ms), lists)


def hash_proofs(proofs: Sequence[Proof]) -> bytes:
    """32 bytes: SHA-256 over the CBOR list of all proofs, `[content, sig, epoch, gid, ts, frank, cert]` each."""
    items: list[cbor.Value] = [[p.content, p.sig, p.epoch, p.gid, p.ts, p.frank, p.cert] for p in proofs]
    return hashlib.sha256(cbor.encode(items)).digest()


def read_message(body: MimiContent, *, server_name: str) -> tuple[Form, str, int]:
    """Form, text and time of the sender's clock (Unix ms) of a content that people see. Raises Malformed.

    A mention becomes the name that its writer gave it; whose account it leads to is left out.
    """
    sent = body.extensions.get(content.SENT_MS)
    if isinstance(sent, bool) or not isinstance(sent, int) or not 0 <= sent <= SENT_MAX_MS:
        raise error("malformed", "time")
    match forms.parse_form(body):
        case forms.Text(text):
            return "text", mentions.parse_text(text, server_name=server_name)[0], sent
        case forms.Edit(text=text):
            return "edit", mentions.parse_text(text, server_name=server_name)[0], sent
        case forms.Files(text=text) if text:
            # Else a threat with any file beside it could not be reported.
            return "text", mentions.parse_text(text, server_name=server_name)[0], sent
        case forms.Unsupported(shown=True) | forms.Files():
            return "other", "", sent
    raise error("malformed", "nothing that people see")


def _read_claim(item: int, proof: Proof, server_name: str) -> Claim:
    try:
        body = content.parse_content(proof.content)
        form, text, sent = read_message(body, server_name=server_name)
    except ZajilError:
        raise refusal(item, "content") from None
    try:
        certificate = open_certificate(proof.cert)
    except ZajilError:
        raise refusal(item, "certificate") from None
    named = {
        content.SENDER_URI: content.sender_uri(server_name, certificate.account_id),
        content.DEVICE_ID: certificate.device_id,
    }
    if any(body.extensions.get(key) != value for key, value in named.items()):
        raise refusal(item, "sender")
    if body.extensions.get(content.ROOM_URI) != content.room_uri(server_name, proof.gid):
        raise refusal(item, "group")
    message = ReportedMessage(text=text, form=form, sent_ms=sent, accepted_ms=proof.ts)
    return Claim(item, proof, certificate, content.content_tag(body.salt, proof.content), message)


def _check_signature(claim: Claim) -> Signed:
    proof = claim.proof
    try:
        key = Ed25519PublicKey.from_public_bytes(claim.certificate.sig_pub)
        key.verify(proof.sig, content.report_tbs(claim.tag, proof.gid, proof.epoch))
    except (InvalidSignature, ValueError):
        raise refusal(claim.item, "signature") from None
    return Signed(claim)


def _check_frank(signed: Signed, keys_of: FrankKeys, now_ms: int) -> Franked:
    claim = signed.claim
    proof, day, today = claim.proof, frank_day(claim.proof.ts), frank_day(now_ms)
    if proof.frank is None:
        raise refusal(claim.item, "frank")
    if today - day > FRANK_DAYS:
        raise refusal(claim.item, "age")
    # Every key is tried, whichever fits, and a mark of another length fits none: time tells nothing.
    keys = keys_of(day) if day <= today + 1 else ()
    made = [make_frank(key, tag=claim.tag, gid=proof.gid, ts=proof.ts) for key in keys]
    fits = [hmac.compare_digest(each, proof.frank) for each in made]
    if not any(fits):
        raise refusal(claim.item, "frank")
    return Franked(claim)


def _check_listed(franked: Franked, lists: Sequence[DeviceList]) -> Proven:
    claim = franked.claim
    certificate = claim.certificate
    own = [each for each in lists if each.account_id == certificate.account_id]
    # One answer for an account that is not here and for a key that is not its own: it tells nobody who is here.
    if certificate.account_pub not in {each.account_pub for each in own}:
        raise refusal(claim.item, "account")
    listed = False
    for each in own:
        entry = each.find_device(certificate.device_id)
        if entry is not None and entry.sig_pub == certificate.sig_pub:
            listed = True
        elif listed and claim.proof.ts < each.issued * 1000:
            break
        else:
            listed = False
    if not listed:
        raise refusal(claim.item, "device")
    return Proven(certificate.account_id, claim.message)
