"""Messages carried by hand in a shutdown (reach.md 14): what waits in a chat as a file, and what a file brings.

Export seals what is queued although no drain came: nothing can be asked of a server that is out of reach. The same
bytes go out once there is one again; where the group moved on meanwhile, the server refuses them and the text is sealed
anew under the same message id. Either way members show it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from zajil import mls
from zajil.client.core import chats, groups, messages, outbox
from zajil.client.core.talk import contents
from zajil.client.state import rows
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol import frames
from zajil.protocol.errors import Malformed, ZajilError, error
from zajil.protocol.mlsheader import APPLICATION, parse_header
from zajil.protocol.reach.bundle import KIND_MESSAGE, LIFE_S, Bundle, Entry, encode_bundle, open_bundle

Outcome: TypeAlias = Literal["taken", "duplicate", "expired", "stale-epoch", "corrupt"]


class Imported(NamedTuple):
    """What became of the entries of a file, in its order, and whose chat it was."""

    gid: bytes
    outcomes: tuple[Outcome, ...]


def export_bundle(step: Step, gid: bytes) -> bytes:
    """Everything that waits in this chat, as a file for its members; it stays in the outbox.

    Raises `state-rolled-back`, `device-revoked`, `not-a-member`, `chat-stuck`, `nothing-waits`, `bundle-too-big`.
    """
    outbox.check_may_send(step)
    chat = chats.check_member(step, gid)
    if chat.status != "active":
        raise error("chat-stuck")
    _seal_waiting(step, chat)
    gid = chat.gid  # a DM may have been merged into another
    now_s = step.now // 1000
    entries = tuple(
        Entry(item.mid, KIND_MESSAGE, request.body, now_s + LIFE_S)
        for _, item in rows.items(step.tx, gid)
        if item.kind == "message" and item.state == "sealed"
        if isinstance(request := frames.parse_s_client(item.request), frames.Send)
    )
    if not entries:
        raise error("nothing-waits")
    key = groups.bundle_key(step.load_group(gid), gid)
    return encode_bundle(Bundle(now_s, entries), key=key, nonce=step.rng(12))


def _seal_waiting(step: Step, chat: Chat) -> None:
    if chats.awaits_decision(step, chat):
        raise error("not-permitted", "a changed key waits for a decision")
    for n, item in rows.items(step.tx, chat.gid):
        if item.kind != "message" or item.state != "queued":
            continue
        try:
            messages.seal_message(step, n, item)
        except mls.MlsError:
            return  # own keys of this epoch are used up, or a proposal waits: the rest goes by the server


def import_bundle(step: Step, file: bytes) -> Imported:
    """Take what members wrote into a file. Raises `bad-bundle`, `foreign-bundle`."""
    keys = {key: chat for chat in rows.all_chats(step.tx) for key in _keys(step, chat)}
    bundle, key = open_bundle(file, keys)
    gid = keys[key].gid
    return Imported(gid, tuple(_take(step, gid, entry) for entry in bundle.entries))


def _keys(step: Step, chat: Chat) -> Iterator[bytes]:
    group = step.find_group(chat.gid) if chat.status == "active" else None
    if group is not None:
        yield groups.bundle_key(group, chat.gid)
        yield from (key for _, key in chat.bundle_keys)


def _take(step: Step, gid: bytes, entry: Entry) -> Outcome:
    if entry.expires <= step.now // 1000:
        return "expired"
    try:
        header = parse_header(entry.body)
    except Malformed:
        return "corrupt"
    if entry.kind != KIND_MESSAGE or header.group_id != gid or header.content_type != APPLICATION:
        return "corrupt"
    try:
        group, event = step.load_group(gid).receive(step.env(), entry.body)
    except (mls.PastEpoch, mls.FutureEpoch, mls.TooOld):
        return "stale-epoch"
    except (mls.Replayed, mls.OwnMessage):
        return "duplicate"
    except mls.MlsError:
        return "corrupt"
    if not isinstance(event, mls.Application):
        return "corrupt"
    step.save_group(gid, group)
    try:
        opened = messages.open_application(step, step.chat(gid), event)
        if not messages.is_news(step, opened.message_id):
            return "duplicate"
        contents.take_content(step, step.chat(gid), opened)
    except ZajilError:
        return "corrupt"
    return "taken"
