"""The mailbox: each message once, in order, stored before it is acknowledged (service.md 4, web.md 5).

What becomes of a message is decided by `zajil.protocol.mailbox.intake`; here it is carried out, inside one step. The
shell acknowledges `last_seq` only after the step is durable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from zajil import mls
from zajil.client.core import commits, joining, judge, messages, outbox, readd
from zajil.client.core.contact import blocking, requests
from zajil.client.core.heirs import ending, growing, making, returning
from zajil.client.core.kept import backup
from zajil.client.core.talk import contents
from zajil.client.core.talk.notices import note_put_out
from zajil.client.state import accounts, ownlists, rows
from zajil.client.state.rows import Chat, Held
from zajil.client.state.step import Step
from zajil.client.views import EventCode
from zajil.protocol import cbor
from zajil.protocol.chat.aad import CommitAad
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Kind, Msg, Ready
from zajil.protocol.limits import HEAD_JUMP
from zajil.protocol.mailbox import intake
from zajil.protocol.outbox import items
from zajil.protocol.report.measures import NOTICE, NOTICE_ID_BYTES, OUTCOME_NOTICE

KINDS: dict[int, intake.EntryKind] = {
    Kind.COMMIT: "commit",
    Kind.APP: "application",
    Kind.WELCOME: "welcome",
    Kind.NOTICE: "notice",
}


class Letter(NamedTuple):
    """One message of the mailbox, from the server or from what is held. gid: empty for notices. mark: for a report."""

    kind: int
    gid: bytes
    epoch: int
    body: bytes
    mark: messages.Mark
    via: bytes = b""


def begin_hello(step: Step) -> int:
    """A HELLO goes out now: the highest seq stored."""
    state, _, _ = intake.step(_load(step), intake.Hello(), step.now)
    _save(step, state)
    return state.stored


def take_ready(step: Step, ready: Ready) -> None:
    """The answer to a HELLO. An ack above our own last_seq proves an old backup or a copy in use (mls.md 7.10)."""
    state, actions, _ = intake.step(_load(step), intake.Ready(ready.acked), step.now)
    _save(step, state)
    if any(isinstance(action, intake.Alarm) for action in actions):
        step.event("old-copy")
        return
    session = step.session()
    # It went back: it numbers on from less, or from the clock (docs/operate/backup.md).
    if session.head is not None and not 0 <= ready.head - session.head < HEAD_JUMP:
        blocking.tell_again(step)
        returning.note_back(step)
        backup.store_again(step)
    step.change_session(readies=session.readies + 1, head=ready.head)
    own = accounts.known(step, step.profile.account_id)
    # As after a restore of the server: until it has ours again, devices that we ended may log in.
    step.change_session(list_lost=ready.list_seq < own.list_seq)
    if ready.list_seq > own.list_seq:
        accounts.change(step, own.account_id, wanted_seq=ready.list_seq)
    elif not ownlists.is_whole(step):
        accounts.change(step, own.account_id, wanted_seq=own.list_seq + 1)


def take_messages(step: Step, batch: Sequence[Msg]) -> int:
    """Apply a batch in seq order; the highest seq stored, to be acknowledged after the step."""
    state = _load(step)
    for message in batch:
        mark = messages.Mark(message.ts, message.frank or b"")
        letter = Letter(message.kind, message.gid or b"", message.epoch, message.body, mark, message.via or b"")
        kind, own = KINDS.get(letter.kind, "application"), _find_own(step, letter)
        state = msgspec.structs.replace(state, groups=_find_group(step, letter.gid))
        entry = intake.Entry(message.seq, kind, letter.gid.hex(), letter.epoch, own)
        state, actions, _ = intake.step(state, entry, step.now)
        for action in actions:
            _carry_out(step, letter, action)
        if letter.gid:
            settle_held(step, letter.gid)
            blocking.watch_door(step, letter.gid, letter.via)
    _save(step, state)
    return state.stored


def take_drained(step: Step) -> None:
    """Everything up to this DRAINED is applied: judge what waited for it (mls.md 7.6)."""
    state = msgspec.structs.replace(_load(step), groups=_find_holding(step))
    state, actions, _ = intake.step(state, intake.Drained(), step.now)
    _save(step, state)
    _ask_all(step, actions)


def take_waited(step: Step) -> None:
    """What is held waited too long on a standing connection."""
    state = msgspec.structs.replace(_load(step), groups=_find_holding(step))
    _ask_all(step, intake.step(state, intake.Waited(), step.now)[1])


def _ask_all(step: Step, actions: Sequence[intake.Action]) -> None:
    for action in actions:
        if isinstance(action, intake.Settle):
            for n, item in rows.items(step.tx):
                settle_item(step, n, item, action.drained)
        elif isinstance(action, intake.Readd):
            _ask_after_gap(step, bytes.fromhex(action.gid))


def _ask_after_gap(step: Step, gid: bytes) -> None:
    """The group is in a later epoch. Where no commit led there, nobody can bring anybody back: it is stuck."""
    chat = step.chat(gid)
    if not ending.is_forged(step, chat) or chat.request or chat.heir is not None or chat.asking is not None:
        readd.ask(step, gid, "gap")
        return
    step.event("refused-change", gid)
    readd.ask(step, gid, "refused")
    making.schedule(step, gid)


def settle_item(step: Step, n: int, item: rows.Item, drained: int) -> None:
    """Tell an item that this drain ended. Where the server refuses our epoch for good, we ask to be re-added."""
    if not item.wait:
        return
    chat = step.chat(item.gid)
    staged = item.state == "waiting" and step.find_staged(item.gid) is not None
    told = items.Drained(drained, chat.status == "active", chat.epoch, staged)
    for left in outbox.run(step, n, item, told)[1]:
        if isinstance(left, items.Readd) and chat.heir is not None and item.kind == "commit":
            outbox.finish(step, n, item)  # it was of use in the group of before alone
        elif isinstance(left, items.Readd):
            readd.ask(step, item.gid, left.reason)
            if left.reason == "refused" and ending.is_stuck(step.chat(item.gid)):
                # Whoever committed last gave the server a false token, or the group is gone there.
                making.schedule(step, item.gid)


def settle_held(step: Step, gid: bytes) -> None:
    """Apply held messages whose epoch has come."""
    while held := step.tx.rows("held", gid):
        chat = rows.find_chat(step.tx, gid)
        if chat is None:
            return
        group = intake.Group(active=False, epoch=0, held=len(held))
        moved = intake.Moved(gid.hex(), chat.status == "active", chat.epoch)
        state, actions, _ = intake.step(intake.Intake(groups={gid.hex(): group}), moved, step.now)
        parsed = [(n, rows.parse_row(data, Held)) for n, data in held]
        due = next(((n, each) for n, each in parsed if each.epoch <= chat.epoch), None)
        if not actions or due is None:
            return
        step.tx.remove("held", due[0])
        letter = Letter(due[1].kind, gid, due[1].epoch, due[1].body, messages.Mark(due[1].ts, due[1].frank))
        again = intake.Again(KINDS[letter.kind], gid.hex(), letter.epoch, _find_own(step, letter))
        for action in intake.step(state, again, step.now)[1]:
            _carry_out(step, letter, action)


def _load(step: Step) -> intake.Intake:
    session = step.session()
    return intake.Intake(
        stored=session.last_seq,
        hellos=session.hellos,
        drained=session.drained,
        wanted=session.wanted,
        locked=session.rolled_back,
        adopt=session.adopt_ack,
    )


def _save(step: Step, state: intake.Intake) -> None:
    """Write what the machine decides of the session row; a drain may have been asked for besides."""
    step.change_session(
        last_seq=state.stored,
        hellos=state.hellos,
        drained=state.drained,
        wanted=max(state.wanted, step.session().wanted),
        rolled_back=state.locked,
        adopt_ack=state.adopt,
    )


def _find_group(step: Step, gid: bytes) -> dict[str, intake.Group]:
    """The group of a message as the machine sees it; none where we hold none."""
    chat = rows.find_chat(step.tx, gid) if gid else None
    if chat is None:
        return {}
    held = len(step.tx.rows("held", gid))
    return {gid.hex(): intake.Group(chat.status == "active", chat.epoch, held, chat.asking is not None)}


def _find_holding(step: Step) -> dict[str, intake.Group]:
    """The groups of which messages are held."""
    found: dict[str, intake.Group] = {}
    if step.tx.count("held"):
        for chat in rows.all_chats(step.tx):
            found |= _find_group(step, chat.gid)
    return found


def _find_own(step: Step, letter: Letter) -> intake.Own:
    """Which of our own sealings this is, by H(body)."""
    digest = messages.body_hash(letter.body)
    found = outbox.find_sealing(step, digest)
    if found is None:
        return "none"
    item = found[1]
    if item.kind == "message":
        return "message"
    return "lost-commit" if item.state == "queued" or item.hashes[-1] != digest else "commit"


def _carry_out(step: Step, letter: Letter, action: intake.Action) -> None:
    match action:
        case intake.Take():
            step.taken_at = letter.mark.ts
            _take(step, letter, action)
            step.taken_at = 0
        case intake.Hold():
            held = Held(letter.gid, letter.kind, letter.epoch, step.now, letter.body, *letter.mark)
            step.tx.append("held", letter.gid, step.rng(16), rows.encode_row(held))
        case intake.Readd():
            _ask_after_gap(step, letter.gid)
        case intake.Drop(cause="past-commit"):
            returning.note_behind(step, step.chat(letter.gid), letter.epoch)
        case _:
            pass  # stored before, or nothing to apply


def _take(step: Step, letter: Letter, action: intake.Take) -> None:
    gid, body = letter.gid, letter.body
    match action.what:
        case "notice":
            _take_notice(step, body)
        case "echo" | "own-commit":
            _take_echo(step, letter)
        case "welcome":
            joining.take_welcome(step, gid, letter.epoch, body, via=letter.via)
        case "commit":
            _take_commit(step, step.chat(gid), body)
        case "application":
            _take_application(step, step.chat(gid), letter)


def _take_echo(step: Step, letter: Letter) -> None:
    """One of our own came through the mailbox: that is its acceptance."""
    digest = messages.body_hash(letter.body)
    found = outbox.find_sealing(step, digest)
    if found is None:
        return
    n, item = found
    if item.kind == "message":
        outbox.run(step, n, item, items.Echo(newest=item.hashes[-1] == digest))
        return
    chat = commits.apply_echo(step, n, item)
    if chat is not None:
        making.settle_made(step, chat)
        growing.note_commit(step, chat.gid)
        messages.ensure_profile(step, letter.gid)


def _take_commit(step: Step, chat: Chat, body: bytes) -> None:
    """A foreign commit of our epoch: verified by MLS, judged by the chat's rules, then applied.

    In a group whose place another one took it changes nothing that people see: it is followed to read on what those
    say who did not hear of that yet.
    """
    try:
        staged, told = _judged(step, chat, body)
    except (mls.MlsError, judge.Vetoed):
        # Reload the state and try once more before giving the group up.
        step.forget_cached(chat.gid)
        try:
            staged, told = _judged(step, chat, body)
        except (mls.MlsError, judge.Vetoed) as problem:
            if _is_forged(problem):
                ending.note_forged(step, chat)
            elif chat.heir is None:
                _refuse(step, chat, problem.signer)
            return
    if all(member.leaf != chat.own_leaf for member in staged.removed):
        commits.advance(step, chat.gid, staged, rotate=told.rotate)
        growing.note_commit(step, chat.gid)
        by = chat.at(staged.committer)
        if by is not None and judge.replaces_own(told, staged.committer):
            requests.note_replaced(step, chat.gid, by.account)
            if chat.request:
                joining.merge_dms(step, chat.peer)
        return
    if chat.heir is None:
        _leave_tree(step, chat, staged)


def _is_forged(problem: Exception) -> bool:
    """Whether no member made this commit: it does not open, is another message or our own brought again (rules F).

    It costs us nothing then. Were it the commit that the server took after all, the next epoch shows it.
    """
    if isinstance(problem, mls.Invalid):
        return problem.rule.startswith("F")
    foreign = mls.DecodeError | mls.UnusableGeneration | mls.PastEpoch | mls.FutureEpoch | mls.OwnMessage
    return isinstance(problem, foreign | NoCommit)


class NoCommit(judge.Vetoed):
    """An application message where a commit should stand."""


def _judged(step: Step, chat: Chat, body: bytes) -> tuple[mls.Staged, CommitAad]:
    group = step.load_group(chat.gid)
    _, staged = group.receive(step.env(), body)
    if not isinstance(staged, mls.Staged):
        raise NoCommit("no commit")
    try:
        return staged, judge.check_commit(chat, group, staged)
    except judge.Vetoed as problem:
        problem.signer = staged.committer
        raise


def _refuse(step: Step, chat: Chat, signer: int | None) -> None:
    """An accepted commit that we cannot follow ends the group for us here; the group may bring us back.

    signer: leaf whose signature over it verified.
    """
    if chat.request == "incoming":
        requests.end(step, chat)
        return
    step.event("refused-change", chat.gid)
    member = None if signer is None else chat.at(signer)
    readd.lose(step, chat.gid, "refused", offender=b"" if member is None else member.account)
    making.schedule(step, chat.gid)


def _leave_tree(step: Step, chat: Chat, staged: mls.Staged) -> None:
    """Our leaf was removed. Added again in the same commit, we wait for the Welcome and nothing fails."""
    own = step.profile.account_id + step.profile.device_id.to_bytes(4, "big")
    step.change_chat(chat.gid, passed=ending.note_passed(chat, step.load_group(chat.gid)))
    step.drop_group(chat.gid)
    if any(member.client == own for member in staged.added):
        step.change_chat(chat.gid, status="await")
        # The Welcome stands right behind this commit; if it cannot be used, we ask.
        readd.ask(step, chat.gid, "welcome", after_ms=readd.TURN_MS)
        for n, item in rows.items(step.tx, chat.gid):
            outbox.run(step, n, item, items.Await())
        return
    left = step.profile.account_id in chat.left
    step.change_chat(chat.gid, status="left" if left else "removed", asking=None)
    for n, item in rows.items(step.tx, chat.gid):
        outbox.run(step, n, item, items.Removed())
    if not left:
        note_put_out(step, chat, by=chat.at(staged.committer))
    step.event("left" if left else "removed", chat.gid)


def _take_application(step: Step, chat: Chat, letter: Letter) -> None:
    returning.note_behind(step, chat, letter.epoch)
    try:
        group, event = step.load_group(chat.gid).receive(step.env(), letter.body)
    except mls.MlsError:
        # Replays, our own echoes, keys from before our join: nothing to show, and the state did not move.
        return
    if not isinstance(event, mls.Application):
        # A handshake under an application's kind: its key is kept for its true place, and a proposal for nothing.
        return
    step.save_group(chat.gid, group)
    try:
        opened = messages.open_application(step, chat, event, mark=letter.mark)
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
    told = _find_news(value)
    if told is not None and _is_first(step, told):
        step.event(told.code)
    if isinstance(value, list) and value and value[0] == "device-list":
        own = accounts.known(step, step.profile.account_id)
        accounts.change(step, own.account_id, wanted_seq=own.list_seq + 1)
        step.event("device-list")


_NOTICE_ID = b"notice\0"
"""Before the id of a notice, where ids of messages are known: what a server says names none of them."""


class _News(NamedTuple):
    """notice_id: 16 bytes, None by a server that gives none."""

    code: EventCode
    notice_id: bytes | None


def _is_first(step: Step, told: _News) -> bool:
    """False where it was told before: a server that died before it noted that it had told it tells it again."""
    return told.notice_id is None or messages.is_news(step, _NOTICE_ID + told.notice_id)


_OUTCOMES: Mapping[object, EventCode] = {"acted": "report-acted", "not-acted": "report-not-acted"}
_MEASURES: Mapping[object, EventCode] = {
    "warn": "account-warned",
    "suspend": "account-suspended",
    "undone": "measure-undone",
}


def _find_news(value: cbor.Parsed) -> _News | None:
    """What the moderators say by a notice: the outcome of a report, or a measure against this account."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    name, fields = value
    if not isinstance(fields, dict):
        return None
    if name == OUTCOME_NOTICE:
        code = _find_word(_OUTCOMES, fields.get("outcome"))
    else:
        code = _find_word(_MEASURES, fields.get("action")) if name == NOTICE else None
    found = fields.get("id")
    held = found if isinstance(found, bytes) and len(found) == NOTICE_ID_BYTES else None
    return None if code is None else _News(code, held)


def _find_word(words: Mapping[object, EventCode], word: cbor.Parsed) -> EventCode | None:
    return words.get(word) if isinstance(word, str) else None
