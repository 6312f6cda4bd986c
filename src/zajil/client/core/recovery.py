"""A home that was put back from an old copy: forget what could be used twice, then ask to be re-added everywhere."""

from __future__ import annotations

from zajil.client.core import chats, groups, keypackages, outbox, readd
from zajil.client.state import accounts, rows
from zajil.client.state.step import Step


def recover(step: Step, file_starts: int) -> None:
    """Begin anew as the same device, after the person decided that this copy is the one to keep (mls.md 7.10).

    Every restored KeyPackage secret and group state goes: generations of the copy may have been used already.
    file_starts: the start counter of the key file, which the database must not stay below.
    """
    session = step.session()
    step.note_recovery()
    keypackages.forget_all(step)
    step.tx.clear("held")
    for chat in rows.all_chats(step.tx):
        if chat.status in ("removed", "left"):
            continue
        readd.lose(step, chat.gid, "restored")
        for n, item in rows.items(step.tx, chat.gid):
            if item.kind == "create":
                outbox.finish(step, n, item)
    step.change_session(
        rolled_back=False,
        adopt_ack=True,
        drained=0,
        starts=max(session.starts, file_starts),
        token="",
        token_expires=0,
    )
    _renew_self_chat(step)


def _renew_self_chat(step: Step) -> None:
    """Without another device nobody could bring us back into the old self group, so a new one takes its place."""
    own = accounts.known(step, step.profile.account_id)
    if any(device != step.profile.device_id for device, _ in own.devices):
        return
    old = [chat for chat in rows.all_chats(step.tx) if chat.kind == groups.SELF and not chat.merged]
    new = chats.open_self_chat(step)
    for chat in old:
        step.change_chat(chat.gid, merged=new, status="removed", asking=None)
        for n, _ in step.tx.rows("message", chat.gid):
            step.tx.move("message", n, new)
