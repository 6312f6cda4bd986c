"""Views of the store: what `Client` shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, cast

import msgspec

from zajil.client import views
from zajil.client.core import chats as chats_of
from zajil.client.core import groups
from zajil.client.core.contact.requests import incoming
from zajil.client.core.expiry import sweep
from zajil.client.core.talk import arranging, reading
from zajil.client.core.talk.places import is_listed, load_message, place_of
from zajil.client.state import accounts, rows
from zajil.client.state.arranging import load_arranged
from zajil.client.state.joins import OwnLink, load_joins
from zajil.client.state.notices import load_notices
from zajil.client.state.rows import Account, StoredMessage
from zajil.client.state.step import Step
from zajil.protocol.chat.arranging import ALWAYS
from zajil.protocol.chat.extensions import PERMISSIONS, Permissions
from zajil.protocol.chat.mentions import MENTIONS
from zajil.protocol.errors import error
from zajil.protocol.identity.grouplinks import GroupLink, encode_group_link
from zajil.protocol.identity.safety import SafetyCode, half, safety_number
from zajil.protocol.ids import AccountId, GroupId, encode_b64
from zajil.protocol.limits import SUITE_XWING, XWING_LEAVES
from zajil.protocol.public.handles import skeleton

KINDS: tuple[views.ChatKind, ...] = ("self", "dm", "group")
ROLES: tuple[views.Role, ...] = ("member", "admin", "owner")
SELF_TITLE = "Note to self"
_NEWS_SEEN = b"news-seen"
CANDIDATES_MAX = 8


class Named(Protocol):
    """Has an id people can type."""

    @property
    def id(self) -> str:
        """base64url text."""


N = TypeVar("N", bound=Named)


def contacts(step: Step) -> list[views.Contact]:
    """All contacts by name."""
    found = [_contact(account) for account in rows.all_accounts(step.tx) if account.contact or account.blocked]
    return sorted(found, key=lambda contact: (contact.name.casefold(), contact.id))


def members(step: Step, chat: rows.Chat) -> list[views.Contact]:
    """Everybody in a chat, ourselves too, contacts or not."""
    return [
        _contact(msgspec.structs.replace(accounts.known(step, who), name=name_of(step, who))) for who in chat.accounts()
    ]


def _contact(account: Account) -> views.Contact:
    verified = accounts.is_verified(account)
    changed = accounts.is_key_changed(account)
    return views.Contact(
        encode_b64(account.account_id),
        account.name,
        len(account.devices),
        verified,
        key_changed=changed,
        blocked=account.blocked,
    )


def requests(step: Step) -> list[views.ContactRequest]:
    """Requests that wait for a decision, the newest first; also one whose first message waits for it."""
    return [_request(step, chat) for chat in incoming(step)]


def _request(step: Step, chat: rows.Chat) -> views.ContactRequest:
    first = step.tx.rows("message", chat.gid)[:1]
    said = rows.parse_row(first[0][1], StoredMessage) if first else None
    name = name_of(step, chat.peer)
    twin = skeleton(name.casefold())
    alike = (one.name for one in rows.all_accounts(step.tx) if one.contact and skeleton(one.name.casefold()) == twin)
    return views.ContactRequest(
        id=encode_b64(chat.gid),
        account=encode_b64(chat.peer),
        name=name,
        text="" if said is None else said.text,
        sent_at=(chat.activity if said is None else said.sent) // 1000,
        resembles=next(alike, None),
    )


def devices(step: Step) -> list[views.Device]:
    """Own devices by id."""
    newest = accounts.verified_list(accounts.known(step, step.profile.account_id))
    entries = newest.list.devices if newest is not None else ()
    return [views.Device(e.device_id, e.added, e.device_id == step.profile.device_id) for e in entries]


def chats(step: Step) -> list[views.Chat]:
    """All chats that show: pinned ones first in the order of pinning, then by latest activity."""
    pins = {gid: at for at, gid in enumerate(arranging.pins(step))}
    found = [chat for chat in rows.all_chats(step.tx) if is_listed(chat)]
    found.sort(key=lambda chat: pins.get(chat.gid, len(pins)))
    return [_chat_view(step, chat, pinned=chat.gid in pins) for chat in found]


def chat_view(step: Step, chat: rows.Chat) -> views.Chat:
    """One chat."""
    return _chat_view(step, chat, pinned=chat.gid in arranging.pins(step))


def _chat_view(step: Step, chat: rows.Chat, *, pinned: bool) -> views.Chat:
    title = chat.title
    if chat.kind == groups.SELF:
        title = SELF_TITLE
    elif chat.kind == groups.DM:
        title = name_of(step, chat.peer)
    arranged = load_arranged(step.tx, chat.gid).read()
    muted = arranged.is_muted(step.now)
    return views.Chat(
        id=encode_b64(chat.gid),
        kind=KINDS[chat.kind],
        title=title,
        status=_status(chat),
        members=tuple(encode_b64(account) for account in chat.accounts()),
        role=ROLES[groups.role_of(chat, step.profile.account_id)],
        epoch=chat.epoch,
        devices=len(chat.members),
        last_activity=chat.activity // 1000,
        unread=chat.unread,
        mentioned=chat.mentioned,
        roles=_roles(chat),
        timer=chat.timer,
        pinned=pinned,
        archived=arranged.is_archived(chat.heard),
        muted=muted,
        muted_until=arranged.muted_until // 1000 if muted and arranged.muted_until != ALWAYS else None,
        draft="" if arranged.draft is None else arranged.draft.text,
        pending=chat.request == "outgoing",
        perms=_perms(chat),
        unshown=chat.unshown,
        quantum=_quantum(chat),
    )


def _quantum(chat: rows.Chat) -> views.Quantum:
    if chat.suite == SUITE_XWING:
        return "protected"
    if not chat.all_able:
        return "unable"
    return "large" if len(chat.members) > XWING_LEAVES else "small"


def _roles(chat: rows.Chat) -> dict[str, views.Role]:
    """Who is more than a member, by the rules for groups that lost their owners too; empty in other chats."""
    if chat.kind != groups.GROUP:
        return {}
    roles = {account: groups.role_of(chat, account) for account in chat.accounts()}
    return {encode_b64(account): ROLES[role] for account, role in roles.items() if role}


def _perms(chat: rows.Chat) -> dict[str, views.Needs]:
    """Who may, by name; empty in chats that are no groups."""
    if chat.kind != groups.GROUP:
        return {}
    held = {**Permissions().numbers(), **chat.perms}
    return {name: "admin" if held[name] else "member" for name in PERMISSIONS}


def group_links(step: Step, chat: rows.Chat) -> list[views.GroupLinkView]:
    """The links of a group that hold now, the oldest first."""
    own = {link.invite_id: link for link in load_joins(step.tx).links}
    found = []
    for invite_id, policy, expires in chat.invites:
        if expires > step.now // 1000:
            text = link_text(step, own[invite_id]) if invite_id in own else None
            found.append(views.GroupLinkView(encode_b64(invite_id), "auto" if policy else "ask", expires, text))
    return found


def link_text(step: Step, link: OwnLink) -> str:
    """The link as it is given out."""
    profile = step.profile
    made = GroupLink(
        server_name=profile.server_name,
        gid=GroupId(link.gid),
        invite_id=link.invite_id,
        approver=AccountId(profile.account_id),
        contact_token=link.token,
        expires=link.expires,
        name=link.title,
        front=profile.server,
    )
    return encode_group_link(made)


def join_requests(step: Step, chat: rows.Chat) -> list[views.JoinRequestView]:
    """Who asks to be let into a group, the oldest first."""
    return [
        views.JoinRequestView(
            id=encode_b64(one.account),
            name=accounts.known(step, one.account).name or one.name,
            at=one.at // 1000,
            removed_before=one.account in chat.put_out,
            accepted=one.accepted or bool(one.due),
        )
        for one in load_joins(step.tx).waiting
        if one.gid == chat.gid
    ]


def joins(step: Step) -> list[views.JoinView]:
    """What we asked to be let into, the oldest first."""
    return [
        views.JoinView(
            group=encode_b64(one.gid),
            title=one.title,
            approver=accounts.known(step, one.approver).name,
            at=one.at // 1000,
            expires_at=one.expires,
            state="expired" if one.state == "asked" and one.expires <= step.now // 1000 else one.state,
        )
        for one in load_joins(step.tx).asked
    ]


def _status(chat: rows.Chat) -> views.ChatStatus:
    if chat.status in ("active", "lost") and chat.asking is not None and chat.asking.reason == "refused":
        return "stuck"
    if chat.status in ("await", "lost") or (chat.status == "active" and chat.asking is not None):
        return "rejoining"
    return cast(views.ChatStatus, chat.status)  # the remaining words are the same


def name_of(step: Step, account: bytes) -> str:
    """The name of an account, its id where we know none."""
    if account == step.profile.account_id:
        return step.profile.name
    return accounts.known(step, account).name or encode_b64(account)


def messages(step: Step, gid: bytes, limit: int) -> list[views.Message]:
    """The newest `limit` messages of a chat, oldest first."""
    chat = rows.find_chat(step.tx, gid)
    if chat is None:
        raise error("unknown-chat")
    found = step.tx.rows("message", chat.merged or gid, newest=limit)
    return [message_view(step, rows.parse_row(data, StoredMessage)) for _, data in found]


def messages_around(step: Step, gid: bytes, identity: bytes, limit: int) -> list[views.Message]:
    """Up to `limit` messages with this one in their midst, oldest first. Raises `unknown-chat`, `gone`."""
    if rows.find_chat(step.tx, gid) is None:
        raise error("unknown-chat")
    n, _ = load_message(step, gid, identity)
    place = place_of(step, gid)
    found = step.tx.rows("message", place, newest=limit - limit // 2, before=n + 1)
    found += step.tx.rows("message", place, after=n, first=limit - len(found))
    return [message_view(step, rows.parse_row(data, StoredMessage)) for _, data in found]


def notices(step: Step, gid: bytes) -> list[views.Notice]:
    """The lines of a chat that are no messages, with those of groups and DMs that became one with it, oldest first."""
    chat = rows.find_chat(step.tx, gid)
    if chat is None:
        raise error("unknown-chat")
    place = chat.merged or gid
    gids = [place, *(other.gid for other in rows.all_chats(step.tx) if other.merged == place)]
    found = sorted((line for one in gids for line in load_notices(step.tx, one)), key=lambda line: line.at)
    return [
        views.Notice(
            code=line.code,
            chat=encode_b64(place),
            name=name_of(step, line.account),
            account=encode_b64(line.account),
            own=line.account == step.profile.account_id,
            at=line.at // 1000,
            seconds=line.seconds,
            whom=name_of(step, line.whom) if line.whom else "",
            whom_account=encode_b64(line.whom),
            whom_own=line.whom == step.profile.account_id,
            was=line.was,
            became=line.became,
        )
        for line in found
    ]


def message_view(step: Step, message: StoredMessage) -> views.Message:
    """One message."""
    text, mentions = _shown_text(step, message)
    state = message.state
    if state in ("delivered", "read") and not rows.load_privacy(step.tx).receipts:
        state = "sent"
    return views.Message(
        id=encode_b64(message.message_id),
        chat=encode_b64(message.gid),
        sender=name_of(step, message.account),
        sender_id=encode_b64(message.account),
        sent_at=message.sent // 1000,
        state=state,
        text=text,
        own=message.account == step.profile.account_id,
        reason=message.reason or None,
        reply_to=encode_b64(message.reply_to) if message.reply_to else None,
        edited=len(message.versions) > 1,
        deleted=bool(message.deleted_by),
        mentions=mentions,
        reactions=_reactions(step, message),
        supported=not message.kept,
        call=None if message.call is None else _call(message.call),
        attachments=tuple(views.Attachment(one.name, one.content_type, one.size) for one in message.files),
        expires_at=-(-message.expires_at // 1000) or None,
        expires_s=message.expire_s,
        quote_expired=bool(message.reply_to) and sweep.is_gone(step, message.reply_to),
    )


def _call(call: rows.CallRow) -> views.Call:
    return views.Call(call.kind, call.outcome, call.seconds)


def _shown_text(step: Step, message: StoredMessage) -> tuple[str, tuple[views.Mention, ...]]:
    chat = rows.find_chat(step.tx, message.gid)
    if chat is None:
        return message.text, ()
    text, found = reading.mentions_in(step, chat, message.text)
    return text, tuple(views.Mention(one.start, one.end, encode_b64(one.account)) for one in found)


def _reactions(step: Step, message: StoredMessage) -> tuple[views.Reaction, ...]:
    """Oldest first."""
    shown = sorted((one for one in message.reactions if one.emoji), key=lambda one: (one.at, one.message_id))
    return tuple(views.Reaction(name_of(step, one.account), encode_b64(one.account), one.emoji) for one in shown)


def message_details(step: Step, gid: bytes, identity: bytes) -> views.MessageDetails:
    """One message with its earlier texts and its receipts. Raises `gone`."""
    _, message = load_message(step, gid, identity)
    earlier = (rows.changed(message, text=one.text, sent=one.at) for one in message.versions[:-1])
    versions = tuple(views.TextVersion(_shown_text(step, one)[0], one.sent // 1000) for one in earlier)
    receipts = message.receipts if rows.load_privacy(step.tx).receipts else ()
    told = tuple(
        views.MessageReceipt(
            name=name_of(step, one.account),
            account=encode_b64(one.account),
            delivered_at=one.delivered // 1000 or None,
            read_at=one.read // 1000 or None,
        )
        for one in receipts
    )
    return views.MessageDetails(message_view(step, message), versions, told)


def find_names(step: Step, chat: rows.Chat, text: str) -> tuple[views.Mention, ...]:
    """Where a text names members with "@": the longest name that fits, and none that two of them have."""
    names = [(name_of(step, account), account) for account in chat.accounts()]
    names = [(name, account) for name, account in names if [other for other, _ in names].count(name) == 1]
    names.sort(key=lambda one: -len(one[0]))
    found: list[views.Mention] = []
    at = text.find("@")
    while at >= 0:
        fits = (one for one in names if text.startswith(one[0], at + 1) and _is_word(text, at, at + 1 + len(one[0])))
        name, account = next(fits, ("", b""))
        if account and len(found) < MENTIONS:
            found.append(views.Mention(at, at + 1 + len(name), encode_b64(account)))
        at = text.find("@", at + 1 + len(name))
    return tuple(found)


def _is_word(text: str, start: int, end: int) -> bool:
    return not (start and text[start - 1].isalnum()) and not text[end : end + 1].isalnum()


def find_named(text: str, things: Sequence[N], *, name: Callable[[N], str], unknown: str) -> N:
    """The thing with this id, or the only one with this name.

    Raises `unknown`, or `ambiguous-name` whose detail `candidates` has one line each: the id, a blank, the name.
    """
    found = [thing for thing in things if thing.id == text]
    found = found or [thing for thing in things if name(thing) == text]
    found = found or [thing for thing in things if name(thing).casefold() == text.casefold()]
    if not found:
        raise error(unknown)
    if len(found) > 1:
        # A line break in a name would make a line of its own.
        listed = "\n".join(" ".join([thing.id, *name(thing).split()]) for thing in found[:CANDIDATES_MAX])
        raise error("ambiguous-name", detail={"candidates": listed})
    return found[0]


def last_event(step: Step) -> int:
    """Number of the newest event."""
    newest = step.tx.rows("event", newest=1)
    return newest[-1][0] if newest else 0


def events_after(step: Step, last: int) -> tuple[list[views.Event], int]:
    """Events after number `last`, and the number of the newest."""
    found = step.tx.rows_after("event", last)
    events = [_event(step, rows.parse_row(data, rows.Told)) for _, data in found]
    return events, found[-1][0] if found else last


def take_news(step: Step) -> list[views.Event]:
    """What the moderators said since this was last called; the same is never taken twice."""
    seen = step.tx.find("meta", _NEWS_SEEN)
    found = step.tx.rows_after("event", int.from_bytes(seen or b"", "big"))
    if found:
        step.tx.put("meta", _NEWS_SEEN, found[-1][0].to_bytes(8, "big"))
    events = (_event(step, rows.parse_row(data, rows.Told)) for _, data in found)
    return [event for event in events if event.code in views.NEWS]


def _event(step: Step, told: rows.Told) -> views.Event:
    message = None
    if told.message_id:
        stored = step.tx.lookup("message", told.message_id)
        if stored is not None:
            message = message_view(step, rows.parse_row(stored[1], StoredMessage))
    chat = rows.find_chat(step.tx, told.gid) if told.gid else None
    gid = (chat.merged or chat.gid) if chat is not None else b""
    kind = cast(views.EventKind, told.kind)  # written by our own core
    code = cast(views.EventCode, told.code) if told.code in views.EVENT_KINDS else None  # a key of it
    name = name_of(step, told.account) if told.account else None
    return views.Event(kind, encode_b64(gid) if gid else None, message, code, name)


def safety_number_with(step: Step, account: bytes) -> str:
    """60 digits in groups of five. Raises `unknown-contact` where no key of the account is known."""
    known = accounts.known(step, account)
    if not known.account_pub:
        raise error("unknown-contact")
    own = step.profile
    digits = safety_number((AccountId(own.account_id), own.account_pub), (AccountId(account), known.account_pub))
    return " ".join(digits[at : at + 5] for at in range(0, 60, 5))


def safety_code_with(step: Step, account: bytes) -> SafetyCode:
    """What our QR code for an account holds. Raises `unknown-contact` where no key of it is known."""
    known = accounts.known(step, account)
    if not known.account_pub:
        raise error("unknown-contact")
    own = step.profile
    chat = chats_of.find_dm(step, account)
    group = None if chat is None or chat.status != "active" else step.find_group(chat.gid)
    return SafetyCode(
        own=half(own.account_pub, own.account_id),
        other=half(known.account_pub, account),
        epoch=0 if group is None else group.epoch,
        epoch_authenticator=b"" if group is None else group.epoch_authenticator,
    )
