"""What must hold when the faults have stopped and a world has settled (the model's audit, over the real cores)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from tests.client.ledger import Acceptance, Device, Violation
from tests.client.phone import Phone
from tests.client.world import World

from zajil.client.core.expiry import sweep
from zajil.client.state import rows
from zajil.client.state.rows import Chat, StoredMessage
from zajil.protocol.ids import GroupId
from zajil.protocol.roster import open_roster, roster_key

OUT = ("sent", "delivered", "read")


def audit(world: World) -> None:
    """Raises Violation."""
    for gid in world.books.rosters:
        _check_members(world, gid)
        _check_secrets(world, gid)
    for phone in world.phones.values():
        _check_phone(world, phone)
    _check_delivery(world)
    _check_orders(world)
    _check_talk(world)
    watch(world)


def watch(world: World) -> None:
    """What must hold at every moment. Raises Violation."""
    for phone in world.phones.values():
        with phone.core.look() as step:
            session = step.session()
            mine = rows.all_chats(step.tx)
        if session.rolled_back and phone.device not in world.books.restored:
            raise Violation(f"{phone.name} believes to be an old copy")
        for chat in mine:
            lost = (chat.gid, phone.device) in world.books.lost or phone.device in world.books.restored
            if chat.asking is not None and not lost:
                raise Violation(f"{phone.name} asks to be re-added ({chat.asking.reason}) though it lost nothing")
    for gid, device in world.books.readds:
        if (gid, device) not in world.books.lost and device not in world.books.restored:
            raise Violation(f"{_name(world, device)} was re-added though it lost nothing")


def _name(world: World, device: Device) -> str:
    return next(phone.name for phone in world.phones.values() if phone.device == device)


def find_chat(phone: Phone, gid: bytes) -> Chat | None:
    """The chat of a group on a device."""
    with phone.core.look() as step:
        return rows.find_chat(step.tx, gid)


def inside(world: World, gid: bytes) -> Iterator[tuple[Phone, Chat | None]]:
    """The devices of a roster."""
    seats = world.books.seats(gid)
    for phone in world.phones.values():
        if phone.device in seats:
            yield phone, find_chat(phone, gid)


def _check_members(world: World, gid: bytes) -> None:
    """Who is in the roster holds the newest epoch; who is not does not think so."""
    seats, epoch = world.books.seats(gid), world.books.epochs[gid]
    helpers = [chat for _, chat in inside(world, gid) if chat is not None and chat.status == "active"]
    for phone in world.phones.values():
        chat = find_chat(phone, gid)
        if phone.device not in seats:
            if chat is not None and chat.status == "active":
                raise Violation(f"{phone.name} thinks it is a member")
            continue
        lost = (gid, phone.device) in world.books.lost or phone.device in world.books.restored
        if lost and (not helpers or gid != world.main or _is_cut_off(world, phone)):
            continue  # nobody is left whom it can ask, or its DM was replaced by another one
        if chat is None or chat.status != "active" or chat.epoch != epoch:
            at = (chat.status, chat.epoch) if chat is not None else None
            raise Violation(f"{phone.name} does not converge: {at} of epoch {epoch}")
        tree = {member.leaf: (member.account, member.device) for member in chat.members}
        if tree != {leaf: seat.device for leaf, seat in world.books.rosters[gid].items()}:
            raise Violation(f"{phone.name}: tree and roster differ")


def _is_cut_off(world: World, phone: Phone) -> bool:
    """Whether only own devices are left to ask: a restored home has lost every chat they could hear it in."""
    others = {device[0] for device in world.books.seats(world.main)} - {phone.device[0]}
    return phone.device in world.books.restored and not others


def _check_secrets(world: World, gid: bytes) -> None:
    """All members agree on the epoch's secrets, and the engine's sealed roster opens with theirs."""
    seen: dict[bytes, str] = {}
    for phone, chat in inside(world, gid):
        if chat is None or chat.status != "active":
            continue
        with phone.core.look() as step:
            group = step.load_group(gid)
        seen.setdefault(group.epoch_authenticator, phone.name)
        with world.database.engine.connect() as connection:
            sealed, epoch = connection.exec_driver_sql("SELECT roster, epoch FROM grp WHERE gid = ?", (gid,)).one()
        entries = open_roster(roster_key(chat.gs), GroupId(gid), epoch, sealed)
        held = {entry.leaf: world.owner(entry.deliver_to) for entry in entries}
        if held != {leaf: seat.device for leaf, seat in world.books.rosters[gid].items()}:
            raise Violation("the engine's roster differs from what was accepted")
    if len(seen) > 1:
        raise Violation(f"epoch authenticators differ: {sorted(seen.values())}")


def _check_phone(world: World, phone: Phone) -> None:
    """Outboxes are empty; a text that was accepted never counts as failed, a member's text never fails."""
    with phone.core.look() as step:
        waiting = [item for _, item in rows.items(step.tx) if item.state != "failed"]
        texts = [rows.parse_row(data, StoredMessage) for _, data in step.tx.rows("message")]
        held = step.tx.count("held")
    accepted = {a.message_id for a in world.books.accepted}
    for item in waiting:
        seated = phone.device in world.books.seats(item.gid)
        if seated and (item.gid, phone.device) not in world.books.lost:
            raise Violation(f"{phone.name}: outbox does not drain: {item.kind} {item.state} {item.intent}")
    for text in texts:
        if (text.account, text.device) != phone.device:
            continue
        if text.state == "failed" and text.message_id in accepted:
            raise Violation(f"{phone.name}: an accepted text counts as failed ({text.reason})")
        if text.state == "failed" and (text.gid, phone.device) not in world.books.removed:
            raise Violation(f"{phone.name}: a member's text failed ({text.reason})")
        if text.message_id in accepted and text.state not in OUT and phone.device not in world.books.restored:
            raise Violation(f"{phone.name}: an accepted text is {text.state}")
        if text.state in OUT and text.message_id not in accepted and not text.deleted_by:
            raise Violation(f"{phone.name}: a text counts as sent and the server never took it")
    if held and not any(device == phone.device for _, device in world.books.lost):
        raise Violation(f"{phone.name} still holds {held} messages of later epochs")


def _check_delivery(world: World) -> None:
    """Each accepted message is known to each device of its roster and to no other, and shown once."""
    for phone in world.phones.values():
        allowed: set[bytes] = set()
        with phone.core.look() as step:
            for each in world.books.accepted:
                if phone.device == each.sender:
                    continue
                known = step.tx.find("known", each.message_id) is not None
                if phone.device in each.roster:
                    allowed.add(each.message_id)
                    if not known and not _is_excused(world, phone, each, rows.find_chat(step.tx, each.gid)):
                        raise Violation(f"{phone.name}: an accepted message of epoch {each.epoch} is lost")
                    shown = step.tx.lookup("message", each.message_id) is not None
                    if known and each.shown and not shown and not sweep.is_gone(step, each.message_id):
                        raise Violation(f"{phone.name}: a known text is not shown")
            texts = [rows.parse_row(data, StoredMessage) for _, data in step.tx.rows("message")]
        received = [text for text in texts if (text.account, text.device) != phone.device]
        for text in received:
            if text.message_id not in allowed:
                raise Violation(f"{phone.name} reads what was not for it")
        said = [text.text for text in received if not text.deleted_by]
        if len(set(said)) != len(said):
            raise Violation(f"{phone.name} shows a text twice")


def _is_excused(world: World, phone: Phone, each: Acceptance, chat: Chat | None) -> bool:
    """Whether the device lost what it needed to read that message, on purpose of the test."""
    if world.books.excuses(each.gid, phone.device, each.epoch):
        return True
    lost = (each.gid, phone.device) in world.books.lost or phone.device in world.books.restored
    return lost and (chat is None or chat.status != "active")  # `_check_members` knows why it may be


def _received(phone: Phone, gid: bytes) -> list[bytes]:
    with phone.core.look() as step:
        texts = [rows.parse_row(data, StoredMessage) for _, data in step.tx.rows("message", gid)]
    return [text.message_id for text in texts if (text.account, text.device) != phone.device]


def _check_talk(world: World) -> None:
    """Devices that were there all the time show one text, one set of reactions and one fate of each message."""
    ends: dict[bytes, tuple[object, str]] = {}
    for phone in world.phones.values():
        mine = (world.main, phone.device)
        away = mine in world.books.lost | world.books.removed or phone.device in world.books.restored
        if away or phone.device not in world.books.seats(world.main):
            continue
        with phone.core.look() as step:
            texts = [rows.parse_row(data, StoredMessage) for _, data in step.tx.rows("message", world.main)]
        for text in texts:
            reactions = sorted((one.account, one.emoji) for one in text.reactions if one.emoji)
            end = (text.text, text.deleted_by, reactions, [one.text for one in text.versions])
            other, name = ends.setdefault(text.message_id, (end, phone.name))
            if other != end:
                raise Violation(f"{phone.name} and {name} end with other words: {end} {other}")


def _check_orders(world: World) -> None:
    """Any two devices show what both received in one order; a sender's texts are accepted as they were written."""
    # A home put back sends again what its newer copy had sent: whoever came in between meets it later than others.
    twice = {each.message_id for each in world.books.accepted if each.sender in world.books.restored}
    for gid in world.books.rosters:
        shown = {phone.name: _received(phone, gid) for phone in world.phones.values()}
        for one, other in combinations(shown, 2):
            common = set(shown[one]) & set(shown[other]) - twice
            if [m for m in shown[one] if m in common] != [m for m in shown[other] if m in common]:
                raise Violation(f"{one} and {other} show another order")
    first: dict[bytes, int] = {}
    for at, each in enumerate(world.books.accepted):
        first.setdefault(each.message_id, at)
    for (_, device), written in world.books.submitted.items():
        places = [first[identity] for identity in written if identity in first]
        if places != sorted(places) and device not in world.books.restored:
            raise Violation(f"{_name(world, device)}: texts were accepted in another order than written")
