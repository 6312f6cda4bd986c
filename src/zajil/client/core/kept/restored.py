"""A home made from a backup: a new device of an old account, which asks to be added again everywhere.

No ratchet, key package or mailbox of the lost device comes back, so no generation of it can be used twice. Messages
from before stay lost; people, names and chats are there at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from zajil.client.core import chats
from zajil.client.core.contact import blocking
from zajil.client.core.talk import arranging
from zajil.client.state import accounts, doors, rows
from zajil.client.state.recovery import Recovery, save_recovery
from zajil.client.state.rows import Asking, Chat, Member, Privacy
from zajil.client.state.step import Step
from zajil.protocol.chat.extensions import ChatKind
from zajil.protocol.identity.backup import Backup, BackupChat


def fill(step: Step, held: Backup, *, lists: Sequence[bytes], key: bytes, version: int) -> None:
    """Write people, lists, settings and the recovery key. lists: the own chain with this device in it."""
    accounts.learn_chain(step, held.account_id, lists)
    accounts.change(step, held.account_id, name=held.name)
    for person in held.people:
        accounts.learn_introduction(step, person.account_id, person.name, person.contact_token)
        verified = person.verified_pub or b""
        accounts.change(step, person.account_id, contact=person.contact, verified=bool(verified), verified_pub=verified)
    for account, blocked, at in held.blocked:
        accounts.change(step, account, blocked=blocked, blocked_at=at)
    doors.change_doors(step.tx, token_at=max((at for _, _, at in held.blocked), default=0))
    rows.save_privacy(step.tx, Privacy(held.privacy.receipts, held.privacy.typing, held.privacy.at))
    arranging.restore(step, held.arranged)
    save_recovery(step.tx, Recovery(key=key, state="confirmed", version=version))


def ask_for_chats(step: Step, held: Backup, *, alone: bool) -> None:
    """Begin *re-add me* in every chat. alone: no other device is left, so the self group is made anew."""
    for chat in held.chats:
        if chat.kind is ChatKind.SELF and alone:
            continue
        rows.save_chat(step.tx, _lost(step, chat))
    if alone:
        chats.open_self_chat(step)


def tell_token(step: Step) -> None:
    """The contact token of this home is a new one, and later than any other: our other devices learn it."""
    doors.change_doors(step.tx, token_at=max(step.now, doors.load_doors(step.tx).token_at + 1))
    for chat in rows.all_chats(step.tx):
        if chat.kind == ChatKind.SELF and chat.status == "lost":
            blocking.tell_new_device(step, chat.gid)


def _lost(step: Step, chat: BackupChat) -> Chat:
    """The chat as it is known before anybody added us: whom to ask stands where its members would."""
    asked = [who for who, _ in chat.helpers]
    return Chat(
        chat.gid,
        int(chat.kind),
        chat.title,
        "lost",
        peer=asked[0] if chat.kind is ChatKind.DM and asked else b"",
        activity=chat.last_activity,
        members=tuple(Member(leaf, who, 0) for leaf, who in enumerate(asked)),
        roles={who: role for who, role in chat.helpers if role},
        asking=Asking(-1, "restored", (), step.now),
    )
