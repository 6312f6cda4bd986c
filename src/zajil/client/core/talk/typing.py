"""Telling that somebody writes: an ephemeral message, at most every 4 s, both ways or not at all (service.md 7).

It overtakes the mailbox. So it never pushes a key out that a message there still needs, and nothing but `typing` may
come this way: a text brought early by the server would lose its key, and with it itself.
"""

from __future__ import annotations

from zajil import mls
from zajil.client.core import groups, messages, sealing
from zajil.client.core.talk.places import place_of
from zajil.client.state import rows
from zajil.client.state.step import Step
from zajil.protocol import frames
from zajil.protocol.chat import content, forms, parts
from zajil.protocol.chat.aad import ApplicationAad
from zajil.protocol.chat.content import MimiContent
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import GroupId, Mid
from zajil.protocol.roster import roster_key


def seal_typing(step: Step, gid: bytes) -> frames.Send | None:
    """The request that tells the chat we write; None where it is off, not yet due again, or cannot be sent now.

    It is sent once or not at all; the ratchet has moved on for good when this step is durable.
    """
    chat = step.chat(place_of(step, gid))
    alone = len(chat.accounts()) < 2
    if alone or chat.kind == groups.SELF or chat.status != "active" or sealing.is_refused(chat):
        return None
    if not rows.load_privacy(step.tx).typing or step.now - chat.typed_at < forms.TYPING_MS:
        return None
    body = MimiContent(step.rng(16), parts.encode_part(parts.Typing()), extensions=messages.extensions(step, chat.gid))
    data = content.encode_content(body)
    tag = content.content_tag(body.salt, data)
    plaintext = content.encode_application(data, step.sign(content.report_tbs(tag, GroupId(chat.gid), chat.epoch)))
    group = step.load_group(chat.gid)
    token = groups.send_token(group, chat.gid)
    try:
        group, message = group.encrypt(
            step.env(), plaintext, aad=ApplicationAad(tag).encode(), pad_to=content.padded_size(plaintext)
        )
    except mls.MlsError:
        return None
    step.save_group(chat.gid, group)
    step.change_chat(chat.gid, typed_at=step.now, sent=chat.sent + 1)
    return frames.Send(
        rid=0,
        mid=Mid(step.rng(16)),
        gid=GroupId(chat.gid),
        token=token,
        roster_key=roster_key(chat.gs),
        flags=frames.EPHEMERAL,
        ttl=0,
        body=message,
    )


def take_ephemeral(step: Step, gid: bytes, epoch: int, body: bytes) -> None:
    """An ephemeral message of the server; whatever is not a `typing` of this epoch changes nothing."""
    chat = rows.find_chat(step.tx, gid)
    if chat is None or chat.status != "active" or chat.epoch != epoch or step.session().rolled_back:
        return
    try:
        group, event = step.load_group(gid).receive(step.env(), body)
        if not isinstance(event, mls.Application) or event.pushed_out:
            return
        opened = messages.open_application(step, chat, event)
        if forms.parse_form(opened.content) != forms.Control(parts.Typing()):
            return
    except (mls.MlsError, ZajilError):
        return
    step.save_group(gid, group)
    if opened.account != step.profile.account_id and rows.load_privacy(step.tx).typing:
        step.event("typing", place_of(step, gid), account=opened.account)
