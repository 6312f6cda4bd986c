"""What is kept of a group whose state goes: the epoch that a successor names, and who broke it."""

from __future__ import annotations

import msgspec

from zajil import mls
from zajil.client.core import groups, outbox
from zajil.client.core.groups import GROUP
from zajil.client.state import rows
from zajil.client.state.heirs import Ended
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol.chat.successors import PASSED_EPOCHS, Held
from zajil.protocol.outbox import order

_FORGED = b"forged"


def find_end(step: Step, chat: Chat, *, offender: bytes = b"") -> Ended | None:
    """The last epoch that we hold of a group, or held before its state went; None where we never did.

    offender: account that signed the commit we refuse; our own does not count, as nobody leaves themselves out.
    """
    proven = offender if chat.kind == GROUP and offender != step.profile.account_id else b""
    try:
        group = step.find_group(chat.gid)
        if group is not None:
            return Ended(group.epoch, group.epoch_authenticator, groups.find_settings(group), proven)
    except mls.MlsError:
        pass  # a state that does not load tells nothing
    return chat.ended


def note_passed(chat: Chat, group: mls.Group) -> tuple[tuple[int, bytes], ...]:
    """What `Chat.passed` is once a commit ended the epoch of this group."""
    return ((group.epoch, group.epoch_authenticator), *chat.passed)[:PASSED_EPOCHS]


def find_held(step: Step, chat: Chat) -> Held | None:
    """What a successor of this group is judged by."""
    end = find_end(step, chat)
    if end is None:
        return None
    people, left = frozenset(chat.accounts()), frozenset(chat.left)
    return Held(
        chat.gid, end.epoch, end.authenticator, end.settings, people, left, end.offender, chat.suite, chat.passed
    )


def role_without(chat: Chat, account: bytes, offender: bytes) -> int:
    """The role of an account in a group without its offender, whose roles fall to others where nobody else had one."""
    rest = tuple(member for member in chat.members if member.account != offender)
    return groups.role_of(msgspec.structs.replace(chat, members=rest), account)


def is_undecided(step: Step, old: Chat) -> bool:
    """Whether a group may take the place of this one still: none has, or nothing happened yet in the one that did.

    A later one would undo what happened there, as the removal of whoever makes it. A group that lost to another one has
    none that follows it.
    """
    if old.heir is None:
        return True
    chat = step.chat(old.heir.gid)
    return chat.forebear == old.gid and chat.epoch == 1 and chat.status == "active" and chat.heir is None


def went_on(chat: Chat) -> bool:
    """Whether a commit ended the epoch that we hold last, and we could not follow it."""
    asking = chat.asking
    return chat.status == "await" or (asking is not None and asking.reason in ("refused", "gap", "welcome"))


def is_repaired(step: Step, old: Chat) -> bool:
    """Whether a group of reason 1 took the place of this one: any other reason leads to another suite."""
    return old.heir is not None and step.chat(old.heir.gid).suite == old.suite


def is_stuck(chat: Chat) -> bool:
    """Whether nobody has brought us back into a group that we cannot follow, or whose server refuses what we seal."""
    return chat.heir is None and chat.asking is not None and chat.asking.reason == "refused"


def note_forged(step: Step, chat: Chat) -> None:
    """What stood where the commit of this epoch belongs was none: no member of the group can follow it."""
    step.tx.put("helper", _FORGED + chat.gid, chat.epoch.to_bytes(8, "big"))


def is_forged(step: Step, chat: Chat) -> bool:
    """Whether such bytes came in the epoch that we hold."""
    return step.tx.find("helper", _FORGED + chat.gid) == chat.epoch.to_bytes(8, "big")


def is_forming(chat: Chat) -> bool:
    """Whether it is a successor of ours that nobody but us is in yet."""
    return bool(chat.forebear) and chat.quiet and chat.epoch == 0 and chat.status in ("creating", "active")


def is_sent(step: Step, forming: Chat) -> bool:
    """Whether its Add may stand at the server: what comes back tells what became of it."""
    return any(item.kind == "commit" and item.state in order.IN_FLIGHT for _, item in rows.items(step.tx, forming.gid))


def drop(step: Step, forming: Chat) -> None:
    """A successor of ours that never came to be is gone, with what would have sent it."""
    for n, item in rows.items(step.tx, forming.gid):
        outbox.finish(step, n, item)
    step.drop_group(forming.gid)
    step.change_chat(forming.gid, status="removed", quiet=True)


def drop_pointless(step: Step, gid: bytes) -> None:
    """This group goes on, by itself or in another one: a successor of ours would be a second chat for everybody."""
    for chat in rows.all_chats(step.tx):
        if chat.forebear == gid and is_forming(chat) and not is_sent(step, chat):
            drop(step, chat)
