"""Registration: a new account with its first device (service.md 2)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.client.core import chats
from zajil.client.core.core import Core
from zajil.client.shell.calls import Calls
from zajil.client.shell.chains import make_login
from zajil.client.shell.gate.working import ATTEMPTS, OnWork, solve_challenge, tell_nobody
from zajil.client.shell.login import Tokens
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Profile
from zajil.client.storage.keyfile import Keys, has_keys, make_keys, read_keys, write_keys
from zajil.client.storage.store import FILE, Store, Tx
from zajil.protocol import control
from zajil.protocol.errors import Conflict, Refused, error
from zajil.protocol.identity import objects
from zajil.protocol.identity.objects import DeviceCertificate, DeviceList, DeviceListEntry, Kind
from zajil.protocol.ids import DeviceId, encode_b64

Also = Callable[[Tx], None]
"""Writes what else a home is to hold."""
Learn = Callable[[], Awaitable[Also]]
"""Asks the server what a home is to hold of it."""


def now_ms() -> int:
    """Unix milliseconds of this machine's clock."""
    return time.time_ns() // 1_000_000


def ticks_ms() -> int:
    """Milliseconds of a clock that nobody sets."""
    return time.monotonic_ns() // 1_000_000


async def learn_nothing() -> Also:
    """For a home that holds nothing else."""
    return lambda _: None


def prepare_home(home: Path) -> Keys:
    """Fresh keys in an empty home, or those of a registration that was cut short. Raises `home-exists`."""
    if has_keys(home):
        keys = read_keys(home)
        with_profile = find_profile(home, keys)
        if with_profile is not None and with_profile.registered:
            raise error("home-exists")
        return keys
    discard_store(home)
    keys = make_keys(token_bytes)
    write_keys(home, keys)
    return keys


def discard_store(home: Path) -> None:
    """Remove a database without its keys, left by an attempt that was cut short: nobody can read it."""
    for name in (FILE, f"{FILE}-wal", f"{FILE}-shm"):
        (home / name).unlink(missing_ok=True)


def find_profile(home: Path, keys: Keys) -> Profile | None:
    """The profile in a home, None before one was stored."""
    store = Store(home, keys.store_key)
    try:
        with store.look() as tx:
            data = tx.find("meta", b"profile")
            return None if data is None else rows.parse_row(data, Profile)
    finally:
        store.close()


def account_key(keys: Keys) -> Ed25519PrivateKey:
    """The private key of the account."""
    return Ed25519PrivateKey.from_private_bytes(keys.account_seed)


def public_bytes(seed: bytes) -> bytes:
    """The 32-byte Ed25519 public key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def first_profile(keys: Keys, *, name: str, server: str, server_name: str, now: int) -> Profile:
    """Device 1 of a new account, not yet registered."""
    account_pub = public_bytes(keys.account_seed)
    account_id = objects.account_id_of(account_pub)
    certificate = DeviceCertificate(
        account_id, account_pub, DeviceId(1), public_bytes(keys.device_seed), 1, now // 1000
    )
    signed = objects.sign_object(Kind.CERTIFICATE, certificate.encode(), account_key(keys))
    return Profile(
        account_id,
        account_pub,
        1,
        public_bytes(keys.device_seed),
        signed,
        name,
        server,
        server_name,
        token_bytes(32),
        registered_at=now,
    )


async def register(
    home: Path,
    calls: Calls,
    *,
    server: str,
    name: str,
    invite: str | None,
    learn: Learn = learn_nothing,
    on_work: OnWork = tell_nobody,
) -> None:
    """Make the account at the server and its self group in the store. Raises the server's refusal, `work-unfinished`.

    on_work: how far the work is, where the server asks for some. learn: called before the account is made; what it
    answers writes then, and again after.
    """
    chats.check_name(name)
    keys = prepare_home(home)
    config = await calls.call(control.CONFIG, control.Config)
    keep = await learn()
    store = Store(home, keys.store_key)
    try:
        now = now_ms()
        profile = first_profile(keys, name=name, server=server, server_name=config.server_name, now=now)
        with store.step("profile", now, token_bytes) as tx:
            rows.save_profile(tx, profile)
            keep(tx)
        core = Core(store, keys, now=now_ms, rng=token_bytes)
        token, expires = await _create_account(core, calls, keys, profile, _Gate(config, invite, on_work))
        with core.step("token") as step:
            step.change_session(token=token, token_expires=expires)
        await publish_profile_token(core, calls)
        with core.step("registered") as step:
            chats.open_self_chat(step)
            rows.save_profile(step.tx, rows.changed(profile, registered=True))
            keep(step.tx)
    finally:
        store.close()


class _Gate(NamedTuple):
    """What the server asks of newcomers, and what this one has for it."""

    config: control.Config
    invite: str | None
    on_work: OnWork


async def _create_account(core: Core, calls: Calls, keys: Keys, profile: Profile, gate: _Gate) -> tuple[str, int]:
    """Token and expiry. An account that exists already was made by us before a crash: then we log in."""
    now = core.now() // 1000
    entry = DeviceListEntry(DeviceId(1), profile.device_pub, now)
    first = DeviceList(
        objects.account_id_of(profile.account_pub), 1, objects.NO_LIST, profile.account_pub, (entry,), now
    )
    with core.look() as step:
        # A registration that was cut short may have reached the server: another first list would fork the account.
        stored = accounts.known(step, profile.account_id).list_object
    signed = stored or objects.sign_object(Kind.DEVICE_LIST, first.encode(), account_key(keys))
    login = make_login(profile, keys.device_seed, nonce=hashlib.sha256(signed).digest())
    request = control.CreateAccount(control.Blob(signed), control.Blob(login), control.Gate(gate.invite))
    with core.step("own-list") as step:
        accounts.keep_list(step, objects.open_list(signed))
        accounts.change(step, profile.account_id, name=profile.name)
    try:
        session = await _pass_gate(calls, request, gate)
    except Conflict as problem:
        if problem.code != "account-exists":
            raise
        token = await Tokens(core, calls).token()
        with core.look() as step:
            return token, step.session().token_expires
    return encode_b64(session.token), session.expires


async def _pass_gate(calls: Calls, request: control.CreateAccount, gate: _Gate) -> control.Session:
    """Ask without work where an invite may do, then with it; again where the server asks for more meanwhile."""
    config = gate.config
    # Nobody works for nothing: `both` refuses whoever has no code, and a code opens `work` alone.
    works = config.registration == ("work" if gate.invite is None else "both")
    for left in reversed(range(ATTEMPTS + 1)):
        if works:
            proof = await solve_challenge(config.altcha, gate.on_work)
            request = msgspec.structs.replace(request, gate=control.Gate(gate.invite, proof))
        try:
            return await calls.call(control.CREATE_ACCOUNT, control.Session, request=request)
        except Refused as problem:
            if problem.code != "work-required" or left == 0:
                raise
        works = True
        config = await calls.call(control.CONFIG, control.Config)
    raise error("work-required")


async def publish_profile_token(core: Core, calls: Calls) -> None:
    """Let people who have our profile fetch our lists and claim packages."""
    with core.look() as step:
        token = step.profile.profile_token
    await calls.call(
        control.PUT_CONTACT_TOKEN,
        control.Empty,
        request=control.PutContactToken("profile"),
        auth=await Tokens(core, calls).auth(),
        hash=encode_b64(hashlib.sha256(token).digest()),
    )
