"""The mailbox: each message once, in order, stored before it is acknowledged (service.md 4, web.md 5).

Everything here runs inside one step; the shell acknowledges `last_seq` only after the step is durable.
"""

from __future__ import annotations

from collections.abc import Sequence

from zajil import mls
from zajil.client.core import commits, joining, judge, messages, outbox, readd
from zajil.client.core.talk import contents
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat, Held
from zajil.client.state.step import Step
from zajil.protocol import cbor
from zajil.protocol.chat.aad import CommitAad
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Kind, Msg, Ready

HELD_MAX = 256


def take_ready(step: Step, ready: Ready) -> None:
    """The answer to a HELLO. An ack above our own last_seq proves an old backup or a copy in use (mls.md 7.10)."""
    session = step.session()
    if ready.acked > session.last_seq and session.adopt_ack:
        session = step.change_session(last_seq=ready.acked)
    elif ready.acked > session.last_seq:
        step.change_session(rolled_back=True)
        step.event("old-copy")
        return
    step.change_session(readies=session.readies + 1, adopt_ack=False)
    own = accounts.known(step, step.profile.account_id)
    if ready.list_seq > own.list_seq:
        accounts.change(step, own.account_id, wanted_seq=ready.list_seq)


def take_messages(step: Step, batch: Sequence[Msg]) -> int:
    """Apply a batch in seq order; the highest seq stored, to be acknowledged after the step."""
    last = step.session().last_seq
    if step.session().rolled_back:
        return last
    for message in batch:
        if message.seq <= last:
            continue
        last = message.seq
        _take(step, message.kind, message.gid or b"", message.epoch, message.body)
        if message.gid:
            settle_held(step, message.gid)
    step.change_session(last_seq=last)
    return last


def take_drained(step: Step) -> None:
    """Everything up to this DRAINED is applied: judge what waited for it (mls.md 7.6)."""
    session = step.session()
    if session.drained >= session.hellos:
        return
    step.change_session(drained=session.hellos)
    for n, item in rows.items(step.tx):
        if item.state == "waiting" and item.wait <= session.hellos:
            _judge_waiting(step, n, item)
        elif item.state == "accepted" and item.wait <= session.hellos:
            readd.ask(step, item.gid, "gap")
        elif item.state == "queued" and item.wait and item.wait <= session.hellos:
            outbox.change_item(step, n, item, wait=0)
            _judge_patience(step, item)
    for chat in rows.all_chats(step.tx):
        if chat.status == "active" and chat.asking is None and step.tx.rows("held", chat.gid, newest=1):
            readd.ask(step, chat.gid, "gap")


def _judge_waiting(step: Step, n: int, item: rows.Item) -> None:
    """A refused commit after the drain: its epoch is still open, so the same bytes go again; or it has ended."""
    chat = step.chat(item.gid)
    staged = step.find_staged(item.gid)
    if chat.status == "active" and staged is not None and chat.epoch == item.epoch:
        outbox.change_item(step, n, item, state="sealed", wait=0)
        _judge_patience(step, item)
    else:
        outbox.requeue(step, n, item)


def _judge_patience(step: Step, item: rows.Item) -> None:
    """The epoch did not move although the server refuses it: we have lost the group's thread."""
    chat = step.chat(item.gid)
    if chat.status != "active" or chat.epoch != item.refused_epoch:
        return
    if item.reason in ("bad-group-token", "bad-roster-key") or item.refusals >= outbox.PATIENCE:
        readd.ask(step, item.gid, "refused")


def settle_held(step: Step, gid: bytes) -> None:
    """Apply held messages whose epoch has come."""
    while True:
        chat = rows.find_chat(step.tx, gid)
        if chat is None or chat.status != "active":
            return
        due = None
        for n, data in step.tx.rows("held", gid):
            held = rows.parse_row(data, Held)
            if held.epoch <= chat.epoch:
                due = n, held
                break
        if due is None:
            return
        step.tx.remove("held", due[0])
        _take(step, due[1].kind, gid, due[1].epoch, due[1].body)


def _take(step: Step, kind: int, gid: bytes, epoch: int, body: bytes) -> None:
    if kind == Kind.NOTICE:
        _take_notice(step, body)
        return
    echo = outbox.find_sealing(step, messages.body_hash(body))
    if echo is not None and echo[1].kind == "message":
        outbox.mark_sent(step, *echo)
        return
    if echo is not None and echo[1].kind == "commit":
        if echo[1].state == "queued" or echo[1].hashes[-1] != messages.body_hash(body):
            return  # bytes that lost their epoch: whoever brings them now lies, and the intent still waits
        chat = commits.apply_echo(step, *echo)
        if chat is not None:
            messages.ensure_profile(step, gid)
        return
    if kind == Kind.WELCOME:
        joining.take_welcome(step, gid, epoch, body)
        return
    known = rows.find_chat(step.tx, gid)
    if known is None or known.status != "active":
        return
    if epoch > known.epoch:
        _hold(step, Held(gid, kind, epoch, step.now, body))
    elif kind == Kind.COMMIT:
        if epoch == known.epoch:
            _take_commit(step, known, body)
    else:
        _take_application(step, known, body)


def _hold(step: Step, held: Held) -> None:
    if len(step.tx.rows("held", held.gid)) >= HELD_MAX:
        readd.ask(step, held.gid, "gap")
        return
    step.tx.append("held", held.gid, step.rng(16), rows.encode_row(held))
    if len(step.tx.rows("held", held.gid, newest=2)) == 1:
        step.wanted_drain()


def _take_commit(step: Step, chat: Chat, body: bytes) -> None:
    """A foreign commit of our epoch: verified by MLS, judged by the chat's rules, then applied."""
    try:
        staged, told = _judged(step, chat, body)
    except (mls.MlsError, judge.Vetoed):
        # Reload the state and try once more before giving the group up.
        step.forget_cached(chat.gid)
        try:
            staged, told = _judged(step, chat, body)
        except (mls.MlsError, judge.Vetoed) as problem:
            if not _is_forged(problem):
                _refuse(step, chat)
            return
    if all(member.leaf != chat.own_leaf for member in staged.removed):
        commits.advance(step, chat.gid, staged, rotate=told.rotate)
        return
    _leave_tree(step, chat, staged)


def _is_forged(problem: Exception) -> bool:
    """Whether no member made this commit: it does not open, or is another message brought again (rules F).

    It costs us nothing then. Were it the commit that the server took after all, the next epoch shows the gap.
    """
    if isinstance(problem, mls.Invalid):
        return problem.rule.startswith("F")
    return isinstance(problem, mls.DecodeError | mls.UnusableGeneration | mls.PastEpoch | NoCommit)


class NoCommit(judge.Vetoed):
    """An application message where a commit should stand."""


def _judged(step: Step, chat: Chat, body: bytes) -> tuple[mls.Staged, CommitAad]:
    group = step.load_group(chat.gid)
    _, staged = group.receive(step.env(), body)
    if not isinstance(staged, mls.Staged):
        raise NoCommit("no commit")
    return staged, judge.check_commit(chat, group, staged)


def _refuse(step: Step, chat: Chat) -> None:
    """An accepted commit that we cannot follow ends the group for us here; the group may bring us back."""
    step.event("refused-change", chat.gid)
    readd.lose(step, chat.gid, "refused")


def _leave_tree(step: Step, chat: Chat, staged: mls.Staged) -> None:
    """Our leaf was removed. Added again in the same commit, we wait for the Welcome and nothing fails."""
    own = step.profile.account_id + step.profile.device_id.to_bytes(4, "big")
    step.drop_group(chat.gid)
    if any(member.client == own for member in staged.added):
        step.change_chat(chat.gid, status="await")
        # The Welcome stands right behind this commit; if it cannot be used, we ask.
        readd.ask(step, chat.gid, "welcome", after_ms=readd.TURN_MS)
        for n, item in rows.items(step.tx, chat.gid):
            if item.kind == "message":
                outbox.requeue(step, n, item)
            else:
                outbox.fail(step, n, item, "chat-stuck")
        return
    left = step.profile.account_id in chat.left
    step.change_chat(chat.gid, status="left" if left else "removed", asking=None)
    for n, item in rows.items(step.tx, chat.gid):
        outbox.fail(step, n, item, "not-a-member")
    step.event("left" if left else "removed", chat.gid)


def _take_application(step: Step, chat: Chat, body: bytes) -> None:
    try:
        group, event = step.load_group(chat.gid).receive(step.env(), body)
    except mls.MlsError:
        # Replays, our own echoes, keys from before our join: nothing to show, and the state did not move.
        return
    step.save_group(chat.gid, group)
    if not isinstance(event, mls.Application):
        return
    try:
        opened = messages.open_application(step, chat, event)
        if messages.is_news(step, opened.message_id):
            contents.take_content(step, chat, opened)
    except ZajilError:
        step.event("bad-message", chat.gid)


def _take_notice(step: Step, body: bytes) -> None:
    """CBOR `[name, map]` of the server. A new device list of ours is fetched; others are for people."""
    try:
        value = cbor.parse(body)
    except ZajilError:
        return
    if isinstance(value, list) and value and value[0] == "device-list":
        own = accounts.known(step, step.profile.account_id)
        accounts.change(step, own.account_id, wanted_seq=own.list_seq + 1)
        step.event("device-list")
