"""A chat goes on in another group: history, marks, settings and what waits to be sent move along."""

from __future__ import annotations

from zajil.client.core import chats, messages, outbox
from zajil.client.core.groups import GROUP
from zajil.client.core.heirs import ending, missing, returning
from zajil.client.core.talk import arranging, reading
from zajil.client.state import accounts, rows
from zajil.client.state.heirs import Heir
from zajil.client.state.joins import change_joins, load_joins
from zajil.client.state.notices import Notice, NoticeCode, add_notices
from zajil.client.state.rows import Chat, Intent, Item
from zajil.client.state.step import Step
from zajil.protocol.chat.extensions import Reason
from zajil.protocol.chat.parts import PUT_OUT_MAX
from zajil.protocol.outbox import order

_LINES: dict[Reason, NoticeCode] = {Reason.STUCK: "repaired", Reason.RESIZE: "grown", Reason.SUITE: "resealed"}
_MOVED_INTENTS = ("add", "remove", "settings")


def follow(step: Step, old: Chat, gid: bytes, *, by: bytes, leaf: int, reason: Reason, ahead: int = 0) -> None:
    """The group `gid` takes the place of `old`. Of two that do, the one of the lower leaf and smaller id stays.

    A repair stays beside one by choice, whichever came first: that one was made of a group that seemed well.
    by: account of its maker, empty where it is not known; whoever costs a group its protection is named in it.
    ahead: see `Heir`.
    """
    fresh, rival = Heir(leaf, gid, ahead), old.heir
    if rival is not None and rival.gid == gid:
        return
    # The other one was by choice and this one is a repair; or else a sibling of ours goes on in this one.
    replaced = rival is not None and step.chat(rival.gid).suite != step.chat(gid).suite
    if rival is not None and not replaced and rival.rank() < fresh.rank():
        _give_up(step, step.chat(rival.gid).merged or rival.gid, gid, rival)
        return
    if rival is not None:
        _give_up(step, gid, rival.gid, fresh)
    nobody_out = reason is Reason.STUCK and set(step.chat(gid).accounts()) >= set(old.accounts())
    step.change_chat(old.gid, heir=fresh, asking=None, mend_at=0)
    ending.drop_pointless(step, old.gid)
    if ahead:
        _tell_ahead(step, old, fresh, by, told=rival if rival is not None and rival.ahead else None)
    if rival is None:
        _merge(step, gid, old.gid, goes_on=reason is not Reason.STUCK or bool(ahead))
    if not ahead and (rival is None or replaced or reason is Reason.RESIZE):
        add_notices(step.tx, gid, (Notice(_LINES[reason], by if reason is Reason.RESIZE else b"", step.now),))
    if reason is Reason.STUCK and old.kind == GROUP:
        _note_put_out(step, old, gid)
    if old.kind == GROUP:
        # Whom those who are ahead removed by right is not missing in it.
        absent = old.absent if ahead else missing.find_absent(step, old, step.chat(gid), reason)
        step.change_chat(gid, absent=absent)
    step.change_chat(gid, quiet=old.quiet, mended_at=step.now if nobody_out else 0)
    _bring_devices(step, step.chat(gid))
    _gather(step, old.gid, fresh)
    step.event("repaired" if reason is Reason.STUCK else "regrouped", gid)


def _tell_ahead(step: Step, old: Chat, fresh: Heir, by: bytes, *, told: Heir | None) -> None:
    """Say who made it, who is out and who is in, and that the former read along where something was written meanwhile.

    told: the one whose place it takes, where that was told of, too: its lines stand, so only what differs is said.
    """
    before = old.accounts() if told is None else step.chat(told.gid).accounts()
    here = step.chat(fresh.gid).accounts()
    gone = [who for who in before if who not in here and who not in old.left]
    lines = [Notice("removed", by, step.now, whom=who) for who in gone]
    lines += [Notice("added", by, step.now, whom=who) for who in here if who not in before]
    if told is None or told.leaf != fresh.leaf:
        lines.insert(0, Notice("overtaken", by, step.now))
    if told is None and returning.was_written(step, old):
        lines.append(Notice("overheard", by, step.now))
    add_notices(step.tx, fresh.gid, lines)


def _gather(step: Step, old: bytes, stays: Heir) -> None:
    """Groups of those who saw less of the old one are given up for this one by all who are in them, while they may."""
    mark = returning.find_mark(step, old)
    for lower in () if mark is None else mark.lower:
        chat = step.chat(lower.gid)
        if (chat.epoch, chat.status, chat.merged) == (1, "active", b""):
            _give_up(step, stays.gid, chat.gid, stays)


def _give_up(step: Step, place: bytes, gone: bytes, stays: Heir) -> None:
    """The group that loses is one of before like any: whoever is out of the one that stays says and does nothing in it.

    place: where people see the chat.
    """
    _merge(step, place, gone)
    step.change_chat(gone, heir=stays)


def _bring_devices(step: Step, chat: Chat) -> None:
    """Devices of ours that had no package when the group was made come in later; the one of the lowest leaf adds them.

    Nobody else can: they take it for the same chat by the word of another device of theirs alone.
    """
    own = accounts.known(step, step.profile.account_id)
    here = {member.device: member.leaf for member in chat.members if member.account == own.account_id}
    later = [device for device, _ in own.devices if device not in here]
    if not later or chat.own_leaf != min(here.values(), default=chat.own_leaf):
        return
    chats.submit_lists(step, chat, own.account_id)
    for device in later:
        outbox.submit_intent(step, chat.gid, Intent("add-device", account=own.account_id, devices=(device,)))


def _note_put_out(step: Step, old: Chat, gid: bytes) -> None:
    """Who broke the old group was removed like anybody removed by a commit: no link lets them in again at once."""
    chat = step.chat(gid)
    stay = {*chat.accounts(), *old.left, *chat.put_out}
    gone = [who for who in old.accounts() if who not in stay]
    step.change_chat(gid, put_out=(*chat.put_out, *gone)[-PUT_OUT_MAX:])


def _merge(step: Step, place: bytes, gone: bytes, *, goes_on: bool = False) -> None:
    """One chat out of two: what stood in `gone` stands in `place`. goes_on: nothing ever stopped `gone`."""
    for other in rows.all_chats(step.tx):
        if other.merged == gone:
            step.change_chat(other.gid, merged=place)
    old = step.change_chat(gone, merged=place, asking=None, mend_at=0)
    if not goes_on or not any(_may_stand(item) for _, item in rows.items(step.tx, gone)):
        step.drop_staged(gone)
    new = step.chat(place)
    here = set(new.accounts())
    step.change_chat(
        place,
        peer=new.peer or old.peer,
        activity=max(new.activity, old.activity),
        told=tuple(who for who in dict.fromkeys((*new.told, *old.told)) if who in here),
        left=old.left | new.left if new.kind == old.kind else new.left,
        put_out=tuple(who for who in dict.fromkeys((*old.put_out, *new.put_out)) if who not in here),
    )
    step.change_chat(place, left={who: at for who, at in step.chat(place).left.items() if who in here})
    reading.merge(step, place, gone)
    for n, item in rows.items(step.tx, gone):
        _move_item(step, n, item, place, goes_on=goes_on)
    arranging.merge(step, place, gone)
    held = load_joins(step.tx)
    change_joins(
        step.tx,
        waiting=tuple(rows.changed(one, gid=place) if one.gid == gone else one for one in held.waiting),
        links=tuple(rows.changed(one, gid=place) if one.gid == gone else one for one in held.links),
    )


def _may_stand(item: Item) -> bool:
    """Whether it is a commit that others may follow in the group of before: then we do, to read on what is said there.

    What it was for is not done there once more.
    """
    return item.kind == "commit" and item.state in order.IN_FLIGHT


def move_waiting(step: Step) -> None:
    """What was on its way in a group that was followed, and was not taken there, goes on in the one that followed."""
    for n, item in rows.items(step.tx):
        chat = step.chat(item.gid)
        if item.state == "queued" and chat.heir is not None and chat.merged:
            _move_item(step, n, item, chat.merged)


def _move_item(step: Step, n: int, item: Item, place: bytes, *, goes_on: bool = False) -> None:
    """Bring what waits to the other group; what only the old one had a use for is done."""
    if item.intent is not None and item.intent.op in _MOVED_INTENTS and item.state != "failed":
        # Also one that is on its way: it names people, so where the old group took it nothing is done twice.
        outbox.submit_intent(step, place, item.intent)
    if goes_on and _may_stand(item):
        outbox.change_item(step, n, item, intent=Intent("update"))
        return
    if item.kind == "message" and item.state != "queued":
        return  # the server's answer tells whether it was said in the old group
    if item.kind == "message" and not item.urgent:
        messages.move_message(step, n, item, place)
    else:
        outbox.finish(step, n, item)
