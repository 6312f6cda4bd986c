"""A second device by link code, both ends (service.md 2, Device linking)."""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections.abc import Awaitable, Callable
from pathlib import Path
from secrets import token_bytes
from typing import TypeAlias

from zajil.client.core import chats, readd
from zajil.client.core.core import Core
from zajil.client.core.talk.places import is_listed
from zajil.client.history.handing import await_parts
from zajil.client.shell import enrol
from zajil.client.shell.calls import Calls
from zajil.client.shell.chains import fetch_chain
from zajil.client.shell.login import Tokens
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Asking, Chat, Profile
from zajil.client.storage.keyfile import Keys, has_keys, make_keys, write_keys
from zajil.client.storage.store import Store
from zajil.client.views import LinkedDevice, LinkPreview
from zajil.mls import XWING, MlsError
from zajil.mls.primitives import hpke
from zajil.protocol import control
from zajil.protocol.chat.extensions import ChatKind
from zajil.protocol.chat.parts import SyncContact, SyncGroup
from zajil.protocol.errors import Conflict, Refused, Unreachable, ZajilError, error
from zajil.protocol.identity import linking, objects
from zajil.protocol.identity.linking import Answer, ArchivePart, Offer
from zajil.protocol.identity.links import LinkCode, encode_link_code, parse_link_code
from zajil.protocol.identity.objects import DeviceCertificate, DeviceList, DeviceListEntry, Kind, Role
from zajil.protocol.ids import AccountId, DeviceId, GroupId, encode_b64
from zajil.protocol.limits import ACCOUNT_DEVICES

WAIT_S = 120.0
POLL_S = 0.5
# Another device of ours may be faster; a server that calls every list stale is given up.
LIST_TRIES = 4
ANNOUNCE_S = 45.0


Announce: TypeAlias = Callable[[], Awaitable[tuple[ArchivePart, ...] | None]]
"""Where an archive of the history will be; None for none."""


async def announce_nothing() -> None:
    """No history goes along."""


async def link_new(
    home: Path,
    calls: Calls,
    *,
    server: str,
    on_code: Callable[[str], None],
    on_emoji: Callable[[str], None] | None,
    wait_s: float = WAIT_S,
    learn: enrol.Learn = enrol.learn_nothing,
) -> None:
    """Show a code and wait for the answer of an old device; then this home is a device of that account.

    learn: what it answers writes what else the home is to hold.

    Raises `home-exists`, `link-expired` when nobody approved in time, `link-mismatch`, Malformed for a wrong answer.
    """
    if has_keys(home):
        raise error("home-exists")
    config = await calls.call(control.CONFIG, control.Config)
    keep = await learn()
    private, public = hpke.generate_key_pair(XWING, token_bytes)
    device_seed, addr, secret = token_bytes(32), token_bytes(16), token_bytes(16)
    offer = Offer(public, enrol.public_bytes(device_seed), platform.node()[:64] or "device", platform.system()).encode()
    await calls.call(control.PUT_LINK_OFFER, control.Empty, request=offer, addr=encode_b64(addr))
    code = LinkCode(config.server_name, addr, linking.hash_offer(offer), secret, server)
    if on_emoji is not None:
        on_emoji(" ".join(linking.emoji_of(offer)))
    on_code(encode_link_code(code))
    sealed = await _await_answer(calls, addr, wait_s)
    try:
        plain = hpke.open_sealed(
            XWING,
            private,
            enc=sealed[: XWING.enc_bytes],
            info=linking.hpke_info(addr),
            ciphertext=sealed[XWING.enc_bytes :],
        )
    except MlsError:
        raise error("link-mismatch") from None
    answer = Answer.parse(plain, secret=secret)
    profile = _check_answer(answer, device_seed=device_seed, server=server, server_name=config.server_name)
    await _settle(home, calls, answer, profile=profile, device_seed=device_seed, keep=keep)


async def _await_answer(calls: Calls, addr: bytes, wait_s: float) -> bytes:
    try:
        async with asyncio.timeout(wait_s):
            while True:
                try:
                    return await calls.call(control.LINK_ANSWER, bytes, addr=encode_b64(addr))
                except Refused as problem:
                    if problem.code != "gone":
                        raise
                except Unreachable:
                    pass  # the answer lies there a while: what a bad line loses is asked for again
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise error("link-expired") from None


def _check_answer(answer: Answer, *, device_seed: bytes, server: str, server_name: str) -> Profile:
    """The profile of this device, once everything the answer says is verified. Raises `link-mismatch`."""
    certificate = objects.open_certificate(answer.certificate)
    newest = objects.open_chain(answer.lists, account_id=certificate.account_id)
    entry = newest.list.find_device(certificate.device_id)
    device_pub = enrol.public_bytes(device_seed)
    if answer.seed is None or enrol.public_bytes(answer.seed) != newest.list.account_pub:
        raise error("link-mismatch")
    if entry is None or entry.sig_pub != device_pub or certificate.sig_pub != device_pub:
        raise error("link-mismatch")
    if certificate.account_pub != newest.list.account_pub or answer.contact_token is None:
        raise error("link-mismatch")
    return Profile(
        certificate.account_id,
        certificate.account_pub,
        certificate.device_id,
        device_pub,
        answer.certificate,
        answer.name,
        server,
        server_name,
        answer.contact_token,
        registered=True,
        registered_at=enrol.now_ms(),
    )


async def _settle(
    home: Path, calls: Calls, answer: Answer, *, profile: Profile, device_seed: bytes, keep: enrol.Also
) -> None:
    """Store what the answer brought, and log in."""
    base = make_keys(token_bytes, account_seed=answer.seed)
    keys = Keys(base.version, base.store_key, device_seed, base.account_seed, 0)
    enrol.discard_store(home)
    store = Store(home, keys.store_key)
    try:
        with store.step("profile", enrol.now_ms(), token_bytes) as tx:
            rows.save_profile(tx, profile)
            keep(tx)
        core = Core(store, keys, now=enrol.now_ms, rng=token_bytes)
        with core.step("linked") as step:
            accounts.learn_chain(step, profile.account_id, answer.lists)
            accounts.change(step, profile.account_id, name=answer.name)
            for contact in answer.contacts:
                accounts.learn_introduction(step, contact.account_id, contact.name, contact.contact_token)
                accounts.change(step, contact.account_id, contact=True)
            await_parts(step.tx, answer.archive, now=step.now)
            for group in answer.groups:
                wait = Asking(-1, "linked", (), step.now + readd.LINKED_PATIENCE_MS)
                chat = Chat(group.gid, int(group.kind), group.name, "await", activity=group.last_activity, asking=wait)
                rows.save_chat(step.tx, chat)
        # Approved it is, whether or not the line holds: a login that only did not come through is made later.
        with contextlib.suppress(Unreachable):
            await Tokens(core, calls).token()
        write_keys(home, keys)
    finally:
        store.close()


async def _fetch_offer(calls: Calls, text: str, server_name: str) -> tuple[LinkCode, bytes, Offer]:
    code = parse_link_code(text)
    if code.server_name != server_name:
        raise error("bad-link", "another server")
    try:
        data = await calls.call(control.LINK_OFFER, bytes, addr=encode_b64(code.addr))
    except Refused as problem:
        if problem.code == "gone":
            raise error("link-expired") from None
        raise
    return code, data, linking.open_offer(data, offer_hash=code.offer_hash)


async def preview(core: Core, calls: Calls, text: str) -> LinkPreview:
    """What the device behind a code says of itself. Raises `bad-link`, `link-expired`, `link-mismatch`."""
    with core.look() as step:
        server_name = step.profile.server_name
    _, data, offer = await _fetch_offer(calls, text, server_name)
    return LinkPreview(offer.name, offer.platform, " ".join(linking.emoji_of(data)))


async def approve(
    core: Core, calls: Calls, tokens: Tokens, text: str, *, announce: Announce = announce_nothing
) -> LinkedDevice:
    """Enrol the device behind a code: list, certificate, answer, and its Add in every chat.

    announce: what it answers names the history in the answer; where it fails, the device is linked without.
    """
    with core.look() as step:
        server_name = step.profile.server_name
    code, _, offer = await _fetch_offer(calls, text, server_name)
    for tries_left in reversed(range(LIST_TRIES)):
        try:
            device = await _extend_list(core, calls, tokens, offer)
            break
        except Conflict as problem:
            if problem.code != "stale-list" or not tries_left:
                raise
    archive = await _announced(announce)
    answer = await _answer(core, calls, tokens, device, offer, code, archive or ())
    enc, sealed = hpke.seal(
        XWING, offer.hpke_pub, info=linking.hpke_info(code.addr), plaintext=answer.encode(), rng=token_bytes
    )
    await calls.call(control.PUT_LINK_ANSWER, control.Empty, request=enc + sealed, addr=encode_b64(code.addr))
    with core.step("add-own-device") as step:
        chats.add_own_device(step, device)
        step.event("device-linked")
    return LinkedDevice(device, offer.name, offer.platform, history=archive is not None)


async def _announced(announce: Announce) -> tuple[ArchivePart, ...] | None:
    """Where the history will be; None where it goes not along: an offer does not live long enough for a bad line."""
    try:
        async with asyncio.timeout(ANNOUNCE_S):
            return await announce()
    except (ZajilError, TimeoutError, OSError):
        return None


async def fetch_own_lists(core: Core, calls: Calls, tokens: Tokens) -> list[bytes]:
    """The own account's signed lists, oldest first; the caller verifies them."""
    with core.look() as step:
        account = AccountId(step.profile.account_id)
    return await fetch_chain(calls, account, auth=await tokens.auth())


async def _extend_list(core: Core, calls: Calls, tokens: Tokens, offer: Offer) -> int:
    """Put the next device list with the new device; its id. Raises Conflict `stale-list`: build on the newest."""
    lists = await fetch_own_lists(core, calls, tokens)
    with core.look() as step:
        account = AccountId(step.profile.account_id)
        now = step.now // 1000
    newest = objects.open_chain(lists, account_id=account)
    with core.step("own-list") as step:
        # Built on a chain behind the one we know, the next list would be a fork signed by ourselves.
        if accounts.learn_chain(step, account, lists).list_object != newest.object:
            raise error("stale-list", "the server's chain is not ours")
    listed = next((d for d in newest.list.devices if d.sig_pub == offer.sig_pub), None)
    if listed is not None:
        return listed.device_id
    if len(newest.list.devices) >= ACCOUNT_DEVICES:
        raise error("not-permitted", "eight devices")
    ids = [d.device_id for data in lists for d in DeviceList.parse(objects.parse_object(data).payload).devices]
    device = DeviceId(max(ids) + 1)
    devices = (*newest.list.devices, DeviceListEntry(device, offer.sig_pub, now, Role.FULL))
    longer = DeviceList(account, newest.list.seq + 1, newest.hash, newest.list.account_pub, devices, now)
    signed = objects.sign_object(Kind.DEVICE_LIST, longer.encode(), enrol.account_key(core.keys))
    await calls.call(
        control.PUT_DEVICE_LIST,
        control.Empty,
        request=control.PutDeviceList(control.Blob(signed)),
        auth=await tokens.auth(),
    )
    with core.step("own-list") as step:
        accounts.learn_chain(step, account, [*lists, signed])
    return device


async def _answer(
    core: Core,
    calls: Calls,
    tokens: Tokens,
    device: int,
    offer: Offer,
    code: LinkCode,
    archive: tuple[ArchivePart, ...] = (),
) -> Answer:
    """Everything the new device needs to begin."""
    lists = await fetch_own_lists(core, calls, tokens)
    with core.look() as step:
        profile = step.profile
        known = rows.all_accounts(step.tx)
        mine = rows.all_chats(step.tx)
    newest = objects.open_chain(lists, account_id=AccountId(profile.account_id))
    certificate = DeviceCertificate(
        AccountId(profile.account_id),
        newest.list.account_pub,
        DeviceId(device),
        offer.sig_pub,
        newest.list.seq,
        core.now() // 1000,
    )
    return Answer(
        certificate=objects.sign_object(Kind.CERTIFICATE, certificate.encode(), enrol.account_key(core.keys)),
        lists=tuple(lists),
        seed=core.keys.account_seed,
        contacts=tuple(
            SyncContact(AccountId(a.account_id), a.name, a.contact_token or None) for a in known if a.contact
        ),
        groups=tuple(
            SyncGroup(GroupId(c.gid), ChatKind(c.kind), c.title, c.activity)
            for c in mine
            if c.status in ("active", "creating") and is_listed(c)
        ),
        secret=code.secret,
        name=profile.name,
        contact_token=profile.profile_token,
        archive=archive,
    )
