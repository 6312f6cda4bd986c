"""Seals what may be sealed now; which item that is, `zajil.protocol.outbox.order` decides (web.md 5)."""

from __future__ import annotations

from typing import NamedTuple

from zajil import mls
from zajil.client.core import chats, commits, groups, judge, messages, outbox, readd
from zajil.client.core.contact import requests
from zajil.client.core.heirs import moving
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat, Intent, Item
from zajil.client.state.step import Step
from zajil.protocol import frames
from zajil.protocol.ids import GroupId, Mid
from zajil.protocol.limits import SUITE_XWING
from zajil.protocol.outbox import order
from zajil.protocol.roster import roster_key

OWN_MESSAGES_MAX = 1_000
UPDATE_AFTER_MS = 30 * 86_400_000


class Request(NamedTuple):
    """A sealed request whose outcome is unknown; `frame` is sent verbatim but for its rid."""

    mid: bytes
    gid: bytes
    frame: frames.Request


def may_seal(step: Step, opened_at: int) -> bool:
    """Only after a DRAINED that answers a HELLO of after this process's start, and never from an old copy.

    opened_at: `Session.hellos` when this process opened the home.
    """
    session = step.session()
    locked = session.rolled_back or session.revoked
    return order.may_seal(drained=session.drained, opened_at=opened_at, locked=locked)


def seal_due(step: Step) -> None:
    """Seal in each chat what may be sealed; at most one item a chat."""
    moving.move_waiting(step)
    queues: dict[bytes, list[tuple[int, Item]]] = {}
    for n, item in rows.items(step.tx):
        queues.setdefault(item.gid, []).append((n, item))
    for gid, queue in queues.items():
        _seal_in_chat(step, gid, queue)


def _seal_in_chat(step: Step, gid: bytes, queue: list[tuple[int, Item]]) -> None:
    drained = step.session().drained
    while True:
        chat = step.chat(gid)
        n = order.find_next(_queue_of(step, chat, queue), drained=drained)
        if n is None or _seal(step, chat, n, dict(queue)[n]):
            return
        # The item turned out to be done, or made room for another one before it.
        queue = rows.items(step.tx, gid)


def _queue_of(step: Step, chat: Chat, queue: list[tuple[int, Item]]) -> order.Queue:
    """The chat's items as the order sees them."""
    numbers = {item.message_id: n for n, item in queue if item.message_id}
    queue = [(n, item) for n, item in queue if not item.absent or _ready(step, chat, item)]
    waiting = tuple(
        order.Queued(
            n,
            item.kind,
            item.state,
            wait=item.wait,
            urgent=item.urgent,
            ready=_ready(step, chat, item),
            about=numbers.get(item.target, 0) if item.target else 0,
        )
        for n, item in queue
    )
    status: order.Status = chat.status if chat.status in ("creating", "active") else "gone"
    if is_shut(step, chat):
        status = "gone"
    return order.Queue(status, waiting, refused=is_refused(chat))


def _ready(step: Step, chat: Chat, item: Item) -> bool:
    """Whether the item has everything that sealing needs."""
    if item.kind == "create":
        return bool(item.group_pass and item.own_ref) and not _is_undecided(step, chat)
    if item.kind == "message":
        return not _is_withheld(step, chat, item)
    accepts = item.intent is not None and item.intent.op == "accept"
    return item.state != "queued" or (not missing_claims(step, item) and (not accepts or bool(item.own_ref)))


def _is_undecided(step: Step, chat: Chat) -> bool:
    """Whether packages are on their way that may yet show that this group cannot be post-quantum."""
    return chat.suite == SUITE_XWING and any(
        item.state == "queued" and not item.absent and claim_token(step, item, account) != b""
        for _, item in rows.items(step.tx, chat.gid)
        for account, _ in missing_claims(step, item)
    )


def _is_withheld(step: Step, chat: Chat, item: Item) -> bool:
    """Whether what a person says waits: for their decision about a changed key (web.md 6), or a request for a yes."""
    said = bool(item.shown or item.target) and chats.awaits_decision(step, chat)
    return said or requests.is_withheld(step, chat, item)


def _seal(step: Step, chat: Chat, n: int, item: Item) -> bool:
    """True when a request now waits for its answer."""
    if item.kind == "create":
        _seal_create(step, chat, n, item)
        return True
    if item.kind == "commit":
        if step.find_staged(chat.gid) is not None:
            # A refused Staged may still win until its epoch ends; nothing else is committed beside it.
            outbox.fail(step, n, item, "chat-stuck")
            return False
        return commits.seal_commit(step, n, item)
    if item.shown and not judge.may_write(chat, step.profile.account_id):
        outbox.fail(step, n, item, "not-permitted")
        return False
    if item.shown and _make_room(step, chat):
        return False
    try:
        messages.seal_message(step, n, item)
    except mls.GenerationLimit:
        outbox.submit_intent(step, chat.gid, Intent("update"))
        _hurry(step, chat.gid)
        return False
    except mls.MlsError:
        # This group's state is of no use any more; other chats must not wait for it.
        readd.lose(step, chat.gid, "refused")
        return False
    return True


def _make_room(step: Step, chat: Chat) -> bool:
    """Whether a profile for newcomers, or an update after many messages, was queued before a text."""
    before = len(rows.items(step.tx, chat.gid))
    messages.ensure_profile(step, chat.gid)
    if chat.sent >= OWN_MESSAGES_MAX:
        outbox.submit_intent(step, chat.gid, Intent("update"))
        _hurry(step, chat.gid)
    return len(rows.items(step.tx, chat.gid)) != before


def _hurry(step: Step, gid: bytes) -> None:
    for n, item in rows.items(step.tx, gid):
        if item.intent is not None and item.intent.op == "update" and item.state == "queued":
            outbox.change_item(step, n, item, urgent=True)


def _seal_create(step: Step, chat: Chat, n: int, item: Item) -> None:
    group = step.load_group(chat.gid)
    token = groups.send_token(group, chat.gid)
    request = frames.Create(
        rid=0,
        mid=Mid(step.rng(16)),
        gid=GroupId(chat.gid),
        pass_=item.group_pass,
        roster_key=roster_key(chat.gs),
        token_hash=messages.body_hash(token),
        add=(frames.AddedLeaf(0, item.own_ref),),
    )
    outbox.record_sealing(step, n, item, request, b"", 0)


def claim_token(step: Step, item: Item, account: bytes) -> bytes | None:
    """What lets us claim packages of an account: its contact token, None for ourselves and for a request.

    Empty while what introduces the account is still on its way; the claim waits for it.
    """
    if account == step.profile.account_id or step.chat(item.gid).request == "outgoing":
        return None
    return accounts.known(step, account).contact_token


def missing_claims(step: Step, item: Item) -> list[tuple[bytes, tuple[int, ...] | None]]:
    """(account, devices or all) whose KeyPackages an Add still needs."""
    intent = item.intent
    if intent is None or not intent.adds():
        return []
    own = step.profile.account_id
    wanted: list[tuple[bytes, tuple[int, ...] | None]] = []
    if intent.op == "add":
        for account in intent.accounts:
            devices = None
            if account == own:
                known = rows.find_account(step.tx, own)
                devices = tuple(d for d, _ in known.devices if d != step.profile.device_id) if known else ()
                if not devices:
                    continue
            wanted.append((account, devices))
    else:
        # A re-add names devices that it takes the place of behind the one it brings.
        wanted.append((intent.account, intent.devices[:1] if intent.op == "readd" else intent.devices))
    return [(account, devices) for account, devices in wanted if account not in item.claimed]


def lacks_introduction(step: Step, item: Item) -> bool:
    """Whether it waits to add somebody whose contact token has not come: that is up to them, and may take days."""
    own = step.profile.account_id
    if step.chat(item.gid).request == "outgoing":
        return False
    missing = (account for account, _ in missing_claims(step, item)) if item.state == "queued" else ()
    return any(account != own and not accounts.known(step, account).contact_token for account in missing)


def open_requests(step: Step) -> list[Request]:
    """Every sealed request whose outcome is unknown; no commit that the server refuses until the group was mended."""
    return [
        Request(item.mid, item.gid, frames.parse_s_client(item.request))  # type: ignore[arg-type]  # never HTTP_REQ
        for _, item in rows.items(step.tx)
        if item.state == "sealed" and not (item.kind == "commit" and is_refused(step.chat(item.gid)))
    ]


def has_queued(step: Step) -> bool:
    """Whether any item waits to be sealed."""
    return any(item.state == "queued" for _, item in rows.items(step.tx))


def has_sendable(step: Step) -> bool:
    """Whether any item waits for more than other people: sealed, accepted without echo, or queued in a usable chat."""
    held: set[bytes] = set()
    for _, item in rows.items(step.tx):
        if is_shut(step, step.chat(item.gid)):
            continue
        if lacks_introduction(step, item):
            held.add(item.gid)  # what was queued behind it waits as well
        if item.state == "accepted" and step.chat(item.gid).asking is not None:
            continue
        if item.kind == "commit" and item.state == "sealed" and is_refused(step.chat(item.gid)):
            continue
        if item.state in order.IN_FLIGHT:
            return True
        chat = step.chat(item.gid)
        usable = chat.status in ("active", "creating") and not is_refused(chat) and item.gid not in held
        waits = chats.awaits_decision(step, chat) or requests.is_withheld(step, chat, item)
        if item.state == "queued" and usable and not item.absent and not waits:
            return True
    return False


def is_shut(step: Step, chat: Chat) -> bool:
    """Whether the other side of a DM is blocked: our references there lead nowhere, so no echo of ours comes either."""
    return chat.kind == groups.DM and accounts.is_blocked(step, chat.peer)


def is_refused(chat: Chat) -> bool:
    """Whether the server refuses what we seal in this chat, so that we wait to be re-added.

    So it does after a gap: what is sealed in an epoch that is over would be refused without an end.
    """
    return chat.asking is not None and chat.asking.reason in ("refused", "gap")
