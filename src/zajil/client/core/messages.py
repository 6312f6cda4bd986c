"""Message bodies: build and seal our own, open and check those of others (service.md 7 and 8)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from zajil import mls
from zajil.client.core import groups, outbox
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat, Item, Proof, StoredMessage
from zajil.client.state.step import Step
from zajil.protocol import cbor, frames
from zajil.protocol.chat import content, forms, parts
from zajil.protocol.chat.aad import ApplicationAad
from zajil.protocol.chat.content import MimiContent, NullPart
from zajil.protocol.errors import error
from zajil.protocol.identity.objects import DeviceCertificate, parse_object
from zajil.protocol.ids import AccountId, GroupId, MessageId, Mid
from zajil.protocol.roster import roster_key

KNOWN_DAYS_MS = 60 * 86_400_000
# 2100. The sender's clock is his word; a time that no calendar holds would break whoever shows it.
SENT_MAX_MS = 4_102_444_800_000


def submit_text(step: Step, gid: bytes, text: str, *, reply_to: bytes = b"") -> bytes:
    """Store a text with its clock mark and queue it; its message id. Content and id are fixed here."""
    quoted = MessageId(reply_to) if reply_to else None
    identity = submit_form(step, gid, forms.Text(text, quoted))
    show(step, rows.changed(_own(step, gid, identity, text), reply_to=reply_to))
    return identity


def submit_files(step: Step, gid: bytes, form: forms.Files) -> bytes:
    """Store a message whose files are at the server, with its clock mark, and queue it; its message id.

    The message that it answers may have moved while the files went out.
    """
    form = replace(form, reply_to=_moved(step, form.reply_to))
    identity = submit_form(step, gid, form)
    show(step, _own_files(step, gid, identity, form))
    return identity


def show_failed_files(step: Step, gid: bytes, form: forms.Files, reason: str) -> bytes:
    """A message whose files did not go out stands in its chat as failed; an id that no other message has."""
    identity = b"\x01" + step.rng(31)
    show(step, msgspec.structs.replace(_own_files(step, gid, identity, form), state="failed", reason=reason))
    return identity


def _own_files(step: Step, gid: bytes, identity: bytes, form: forms.Files) -> StoredMessage:
    files = tuple(rows.FileRow.of(file) for file in form.files)
    return rows.changed(_own(step, gid, identity, form.text), reply_to=form.reply_to or b"", files=files)


def submit_call_log(step: Step, gid: bytes, log: forms.CallLog) -> bytes:
    """Store what became of a call with its clock mark and queue it; its message id."""
    identity = submit_form(step, gid, log)
    show(step, rows.changed(_own(step, gid, identity, ""), call=rows.CallRow.of(log)))
    return identity


def _own(step: Step, gid: bytes, identity: bytes, text: str) -> StoredMessage:
    """A new own message, with the span that its chat has now."""
    profile = step.profile
    sent = StoredMessage(identity, gid, profile.account_id, profile.device_id, step.now, "queued", text)
    return rows.changed(sent, arrived=step.now, expire_s=step.chat(gid).timer)


def submit_form(step: Step, gid: bytes, form: forms.Submitted, *, at: int = 0, span_s: int | None = None) -> bytes:
    """Queue one form of content; its message id. at: Unix ms that it carries, 0 = now.

    span_s: after which it disappears; the chat's for what stands by itself, none for what does not.
    """
    marks = extensions(step, gid) | {content.SENT_MS: at or step.now}
    body = forms.encode_form(form, MimiContent(step.rng(16), NullPart(), extensions=marks))
    if span_s is None and isinstance(form, forms.Text | forms.Files | forms.CallLog):
        span_s = step.chat(gid).timer
    if span_s:
        body = replace(body, expires=content.Expires(relative=True, time=span_s))
    data = content.encode_content(body)
    identity = content.message_id_of(body, data)
    target = b"" if isinstance(form, forms.Text | forms.Files | forms.Receipts | forms.CallLog) else form.target
    shown = isinstance(form, forms.Text | forms.Files | forms.CallLog)
    item = Item(gid, "message", "queued", step.now, content=data, message_id=identity, shown=shown, target=target)
    outbox.submit(step, item)
    is_news(step, identity)
    return identity


def submit_control(step: Step, gid: bytes, part: parts.ControlPart, *, urgent: bool = False) -> int:
    """Queue a control part. urgent: before waiting texts (a profile that newcomers need, lists before an Add)."""
    body = MimiContent(step.rng(16), parts.encode_part(part), extensions=extensions(step, gid))
    data = content.encode_content(body)
    identity = content.message_id_of(body, data)
    return outbox.submit(
        step, Item(gid, "message", "queued", step.now, content=data, message_id=identity, urgent=urgent)
    )


def extensions(step: Step, gid: bytes) -> dict[cbor.Key, cbor.Value]:
    """What every body of ours carries: who, where, which device, when."""
    profile = step.profile
    return {
        content.SENDER_URI: content.sender_uri(profile.server_name, AccountId(profile.account_id)),
        content.ROOM_URI: content.room_uri(profile.server_name, GroupId(gid)),
        content.DEVICE_ID: profile.device_id,
        content.SENT_MS: step.now,
    }


def move_message(step: Step, n: int, item: Item, gid: bytes) -> None:
    """Bring an unsent item into another chat: same salt and body, so a new message id for the new room.

    Items move in their order, so a message that this one is about has its new id already.
    """
    old = content.parse_content(item.content)
    body = replace(
        old,
        replaces=_moved(step, old.replaces),
        in_reply_to=_moved(step, old.in_reply_to),
        extensions=dict(old.extensions) | _room(step, gid),
    )
    data = content.encode_content(body)
    identity = content.message_id_of(body, data)
    found = step.tx.lookup("message", item.message_id) if item.shown else None
    outbox.finish(step, n, item)
    target = _moved(step, MessageId(item.target)) if item.target else None
    moved = msgspec.structs.replace(item, gid=gid, content=data, message_id=identity, hashes=(), wait=0)
    outbox.submit(step, msgspec.structs.replace(moved, target=target or b""))
    # Whoever waits for the message under its old id, or is about it, finds the new one.
    step.tx.put("known", item.message_id, identity)
    is_news(step, identity)
    if found is not None:
        message = rows.parse_row(found[1], StoredMessage)
        step.tx.remove("message", found[0])
        reply_to = _moved(step, body.in_reply_to) or b""
        show(step, msgspec.structs.replace(message, gid=gid, message_id=identity, reply_to=reply_to))


def _moved(step: Step, identity: MessageId | None) -> MessageId | None:
    """The id that a message has after it moved, else its own."""
    if identity is None:
        return None
    return MessageId(step.tx.find("known", identity) or identity)


def _room(step: Step, gid: bytes) -> dict[cbor.Key, cbor.Value]:
    return {content.ROOM_URI: content.room_uri(step.profile.server_name, GroupId(gid))}


def show(step: Step, message: StoredMessage) -> int:
    """Put a message into its chat, at the end; the number of its row."""
    n = step.tx.append("message", message.gid, message.message_id, rows.encode_row(message))
    chat = step.change_chat(message.gid, activity=max(step.now, step.chat(message.gid).activity))
    if chat.quiet:
        step.change_chat(message.gid, quiet=False)
        accounts.change(step, chat.peer, contact=True)
    step.event("message", message.gid, message.message_id)
    return n


def seal_message(step: Step, n: int, item: Item) -> None:
    """Encrypt once: ratchet, ciphertext and mid are written in this step. Raises mls.MlsError."""
    chat = step.chat(item.gid)
    group = step.load_group(item.gid)
    body = content.parse_content(item.content)
    tag = content.content_tag(body.salt, item.content)
    signature = step.sign(content.report_tbs(tag, GroupId(item.gid), chat.epoch))
    plaintext = content.encode_application(item.content, signature)
    token = groups.send_token(group, item.gid)
    group, message = group.encrypt(
        step.env(), plaintext, aad=ApplicationAad(tag).encode(), pad_to=content.padded_size(plaintext)
    )
    step.save_group(item.gid, group)
    request = frames.Send(
        rid=0,
        mid=Mid(step.rng(16)),
        gid=GroupId(item.gid),
        token=token,
        roster_key=roster_key(chat.gs),
        flags=frames.WAKE if item.shown else 0,  # what nobody reads as a line wakes nobody
        ttl=0,
        body=message,
    )
    outbox.record_sealing(step, n, item, request, message, chat.epoch)
    opening = chat.opening or (item.message_id if chat.request == "outgoing" else b"")
    step.change_chat(item.gid, sent=chat.sent + 1, opening=opening)


class Mark(NamedTuple):
    """When the server took a message, Unix ms, and its mark on it: for a report. Neither is known of a carried one."""

    ts: int = 0
    frank: bytes = b""


CARRIED: Final = Mark()


class Opened(msgspec.Struct, frozen=True):
    """A verified message body and its author. data: the bytes of the content. proof: for a report.

    leaf: of the author in the epoch it was sealed in; -1 where it did not come as a message.
    """

    account: bytes
    device: int
    message_id: bytes
    sent: int
    content: MimiContent
    data: bytes
    proof: Proof | None = None
    leaf: int = -1


def open_application(step: Step, chat: Chat, event: mls.Application, *, mark: Mark = CARRIED) -> Opened:
    """The body of a decrypted message: signed by the leaf that sent it, tagged in its AAD, and naming both rightly.

    Raises Malformed: then it is not shown.
    """
    sealed = content.parse_application(event.data)
    body = content.parse_content(sealed.content)
    tag = content.content_tag(body.salt, sealed.content)
    if event.aad != ApplicationAad(tag).encode():
        raise error("malformed", "tag")
    try:
        Ed25519PublicKey.from_public_bytes(event.leaf_node.signature_key).verify(
            sealed.sig, content.report_tbs(tag, GroupId(chat.gid), event.epoch)
        )
    except (InvalidSignature, ValueError):
        raise error("bad-signature") from None
    author = _author(event)
    expected = {
        content.SENDER_URI: content.sender_uri(step.profile.server_name, author.account_id),
        content.ROOM_URI: content.room_uri(step.profile.server_name, GroupId(chat.gid)),
        content.DEVICE_ID: author.device_id,
    }
    if any(body.extensions.get(key) != value for key, value in expected.items()):
        raise error("malformed", "author or room")
    sent = body.extensions.get(content.SENT_MS)
    if isinstance(sent, bool) or not isinstance(sent, int) or not 0 <= sent <= SENT_MAX_MS:
        raise error("malformed", "time")
    identity = content.message_id_of(body, sealed.content)
    cert = event.leaf_node.credential.body
    proof = Proof(identity, sealed.content, sealed.sig, event.epoch, chat.gid, mark.ts, mark.frank, cert)
    return Opened(author.account_id, author.device_id, identity, sent, body, sealed.content, proof, event.sender)


def _author(event: mls.Application) -> DeviceCertificate:
    """The certificate of the sender's leaf; it was checked when the leaf came in."""
    return DeviceCertificate.parse(parse_object(event.leaf_node.credential.body).payload)


def is_news(step: Step, identity: bytes) -> bool:
    """Whether this message id was never seen; it is from now on, even if the message is deleted later.

    A message may stay longer than its id is known, and its author can seal it once more.
    """
    if step.tx.find("known", identity) is not None:
        return False
    step.tx.put("known", identity, b"")
    return step.tx.lookup("message", identity) is None


def forget_known(step: Step) -> None:
    """Message ids outlive their messages by 60 days."""
    step.tx.delete_older("known", step.now - KNOWN_DAYS_MS)


def body_hash(body: bytes) -> bytes:
    """How an echo is recognised before MLS sees it."""
    return hashlib.sha256(body).digest()


def ensure_profile(step: Step, gid: bytes) -> None:
    """Tell newcomers of this chat who we are, before our next text."""
    chat = step.chat(gid)
    strangers = [a for a in chat.accounts() if a != step.profile.account_id and a not in chat.told]
    if chat.kind == groups.SELF or chat.status != "active" or chat.request or not strangers:
        return
    is_told = not accounts.any_blocked(step, chat.accounts())
    part = parts.Profile(step.profile.name, step.profile.profile_token if is_told else None)
    submit_control(step, gid, part, urgent=True)
    step.change_chat(gid, told=(*chat.told, *strangers))
