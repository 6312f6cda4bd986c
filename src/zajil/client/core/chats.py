"""What a person does with chats: open one, change its members, leave. Each queues items; the outbox sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zajil import mls
from zajil.client.core import groups, judge, messages, outbox
from zajil.client.core.contact import blocking, naming, requests
from zajil.client.core.groups import DM, GROUP, OWNER, SELF
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat, Intent, Item, Member
from zajil.client.state.step import Step
from zajil.protocol.chat import parts
from zajil.protocol.chat.expiry import SPAN_MAX_S
from zajil.protocol.chat.extensions import PERMISSIONS, ChatKind, ChatRole, ChatSettings, Invite
from zajil.protocol.errors import error
from zajil.protocol.ids import AccountId
from zajil.protocol.limits import ACCOUNT_DEVICES, ADDED_LEAVES, GROUP_LEAVES, NAME_BYTES, XWING_LEAVES


def open_self_chat(step: Step) -> bytes:
    """The group of our own devices, made once at registration; its id."""
    return _create(step, ChatSettings(ChatKind.SELF), ())


def open_dm(step: Step, peer: bytes) -> bytes:
    """The DM with an account: the one there is, or a new one."""
    asked = next((chat for chat in requests.incoming(step) if chat.peer == peer), None)
    if asked is not None:
        requests.accept(step, asked.gid)
        return asked.gid
    existing = find_dm(step, peer)
    if existing is not None:
        if existing.status == "active" and peer not in existing.accounts():
            outbox.submit_intent(step, existing.gid, Intent("add", accounts=(peer,)))
        return existing.gid
    return _create(step, ChatSettings(ChatKind.DM), (peer,))


def open_request(step: Step, peer: bytes) -> bytes:
    """A DM with an account that has not let us know how it is reached: it waits for that account's yes."""
    gid = _create(step, ChatSettings(ChatKind.DM), (peer,))
    step.change_chat(gid, request="outgoing")
    return gid


def open_quiet_dm(step: Step, peer: bytes, invite: Invite) -> bytes:
    """The DM with an account, or a new one that says it was made to ask by this link: no list shows it yet."""
    existing = find_dm(step, peer)
    if existing is not None:
        return open_dm(step, peer)
    return _create(step, ChatSettings(ChatKind.DM, invites=(invite,)), (peer,))


def open_new_dm(step: Step, peer: bytes) -> bytes:
    """Another DM with an account, where the one there is does not work; once both do, they merge."""
    return _create(step, ChatSettings(ChatKind.DM), (peer,))


def find_dm(step: Step, peer: bytes) -> Chat | None:
    """The DM with an account that is used now."""
    found = [
        chat
        for chat in rows.all_chats(step.tx)
        if chat.kind == DM
        and chat.peer == peer
        and not chat.merged
        and not chat.request
        and chat.status not in ("removed", "left")
    ]
    return min(found, key=lambda chat: (chat.status != "active", chat.gid), default=None)


def open_group(step: Step, title: str, people: Sequence[bytes], *, large: bool = False) -> bytes:
    """A new group owned by us; its id. large: it is to grow beyond the devices of a post-quantum group."""
    check_name(title)
    settings = ChatSettings(ChatKind.GROUP, title, roles={AccountId(step.profile.account_id): ChatRole.OWNER})
    return _create(step, settings, tuple(people), expected=XWING_LEAVES + 1 if large else 0)


def expected_leaves(step: Step, people: Sequence[bytes]) -> int:
    """How many devices a new group with these accounts will have, as far as their lists are known here."""
    known = (accounts.known(step, account) for account in {step.profile.account_id, *people})
    return sum(max(1, len(account.devices)) for account in known)


def check_name(name: str) -> None:
    """Raises `malformed` for a name or title that is empty, too long or no UTF-8."""
    try:
        size = len(name.strip().encode("utf-8"))
    except UnicodeEncodeError:
        raise error("malformed", "name") from None
    if not 1 <= size <= NAME_BYTES:
        raise error("malformed", "name of 1 to 256 bytes")


def _create(step: Step, settings: ChatSettings, people: tuple[bytes, ...], *, expected: int = 0) -> bytes:
    """expected: leaves of the whole group, where more than those of `people` come."""
    check_people(step, people)
    expected = max(expected, expected_leaves(step, people))
    if expected > GROUP_LEAVES:
        raise error("group-full")
    # Any number of devices of so few accounts fits into one commit.
    most = ADDED_LEAVES // ACCOUNT_DEVICES if expected > XWING_LEAVES else max(1, len(people) + 1)
    gid = begin(step, settings.encode(), people, suite=mls.choose_suite({}, expected), most=most)
    if settings.kind == DM and settings.invites:
        step.change_chat(gid, quiet=True)
    step.event("created", gid)
    return gid


def begin(step: Step, data: bytes, people: Sequence[bytes], *, suite: mls.Suite, most: int) -> bytes:
    """Queue a new group of these settings and the Add of these people with all devices; its id.

    data: of extension 0xF0A0. people: the other one first in a DM. most: accounts that one commit adds.
    """
    gid, own = step.rng(16), step.profile
    group, settings = groups.create(step, gid, data, suite), ChatSettings.parse(data)
    chat = groups.describe(Chat(gid, int(settings.kind), settings.name, "creating"), group)
    rows.save_chat(step.tx, chat)
    step.change_chat(
        gid,
        peer=people[0] if settings.kind == DM else b"",
        gs=groups.group_secret(group, gid),
        rotated_at=step.now,
        activity=step.now,
        members=(Member(0, own.account_id, own.device_id),),
    )
    step.save_group(gid, group)
    outbox.submit(step, Item(gid, "create", "queued", step.now, claim_id=step.rng(16)))
    others = [d for d, _ in accounts.known(step, own.account_id).devices if d != own.device_id]
    invited = (*((own.account_id,) if others else ()), *(person for person in people if person != own.account_id))
    for first in range(0, len(invited), most):
        outbox.submit_intent(step, gid, Intent("add", accounts=invited[first : first + most]))
    return gid


def awaits_decision(step: Step, chat: Chat) -> bool:
    """Whether the other side of a DM has another account key than the one that was verified: nothing is said then."""
    return chat.kind == DM and accounts.is_key_changed(accounts.known(step, chat.peer))


def check_member(step: Step, gid: bytes) -> Chat:
    """The chat, if we may act in it.

    Raises `not-a-member`; in a DM `contact-blocked` with somebody blocked, `contact-gone` where the account ended.
    """
    chat = step.chat(gid)
    if chat.merged:
        chat = step.chat(chat.merged)
    if chat.kind == DM and accounts.is_blocked(step, chat.peer):
        raise error("contact-blocked")
    if chat.kind == DM and accounts.known(step, chat.peer).gone:
        raise error("contact-gone")
    if chat.request == "incoming":
        raise error("not-a-member", "request")
    if chat.status in ("removed", "left") or step.profile.account_id in chat.left:
        raise error("not-a-member")
    return chat


def check_writer(step: Step, gid: bytes) -> Chat:
    """The chat, if what we write in it is shown. Raises `not-a-member`, `not-permitted`."""
    chat = check_member(step, gid)
    if not judge.may_write(chat, step.profile.account_id):
        raise error("not-permitted", "only admins write here")
    return chat


def add_account(step: Step, gid: bytes, account: bytes) -> list[int]:
    """Queue the lists of an account for the members, then its Add; the items. Raises `not-permitted`."""
    chat = check_group(step, gid)
    if groups.role_of(chat, step.profile.account_id) < chat.perms.get("add", groups.ADMIN):
        raise error("not-permitted")
    if account in chat.accounts():
        return []
    check_people(step, (account,))
    submit_lists(step, chat, account)
    return [outbox.submit_intent(step, chat.gid, Intent("add", accounts=(account,)))]


def submit_lists(step: Step, chat: Chat, account: bytes) -> None:
    """Tell the members the newest device list of an account before a commit adds its devices."""
    known = accounts.known(step, account)
    if known.list_object and len(chat.members) > 1 and not chat.request:
        messages.submit_control(step, chat.gid, parts.Lists((known.list_object,)), urgent=True)


def remove_account(step: Step, gid: bytes, account: bytes) -> list[int]:
    """Queue the Remove of an account; the items. Raises `not-permitted`."""
    chat = check_group(step, gid)
    role = groups.role_of(chat, step.profile.account_id)
    if account == step.profile.account_id or role < groups.ADMIN:
        raise error("not-permitted")
    if groups.role_of(chat, account) == OWNER and role < OWNER:
        raise error("not-permitted")
    if account not in chat.accounts():
        return []
    return [outbox.submit_intent(step, chat.gid, Intent("remove", account=account))]


def rename(step: Step, gid: bytes, title: str) -> list[int]:
    """Queue a new title of a group; the items. Raises `not-permitted`, `malformed`."""
    chat = check_group(step, gid)
    check_name(title)
    if groups.role_of(chat, step.profile.account_id) < chat.perms.get("info", groups.ADMIN):
        raise error("not-permitted")
    return [submit_settings(step, chat.gid, Intent("settings", title=title))]


def set_role(step: Step, gid: bytes, account: bytes, role: int) -> list[int]:
    """Queue another role of a member, 0 member, 1 admin, 2 owner; the items. Raises `not-permitted`."""
    chat = check_group(step, gid)
    if groups.role_of(chat, step.profile.account_id) < OWNER:
        raise error("not-permitted")
    if account not in chat.accounts():
        raise error("unknown-contact")
    return [submit_settings(step, chat.gid, Intent("settings", account=account, role=role))]


def set_timer(step: Step, gid: bytes, seconds: int) -> list[int]:
    """Queue another timer for new messages of a chat, 0 = they stay; the items. Raises `not-permitted`, `malformed`."""
    chat = check_member(step, gid)
    if not 0 <= seconds <= SPAN_MAX_S:
        raise error("malformed", "timer of 0 to 31,536,000 seconds")
    if chat.status in ("await", "lost"):
        raise error("chat-stuck")
    if groups.role_of(chat, step.profile.account_id) < chat.perms.get("timer", groups.ADMIN):
        raise error("not-permitted")
    return [submit_settings(step, chat.gid, Intent("settings", timer=seconds))]


def submit_settings(step: Step, gid: bytes, intent: Intent) -> int:
    """Queue a change of settings in place of one about the same that still waits."""
    for n, item in rows.items(step.tx, gid):
        before = item.intent
        if before is not None and before.op == "settings" and item.state == "queued" and about(before) == about(intent):
            outbox.finish(step, n, item)
    return outbox.submit_intent(step, gid, intent)


def about(intent: Intent) -> tuple[bytes, bool, bool, tuple[str, ...], bytes]:
    """What a change of settings is about: the later one of two about the same counts."""
    invite = intent.revoke or (intent.invite[0] if intent.invite else b"")
    return intent.account, intent.title is None, intent.timer is None, tuple(sorted(intent.perms)), invite


def set_permissions(step: Step, gid: bytes, perms: Mapping[str, int]) -> list[int]:
    """Queue other permissions, by name 0 member or 1 admin; the items. Raises `not-permitted`, `malformed`."""
    chat = check_group(step, gid)
    if not set(perms) <= set(PERMISSIONS) or not set(perms.values()) <= {0, 1}:
        raise error("malformed", "permissions")
    if groups.role_of(chat, step.profile.account_id) < groups.ADMIN:
        raise error("not-permitted")
    changed = {name: value for name, value in perms.items() if chat.perms.get(name) != value}
    return [submit_settings(step, chat.gid, Intent("settings", perms=changed))] if changed else []


def check_group(step: Step, gid: bytes) -> Chat:
    """The chat, if it is a group we are in. Raises `not-a-member`, `not-permitted`."""
    chat = check_member(step, gid)
    if chat.kind != GROUP:
        raise error("not-permitted")
    if chat.status in ("await", "lost"):
        raise error("chat-stuck")
    return chat


def check_people(step: Step, people: Sequence[bytes]) -> None:
    """Raises `list-fork` for an account with two device lists in one place: nobody is added on a disputed list.

    Raises `contact-blocked` for somebody blocked, `contact-gone` for an account that ended.
    """
    if any(accounts.known(step, person).alarm for person in people):
        raise error("list-fork")
    if accounts.any_blocked(step, people):
        raise error("contact-blocked")
    if any(accounts.known(step, person).gone for person in people):
        raise error("contact-gone")


def leave(step: Step, gid: bytes) -> None:
    """Tell the group; another member removes us."""
    chat = check_group(step, gid)
    messages.submit_control(step, chat.gid, parts.Leave())
    step.change_chat(chat.gid, left=chat.left | {step.profile.account_id: step.now})


def add_own_device(step: Step, device: int) -> None:
    """A device of ours is new: bring it into the self group, then into every chat by last activity."""
    own = step.profile.account_id
    for chat in sorted(rows.all_chats(step.tx), key=lambda c: (c.kind != SELF, -c.activity)):
        if chat.status not in ("active", "creating") or chat.leaf_of(own, device) is not None:
            continue
        if chat.request == "incoming" or chat.heir is not None:
            continue  # nothing is said there; who accepts a request brings all devices in
        submit_lists(step, chat, own)
        outbox.submit_intent(step, chat.gid, Intent("add-device", account=own, devices=(device,)))
        if chat.kind == SELF:
            blocking.tell_new_device(step, chat.gid)
            naming.tell_new_device(step, chat.gid)
