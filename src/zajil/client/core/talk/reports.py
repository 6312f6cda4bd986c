"""What a report of messages consists of: the proofs kept with them, and nothing else of the chat (moderation.md 12)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from zajil.client.core.talk.places import load_message
from zajil.client.state import rows
from zajil.client.state.rows import Proof, StoredMessage
from zajil.client.state.step import Step
from zajil.protocol import control
from zajil.protocol.chat import content
from zajil.protocol.errors import error
from zajil.protocol.report.proofs import read_message
from zajil.protocol.report.reasons import Reason
from zajil.protocol.report.verified import ITEMS_MAX

_ROW: Final = b"reports"
_UNANSWERED_MAX: Final = 16
_REMEMBERED_MS: Final = 24 * 3_600_000
"""So long a server knows what it answered."""


class Draft(NamedTuple):
    """Whom a report is about, and the contents that would be sent, in the order of the messages chosen."""

    account: bytes
    proofs: tuple[Proof, ...]


class Shown(NamedTuple):
    """One content of a draft as its moderators would see it. sent: Unix ms of its writer's clock."""

    text: str
    form: str
    sent: int


def draft_report(step: Step, gid: bytes, identities: Sequence[bytes]) -> Draft:
    """The report of these messages of a chat: each with its edits, up to the six latest texts of it.

    Raises `gone`; `not-reportable` for no message, an own one, one that was deleted or came before proofs were kept,
    messages of more than one person, or more than six texts.
    """
    chosen = [load_message(step, gid, identity)[1] for identity in dict.fromkeys(identities)]
    proofs = tuple(proof for message in chosen for proof in _proofs_of(message))
    authors = {message.account for message in chosen}
    complete = all(message.proofs for message in chosen)
    if len(authors) != 1 or step.profile.account_id in authors or not complete or len(proofs) > ITEMS_MAX:
        raise error("not-reportable")
    return Draft(chosen[0].account, proofs)


def _proofs_of(message: StoredMessage) -> tuple[Proof, ...]:
    return message.proofs[-ITEMS_MAX:]


def show_draft(step: Step, draft: Draft) -> tuple[Shown, ...]:
    """What moderators would read. It is what the server makes of the same bytes."""
    server_name = step.profile.server_name
    read = (read_message(content.parse_content(proof.content), server_name=server_name) for proof in draft.proofs)
    return tuple(Shown(text, form, sent) for form, text, sent in read)


def encode_report(draft: Draft, *, reason: Reason, note: str, complaint: bool) -> control.MakeReport:
    """The call that sends it."""
    return control.MakeReport(reason, tuple(_item(proof) for proof in draft.proofs), note, complaint)


class Unanswered(msgspec.Struct, frozen=True, array_like=True):
    """A report that the server may have. digest: SHA-256 of the call. key: its Idempotency-Key. at: Unix ms."""

    digest: bytes
    key: bytes
    at: int


class _Sent(msgspec.Struct, frozen=True):
    unanswered: tuple[Unanswered, ...] = ()


def key_of(step: Step, request: control.MakeReport) -> bytes:
    """The name by which the server takes this report once, 16 bytes: of the try before, where that got no answer.

    It is kept, so also where the program ended before the answer came.
    """
    digest = hashlib.sha256(control.encode_json(request)).digest()
    held = tuple(one for one in _load_sent(step).unanswered if one.at + _REMEMBERED_MS > step.now)
    for one in held:
        if one.digest == digest:
            return one.key
    made = Unanswered(digest, step.rng(16), step.now)
    step.tx.put("meta", _ROW, rows.encode_row(_Sent((*held, made)[-_UNANSWERED_MAX:])))
    return made.key


def note_answered(step: Step, key: bytes) -> None:
    """The server took it or refused it; the same messages reported anew are another report."""
    left = tuple(one for one in _load_sent(step).unanswered if one.key != key)
    step.tx.put("meta", _ROW, rows.encode_row(_Sent(left)))


def _load_sent(step: Step) -> _Sent:
    data = step.tx.find("meta", _ROW)
    return _Sent() if data is None else rows.parse_row(data, _Sent)


def _item(proof: Proof) -> control.ReportItem:
    return control.ReportItem(
        content=control.Blob(proof.content),
        sig=control.B64(proof.sig),
        epoch=proof.epoch,
        gid=control.B16(proof.gid),
        ts=proof.ts,
        frank=control.B32(proof.frank) if proof.frank else None,
        cert=control.Blob(proof.cert),
    )
