"""What was read: unread counts, and how the other devices of an account learn (web.md 5 and 6)."""

from __future__ import annotations

from zajil.client.core import messages
from zajil.client.core.talk import receipts
from zajil.client.core.talk.places import find_self_chat, load_message, place_of
from zajil.client.state import deadlines, rows
from zajil.client.state.rows import Chat, StoredMessage
from zajil.client.state.step import Step
from zajil.protocol.chat import mentions, parts
from zajil.protocol.chat.receipts import Status
from zajil.protocol.ids import AccountId, GroupId


def note_new(step: Step, place: bytes, message: StoredMessage) -> None:
    """A message of somebody else came in."""
    chat = step.chat(place)
    mentioned = chat.mentioned or mentions_us(step, chat, message)
    step.change_chat(place, unread=chat.unread + 1, mentioned=mentioned)


def counts(message: StoredMessage) -> bool:
    """Whether a message of somebody else is unread until it was seen: all but calls that were not missed."""
    return not message.deleted_by and (message.call is None or message.call.outcome == "missed")


def mentions_us(step: Step, chat: Chat, message: StoredMessage) -> bool:
    """Whether a text names us."""
    _, found = mentions_in(step, chat, message.text)
    return any(one.account == step.profile.account_id for one in found)


def mentions_in(step: Step, chat: Chat, text: str) -> tuple[str, tuple[mentions.Mention, ...]]:
    """The text to show and whom it mentions: members, and who was one, so that old texts read as they did."""
    if "[@" not in text:
        return text, ()
    members = chat.accounts()

    def is_known(account: AccountId) -> bool:
        return account in members or rows.find_account(step.tx, account) is not None

    return mentions.parse_text(text, server_name=step.profile.server_name, is_member=is_known)


def unread_after(step: Step, place: bytes, n: int) -> list[tuple[int, StoredMessage]]:
    """Messages of others after row `n` that count, oldest first."""
    own = step.profile.account_id
    found = ((at, rows.parse_row(data, StoredMessage)) for at, data in step.tx.rows("message", place, after=n))
    return [(at, message) for at, message in found if message.account != own and counts(message)]


def recount(step: Step, place: bytes) -> None:
    """Count anew what is unread."""
    chat = step.chat(place)
    unread = unread_after(step, place, chat.read_n)
    mentioned = any(mentions_us(step, chat, message) for _, message in unread)
    if (chat.unread, chat.mentioned) != (len(unread), mentioned):
        step.change_chat(place, unread=len(unread), mentioned=mentioned)


def mark_read(step: Step, gid: bytes, identity: bytes | None = None) -> None:
    """A person has seen the chat, up to this message or all of it. Tells the senders, or our own other devices.

    Raises `gone` for a message that is not here.
    """
    place = place_of(step, gid)
    chat = step.chat(place)
    if identity is None:
        newest = step.tx.rows("message", place, newest=1)
        upto = newest[0][0] if newest else 0
    else:
        upto = load_message(step, place, identity)[0]
    read = [message for n, message in unread_after(step, place, chat.read_n) if n <= upto]
    if not _move(step, place, upto, at=step.now) or not read:
        return
    if receipts.are_sent(step, chat):
        receipts.owe(step, place, {message.message_id: Status.READ for message in read})
        return
    self_chat = find_self_chat(step)
    if self_chat is not None:
        told = (GroupId(place), max(message.sent for message in read))
        messages.submit_control(step, self_chat, parts.Sync(read=(told,)))


def _move(step: Step, place: bytes, upto: int, *, at: int) -> bool:
    """Whether the mark of what is read moved on to row `upto`; it never goes back.

    at: Unix ms at which it was read: the span of each of these messages begins then.
    """
    before = step.chat(place).read_n
    if upto <= before:
        return False
    for n, data in step.tx.rows("message", place, after=before):
        message = rows.parse_row(data, StoredMessage)
        if n <= upto and message.account != step.profile.account_id:
            started = deadlines.start(step.tx, message, at=at)
            if started != message:
                step.tx.replace("message", n, rows.encode_row(started))
                step.event("state", place, message.message_id)
    step.change_chat(place, read_n=upto)
    recount(step, place)
    step.event("read", place)
    return True


def start_read(step: Step, place: bytes) -> None:
    """Messages that came in before what was read here already count as read now: their spans begin."""
    upto = step.chat(place).read_n
    for n, data in step.tx.rows("message", place) if upto else ():
        message = rows.parse_row(data, StoredMessage)
        if n <= upto and message.account != step.profile.account_id:
            started = deadlines.start(step.tx, message, at=step.now)
            if started != message:
                step.tx.replace("message", n, rows.encode_row(started))


def note_read(step: Step, place: bytes, numbers: list[int], *, at: int) -> None:
    """Another device of ours has read these rows, so everything before them too. at: when, Unix ms of its clock."""
    if numbers:
        _move(step, place, max(numbers), at=at)
        chat = step.chat(place)
        receipts.forget(step, place, _ids_until(step, chat.read_n, set(chat.owed)))


def _ids_until(step: Step, upto: int, owed: set[bytes]) -> set[bytes]:
    """Those of the owed receipts whose message stands at row `upto` or before."""
    found = {identity: step.tx.lookup("message", identity) for identity in owed}
    return {identity for identity, row in found.items() if row is None or row[0] <= upto}


def note_read_until(step: Step, gid: bytes, sent: int, *, at: int) -> None:
    """Another device of ours has read what was sent until then, of what is here now."""
    if rows.find_chat(step.tx, gid) is None:
        return
    place = place_of(step, gid)
    unread = unread_after(step, place, step.chat(place).read_n)
    note_read(step, place, [n for n, message in unread if message.sent <= sent], at=at)


def merge(step: Step, place: bytes, other: bytes) -> None:
    """Two chats became one: what stood in the other one moves, and receipts are owed where the chat goes on.

    Nothing unread is lost. One mark stands for both, so what was read in the one after that is unread again, and not
    all of it.
    """
    chat, gone = step.chat(place), step.chat(other)
    unread = [unread_after(step, one.gid, one.read_n)[:1] for one in (chat, gone) if one.unread]
    for n, _ in step.tx.rows("message", other):
        step.tx.move("message", n, place)
    first = min((n for rows_of in unread for n, _ in rows_of), default=None)
    read_n = max(chat.read_n, gone.read_n)
    step.change_chat(place, read_n=read_n if first is None else min(read_n, first - 1))
    step.change_chat(other, unread=0, mentioned=False, owed={}, owed_at=0)
    recount(step, place)
    receipts.owe(step, place, {identity: Status(status) for identity, status in gone.owed.items()})
