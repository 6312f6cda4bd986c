"""What is sent once and written nowhere: that somebody writes, and call signals (service.md 7, calls.md 4).

`typing` and most signals are ephemeral messages, which overtake the mailbox. So such a message never pushes a key out
that one in the mailbox still needs, and nothing else may come this way: a text brought early by the server would lose
its key, and with it itself. A signal that comes both ways is heard once: its key is gone then.
Signals are kept in memory alone. The first one carries the secret of a call, which has to be gone when the call is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from zajil import mls
from zajil.client.core import chats, groups, judge, messages, sealing
from zajil.client.core.talk.places import place_of
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat
from zajil.client.state.step import Signal, Step
from zajil.protocol import cbor, frames
from zajil.protocol.chat import content, forms, parts
from zajil.protocol.chat.aad import ApplicationAad
from zajil.protocol.chat.content import MimiContent
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import GroupId, Mid
from zajil.protocol.limits import CONTENT_SIZES
from zajil.protocol.roster import roster_key

SIGNAL_TTL_S = 120
"""Longest life of a signal in a mailbox; a server refuses a longer one."""
WHISPER_BYTES = CONTENT_SIZES[1]
"""Size to which the longest whisper is padded: the next one would not pass as ephemeral."""


class Course(NamedTuple):
    """How a whisper travels. ttl_s: seconds in the mailboxes, 0 = ephemeral. wake: also by push."""

    ttl_s: int = 0
    wake: bool = False

    @property
    def flags(self) -> int:
        """SEND.flags."""
        return (0 if self.ttl_s else frames.EPHEMERAL) | (frames.WAKE if self.wake else 0)


def seal_typing(step: Step, gid: bytes) -> frames.Send | None:
    """The request that tells the chat we write; None where it is off, not yet due again, or cannot be sent now."""
    chat = step.chat(place_of(step, gid))
    if not rows.load_privacy(step.tx).typing or step.now - chat.typed_at < forms.TYPING_MS:
        return None
    request = _seal(step, chat, parts.Typing(), Course()) if _is_open(step, chat) else None
    if request is not None:
        step.change_chat(chat.gid, typed_at=step.now)
    return request


def seal_signal(step: Step, gid: bytes, fields: Mapping[str, cbor.Value], course: Course) -> frames.Send | None:
    """The request that carries a call signal; None where nothing may be said in this group now.

    course: with a ttl up to 120 s it waits in mailboxes, else it reaches only who is connected. Raises Malformed for a
    signal that is not padded to 3,776 bytes or less (one of 2,900 always is), `wrong-call` for another ttl or a wake-up
    without one.
    """
    if not 0 <= course.ttl_s <= SIGNAL_TTL_S or (course.wake and not course.ttl_s):
        raise error("wrong-call", "life of a signal")
    chat = rows.find_chat(step.tx, gid)
    if chat is None or not _is_open(step, chat) or chats.awaits_decision(step, chat):
        return None
    if not _may_say(chat, step.profile.account_id, fields):
        return None
    return _seal(step, chat, parts.Call(fields), course)


def _may_say(chat: Chat, account: bytes, fields: Mapping[str, cbor.Value]) -> bool:
    """Whether this account says such a signal: where only admins write, members answer calls and begin none."""
    return fields.get("t") != "ring" or judge.may_write(chat, account)


def _is_met(step: Step, chat: Chat) -> bool:
    """Whether somebody wrote in this DM, or knows the other side, so that it is more than a way to ask for a group."""
    return not chat.quiet or accounts.known(step, chat.peer).contact


def _is_open(step: Step, chat: Chat) -> bool:
    """Whether others hear us in this chat now."""
    others = len(chat.accounts()) > 1 and chat.kind != groups.SELF and not chat.request
    if chat.kind == groups.DM and accounts.is_blocked(step, chat.peer):
        return False
    return others and chat.status == "active" and not sealing.is_refused(chat)


def _seal(step: Step, chat: Chat, part: parts.Typing | parts.Call, course: Course) -> frames.Send | None:
    """It is sent once or not at all; the ratchet has moved on for good when this step is durable."""
    body = MimiContent(step.rng(16), parts.encode_part(part), extensions=messages.extensions(step, chat.gid))
    data = content.encode_content(body)
    tag = content.content_tag(body.salt, data)
    plaintext = content.encode_application(data, step.sign(content.report_tbs(tag, GroupId(chat.gid), chat.epoch)))
    size = content.padded_size(plaintext)
    if size > WHISPER_BYTES:
        raise error("too-big", "call signal")
    group = step.load_group(chat.gid)
    token = groups.send_token(group, chat.gid)
    try:
        group, message = group.encrypt(step.env(), plaintext, aad=ApplicationAad(tag).encode(), pad_to=size)
    except mls.MlsError:
        return None
    step.save_group(chat.gid, group)
    step.change_chat(chat.gid, sent=chat.sent + 1)
    return frames.Send(
        rid=0,
        mid=Mid(step.rng(16)),
        gid=GroupId(chat.gid),
        token=token,
        roster_key=roster_key(chat.gs),
        flags=course.flags,
        ttl=course.ttl_s,
        body=message,
    )


def take_ephemeral(step: Step, eph: frames.Eph) -> None:
    """An ephemeral message of the server; whatever is neither `typing` of this epoch nor a signal changes nothing."""
    chat = rows.find_chat(step.tx, eph.gid)
    if chat is None or chat.status != "active" or chat.request or step.session().rolled_back:
        return
    try:
        group, event = step.load_group(chat.gid).receive(step.env(), eph.body)
        if not isinstance(event, mls.Application) or event.pushed_out or event.epoch != eph.epoch:
            return
        opened = messages.open_application(step, chat, event, mark=messages.Mark(eph.ts))
        form = forms.parse_form(opened.content)
    except (mls.MlsError, ZajilError):
        return
    if accounts.is_blocked(step, opened.account):
        return
    match form:
        case forms.Control(parts.Typing()) if event.epoch == chat.epoch:
            step.save_group(chat.gid, group)
            if opened.account != step.profile.account_id and rows.load_privacy(step.tx).typing:
                step.event("typing", place_of(step, chat.gid), account=opened.account)
        case forms.Control(parts.Call() as part):
            step.save_group(chat.gid, group)
            hear_signal(step, chat, opened, part)
        case _:
            pass


def hear_signal(step: Step, chat: Chat, opened: messages.Opened, part: parts.Call) -> None:
    """A verified call signal, whichever way it came.

    Nobody hears one of this very device, of a device that is not in the group any more or now has another leaf, or one
    that no server has dated; nor a ring of whose words are not shown.
    """
    own, proof = step.profile, opened.proof
    if proof is None or proof.ts <= 0 or chat.status != "active" or chat.kind == groups.SELF or chat.request:
        return
    if accounts.is_blocked(step, opened.account) or not _is_met(step, chat):
        return
    if not _may_say(chat, opened.account, part.fields):
        return
    here = opened.leaf >= 0 and chat.leaf_of(opened.account, opened.device) == opened.leaf
    if here and (opened.account, opened.device) != (own.account_id, own.device_id):
        heard = Signal(chat.gid, opened.leaf, opened.account, opened.device, proof.ts, proof.epoch, part.fields)
        step.calls.append(heard)
