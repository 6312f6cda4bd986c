"""Making room for more than 128 devices: a successor by choice, in the suite of large groups (service.md 6).

A commit may come before it. Then nobody follows it, and its maker begins anew on the epoch which that commit made.
"""

from __future__ import annotations

from collections.abc import Mapping

from zajil import mls
from zajil.client.core import chats, groups, outbox
from zajil.client.core.groups import ADMIN
from zajil.client.core.heirs import ending, making
from zajil.client.state import rows
from zajil.client.state.heirs import Growing
from zajil.client.state.rows import Chat, Claimed
from zajil.client.state.step import Step
from zajil.protocol.chat.extensions import Predecessor, Reason
from zajil.protocol.errors import error
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING

TRIES = 3
"""A group that takes a commit before each of them is told of as such, instead of claiming packages without end."""


def start(step: Step, gid: bytes) -> bytes:
    """Begin to make room in a group; its id. Nothing where it has that room, or this runs already.

    Raises `not-permitted`, `not-a-member`, `chat-stuck`, `not-introduced` where we cannot reach somebody in it.
    """
    chat = check(step, gid)
    if chat.suite == SUITE_XWING and not is_under_way(chat):
        _begin(step, chat, 1, {})
    return chat.gid


def check(step: Step, gid: bytes) -> Chat:
    """The chat, where room may be made in it. Raises as `start`."""
    chat = chats.check_group(step, gid)
    if groups.role_of(chat, step.profile.account_id) < ADMIN:
        raise error("not-permitted")
    if chat.asking is not None or chat.status != "active":
        raise error("chat-stuck")
    if chat.suite == SUITE_XWING and not making.may_reach(step, chat, Reason.RESIZE):
        raise error("not-introduced")
    return chat


def is_under_way(chat: Chat) -> bool:
    """Whether this device makes room in this group."""
    return chat.growing is not None and not chat.growing.failed


def take_failure(step: Step, gid: bytes) -> str:
    """Why room could not be made, told once; empty where it was."""
    growing = step.chat(gid).growing
    if growing is None or not growing.failed:
        return ""
    step.change_chat(gid, growing=None)
    return growing.failed


def note_commit(step: Step, gid: bytes) -> None:
    """A commit stands in this group: what is made of it, or what it was made of, goes on."""
    chat = step.chat(gid)
    old = rows.find_chat(step.tx, chat.forebear) if chat.forebear else None
    for one in (chat, old):
        if one is not None and is_due(step, one):
            _go_on(step, one)


def is_due(step: Step, chat: Chat) -> bool:
    """Whether an attempt is over, or became pointless before it was sent."""
    if not is_under_way(chat):
        return False
    forming = _find_forming(step, chat.gid)
    if forming is None or chat.heir is not None or chat.status != "active" or _failure(step, forming):
        return True
    return not ending.is_sent(step, forming) and _named(step, forming).epoch != chat.epoch


def go_on_due(step: Step) -> None:
    """The same for what failed by itself."""
    for chat in rows.all_chats(step.tx):
        if is_due(step, chat):
            _go_on(step, chat)


def _go_on(step: Step, chat: Chat) -> None:
    forming, kept, failed = _find_forming(step, chat.gid), {}, ""
    if forming is not None and not ending.is_sent(step, forming):
        kept, failed = _claims(step, forming), _failure(step, forming)
        ending.drop(step, forming)
    if chat.heir is not None:
        grown = step.chat(chat.merged).suite != SUITE_XWING
        step.change_chat(chat.gid, growing=None if grown else Growing(TRIES, "stale-epoch"))
    elif chat.status != "active":
        _fail(step, chat, "chat-stuck" if chat.status in ("await", "lost") else "not-a-member")
    elif failed:
        _fail(step, chat, failed)
    elif groups.role_of(chat, step.profile.account_id) < ADMIN:
        _fail(step, chat, "not-permitted")
    elif not making.may_reach(step, chat, Reason.RESIZE):
        _fail(step, chat, "not-introduced")
    elif chat.growing is not None and chat.growing.attempt < TRIES:
        _begin(step, chat, chat.growing.attempt + 1, kept)
    else:
        _fail(step, chat, "stale-epoch")


def _fail(step: Step, chat: Chat, code: str) -> None:
    step.change_chat(chat.gid, growing=Growing(TRIES, code))


def _begin(step: Step, chat: Chat, attempt: int, kept: Mapping[bytes, tuple[Claimed, ...]]) -> None:
    """kept: packages by account that were claimed for an attempt that nobody heard of."""
    gid = making.make(step, chat, Reason.RESIZE, suite=mls.suite_of(SUITE_RFC1))
    for n, item in rows.items(step.tx, gid):
        if item.intent is not None and item.intent.op == "add":
            again = [who for who in item.intent.accounts if who in kept]
            claims = tuple(claim for who in again for claim in kept[who])
            outbox.change_item(step, n, item, claims=claims, claimed=tuple(again))
    step.change_chat(chat.gid, growing=Growing(attempt))


def _claims(step: Step, forming: Chat) -> dict[bytes, tuple[Claimed, ...]]:
    """What was claimed of others; own devices come from a list that may be newer."""
    found: dict[bytes, tuple[Claimed, ...]] = {}
    for _, item in rows.items(step.tx, forming.gid):
        for claim in item.claims:
            if claim.account != step.profile.account_id and making.is_valid(step, claim):
                found[claim.account] = (*found.get(claim.account, ()), claim)
    return found


def _failure(step: Step, forming: Chat) -> str:
    """The code that ended an attempt; empty where none did."""
    ended = (item for _, item in rows.items(step.tx, forming.gid) if item.state in ("failed", "refused"))
    return next((item.reason or "not-allowed" for item in ended), "")


def _find_forming(step: Step, gid: bytes) -> Chat | None:
    """The attempt that nobody is in yet."""
    for one in rows.all_chats(step.tx):
        if one.forebear == gid and ending.is_forming(one) and _named(step, one).reason is Reason.RESIZE:
            return one
    return None


def _named(step: Step, forming: Chat) -> Predecessor:
    """What a group of ours says that it follows."""
    told = groups.settings_of(step.load_group(forming.gid).extensions).predecessor
    if told is None:
        raise KeyError("predecessor")
    return told
