"""Control calls the core needs answered: derived from the store each time, so a crash loses none of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from zajil.client.core import groups, outbox, readd, sealing
from zajil.client.core.contact import doors, requests
from zajil.client.core.contact.doors import WantDoor
from zajil.client.core.heirs import missing
from zajil.client.core.joins import asking
from zajil.client.core.kept import backup
from zajil.client.core.kept.backup import WantBackup, WantForget
from zajil.client.state import accounts, ownlists, rows
from zajil.client.state.rows import Claimed, Intent, Item
from zajil.client.state.step import Step
from zajil.protocol.control import ClaimedKeyPackages
from zajil.protocol.errors import error
from zajil.protocol.limits import ACCOUNT_DEVICES, DELIVERY_REF_BYTES, KEY_PACKAGE_BYTES, SUITE_XWING

PATIENCE_MS = 120_000
ABSENT_MS = 20_000
"""A device of ours that was approved so long ago and has published nothing: nothing waits for it any more."""


class WantCreate(msgspec.Struct, frozen=True):
    """A group pass and a fresh reference to our own mailbox, for item n."""

    n: int


class WantClaim(msgspec.Struct, frozen=True):
    """KeyPackages of an account for item n. token: its contact token, None for our own account and for a request.

    suites: in which they are asked for, the best one first.
    """

    n: int
    account: bytes
    devices: tuple[int, ...] | None
    claim_id: bytes
    token: bytes | None
    suites: tuple[int, ...] = (SUITE_XWING,)


class WantLists(msgspec.Struct, frozen=True):
    """The device lists of an account. token: its contact token, None for our own account."""

    account: bytes
    token: bytes | None


class WantOwnLists(msgspec.Struct, frozen=True):
    """The server lost lists of our own account, as it came back from a backup: it is to have them again."""


class WantKeyPackages(msgspec.Struct, frozen=True):
    """Our own pool at the server is low: fill it up."""


Want: TypeAlias = (
    WantCreate | WantClaim | WantLists | WantOwnLists | WantKeyPackages | WantBackup | WantForget | WantDoor
)


def wants(step: Step) -> list[Want]:
    """What is needed now. The same want stays until it is answered or its item fails."""
    session = step.session()
    if session.rolled_back or session.revoked:
        return []
    found: list[Want] = []
    own = step.profile.account_id
    if session.list_lost:
        found.append(WantOwnLists())
    if session.keys_wanted:
        found.append(WantKeyPackages())
    for account in rows.all_accounts(step.tx):
        if account.wanted_seq > account.list_seq and (account.account_id == own or account.contact_token):
            token = None if account.account_id == own else account.contact_token
            found.append(WantLists(account.account_id, token))
    for n, item in rows.items(step.tx):
        if item.state != "queued":
            continue
        if item.kind == "create" and not item.group_pass:
            found.append(WantCreate(n))
        for account_id, devices in sealing.missing_claims(step, item):
            claim_id = hashlib.sha256(item.claim_id + account_id).digest()[:16]
            token = sealing.claim_token(step, item, account_id)
            if token != b"":
                suites = groups.asked_suites(step, item.gid)
                found.append(WantClaim(n, account_id, devices, claim_id, token, suites))
    return [*found, *doors.wants(step), *backup.wants(step)]


def is_pressing(step: Step, want: Want) -> bool:
    """Whether a `sync` waits for it: refilling a pool that was full once may take its time, and an absent device."""
    if isinstance(want, WantBackup | WantForget):
        return backup.is_pressing(step)
    if isinstance(want, WantClaim):
        item = outbox.find_item(step, want.n)
        return item is None or not item.absent
    return not isinstance(want, WantKeyPackages) or not step.session().last_resort_at


def take_create(step: Step, n: int, group_pass: bytes, own_ref: bytes) -> None:
    """A pass and a reference arrived for a new group. Raises Malformed."""
    if len(own_ref) != DELIVERY_REF_BYTES:
        raise error("malformed", "delivery reference")
    item = outbox.find_item(step, n)
    if item is not None and item.state == "queued":
        outbox.change_item(step, n, item, group_pass=group_pass, own_ref=own_ref)


def take_claim(step: Step, want: WantClaim, answer: ClaimedKeyPackages) -> bool:
    """Packages arrived; the engine checks them when they are used. False: the device has none yet, ask again later.

    A device just linked publishes its packages after it was approved. The next claim takes another id, since the
    answer to this one is fixed for 24 hours. Raises Malformed for what would not fit into a commit's frame.
    """
    _check_answer(want, answer)
    item = outbox.find_item(step, want.n)
    if item is None or want.account in item.claimed:
        return True
    # A server that came back from a backup may still have devices that ended since, and nobody may add those.
    newer = accounts.known(step, want.account)
    ours = None if newer.list_seq <= answer.list_seq else {device for device, _ in newer.devices}
    claims = tuple(
        Claimed(want.account, c.device_id, bytes(c.key_package), bytes(c.deliver_to), c.last_resort)
        for c in answer.clients
        if (want.devices is None or c.device_id in want.devices) and (ours is None or c.device_id in ours)
    )
    if item.state != "queued":
        _keep(step, want, item, claims)
        return True
    if answer.lists and want.account != step.profile.account_id:
        accounts.learn_chain(step, want.account, [bytes(data) for data in answer.lists])
    known = accounts.known(step, want.account)
    if answer.list_seq > known.list_seq:
        accounts.change(step, want.account, wanted_seq=answer.list_seq)
    if not claims:
        own = want.account == step.profile.account_id
        if step.now - item.at > (outbox.DAY_MS if own else PATIENCE_MS):
            if _part(step, want, item) or missing.go_without(step, want.n, item, want.account):
                return True
            outbox.fail(step, want.n, item, "not-allowed")
            return True
        if own and step.now - item.at > ABSENT_MS:
            return _go_without(step, want, item)
        outbox.change_item(step, want.n, item, claim_id=step.rng(16))
        return False
    if not groups.keep_suite(step, item.gid, claims):
        return True  # everything is claimed anew, in the suite that all of them are able to use
    _take(step, want, item, claims)
    return True


def _keep(step: Step, want: WantClaim, item: Item, claims: tuple[Claimed, ...]) -> None:
    """A successor that failed by somebody else meanwhile is tried again, with what each one's claim brought."""
    if item.state == "failed" and claims and step.chat(item.gid).forebear:
        outbox.change_item(step, want.n, item, claims=(*item.claims, *claims), claimed=(*item.claimed, want.account))


def _take(step: Step, want: WantClaim, item: Item, claims: tuple[Claimed, ...]) -> None:
    """Keep what one account's claim brought; own devices that are missing in it come in later, each by itself."""
    taken = outbox.change_item(
        step, want.n, item, claims=(*item.claims, *claims), claimed=(*item.claimed, want.account)
    )
    if item.intent is None or item.intent.op != "add":
        return
    missing.tell_lists(step, want.n, taken, want.account)
    if want.devices is None:
        return
    for device in sorted(set(want.devices) - {claim.device for claim in claims}):
        outbox.submit_intent(step, item.gid, Intent("add-device", account=want.account, devices=(device,)))


def _go_without(step: Step, want: WantClaim, item: Item) -> bool:
    """An approved device that never came to life must not keep chats from beginning and texts from going out."""
    if item.intent is not None and item.intent.op == "add":
        _take(step, want, item, ())
        return True
    outbox.change_item(step, want.n, item, claim_id=step.rng(16), absent=True)
    return False


def _part(step: Step, want: WantClaim, item: Item) -> bool:
    """One account of many that has no packages of a large group's suite keeps nobody else out: it waits by itself.

    Not in a successor, which nobody follows that somebody is missing in.
    """
    intent, chat = item.intent, step.chat(item.gid)
    if intent is None or len(intent.accounts) < 2 or chat.suite == SUITE_XWING or chat.forebear:
        return False
    others = tuple(account for account in intent.accounts if account != want.account)
    outbox.change_item(step, want.n, item, intent=msgspec.structs.replace(intent, accounts=others))
    outbox.submit_intent(step, item.gid, Intent("add", accounts=(want.account,)))
    return True


def _check_answer(want: WantClaim, answer: ClaimedKeyPackages) -> None:
    if any(client.suite not in want.suites for client in answer.clients):
        raise error("malformed", "key package of a suite that was not asked for")
    if len({client.device_id for client in answer.clients}) != len(answer.clients):
        raise error("malformed", "two key packages of one device")
    fits = all(
        len(client.deliver_to) == DELIVERY_REF_BYTES and len(client.key_package) <= KEY_PACKAGE_BYTES
        for client in answer.clients
    )
    if len(answer.clients) > ACCOUNT_DEVICES or not fits:
        raise error("malformed", "claimed package")


def take_lists(step: Step, want: WantLists, lists: Sequence[bytes]) -> None:
    """The chain of an account arrived. Raises what `accounts.learn_chain` raises."""
    account = accounts.learn_chain(step, want.account, lists)
    accounts.change(step, want.account, wanted_seq=account.list_seq)
    readd.bring_back(step, account)


def lists_lost(step: Step, lists: Sequence[bytes]) -> list[bytes]:
    """What follows in our own chain on the server's; none where that is another one, which is an alarm, or as long.

    Raises what `accounts.learn_chain` raises.
    """
    accounts.learn_chain(step, step.profile.account_id, lists)
    return ownlists.lost(step, lists)


def take_refusal(step: Step, want: Want, code: str) -> None:
    """The server refuses what an item needs, so the item fails; a list we may not read is not asked for again."""
    if isinstance(want, WantLists):
        accounts.change(step, want.account, wanted_seq=0)
    elif isinstance(want, WantOwnLists):
        # Another device of ours may have been faster: then its lists are looked at again.
        step.change_session(list_lost=code == "stale-list")
    elif isinstance(want, WantBackup | WantForget):
        backup.note_problem(step, code)
    elif isinstance(want, WantCreate | WantClaim):
        item = outbox.find_item(step, want.n)
        if item is None or item.state != "queued":
            return
        if isinstance(want, WantClaim):
            _refuse_claim(step, want, item, code)
        else:
            outbox.fail(step, want.n, item, code)
    elif isinstance(want, doors.WantRef):
        pass  # asked for again, later: the person's yes stands
    elif isinstance(want, doors.WantMind):
        doors.take_done(step, want)


def _refuse_claim(step: Step, want: WantClaim, item: Item, code: str) -> None:
    """A contact token that ended is no end: a newer one may have come meanwhile, and for a chat of two one can ask."""
    chat = step.chat(item.gid)
    if chat.request == "outgoing":
        requests.refuse(step, item.gid, code)
    elif want.token and want.token != accounts.known(step, want.account).contact_token:
        pass  # the claim is made again with the token of now
    elif want.token and code == "not-allowed" and requests.may_ask_instead(chat, want.account):
        requests.ask_instead(step, chat)
    elif not missing.go_without(step, want.n, item, want.account):
        outbox.fail(step, want.n, item, code)
        asking.note_refused(step, item.gid)
