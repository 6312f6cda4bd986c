"""An account taken up again by its key: what the next list must be, and who gets no token for it."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.auth.conftest import PREFIX, World, caller_of, register
from tests.engine.edwards import BaseKey
from tests.server.people import Person

from zajil.auth import lists, login, store
from zajil.auth.context import Auth
from zajil.auth.recovery import restoring
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity.objects import Kind, Login, hash_object, sign_object
from zajil.protocol.ids import DeviceId


async def restore(auth: Auth, device_list: bytes, signed_login: bytes) -> str:
    try:
        issued = await restoring.restore(auth, device_list=device_list, login=signed_login, prefix=PREFIX)
    except ZajilError as reason:
        return reason.code
    return "ok" if await login.check_device(auth, issued.token) else ""


def take_up(person: Person) -> tuple[bytes, bytes]:
    """The list with a new device alone, and its login."""
    device = max(person.devices) + 1
    person.devices[device] = Ed25519PrivateKey.generate()
    longer = person.next_list(devices=[device])
    return longer, person.login(hash_object(longer), device=device)


async def test_a_lost_account_is_taken_up_without_a_gate_and_the_old_device_ends(auth: Auth, world: World) -> None:
    gated = dataclasses.replace(auth, registration="invite")
    person = Person()
    token = await register(auth, person)
    old = await login.check_device(auth, token)
    assert await restore(gated, *take_up(person)) == "ok"
    found = await lists.find_devices(auth, person.account_id)
    assert found is not None
    assert [row.device_id for row in found.devices] == [2]
    assert [row.device_id for row in world.dropped] == [1]
    assert old.mailbox_id not in world.mailboxes
    with pytest.raises(ZajilError, match="token-expired"):
        await login.check_device(auth, token)


async def test_the_same_again_is_told_to_log_in(auth: Auth) -> None:
    person = Person()
    await register(auth, person)
    taken = take_up(person)
    assert [await restore(auth, *taken), await restore(auth, *taken)] == ["ok", "account-exists"]


async def test_nobody_without_the_account_key_takes_an_account(auth: Auth) -> None:
    person, thief, unknown = Person(), Person(), Person()
    await register(auth, person)
    first = hash_object(person.lists[0])
    person.devices[2] = thief.devices[1]
    forged = person.make_list(seq=2, prev=first, devices=[2], signer=thief.seed)
    assert await restore(auth, forged, person.login(hash_object(forged), device=2)) == "bad-signature"
    assert await restore(auth, *take_up(unknown)) == "bad-signature", "an account that is not here looks alike"
    assert (await lists.newest(auth, person.account_id)) is not None
    assert await auth.db.read(lambda db: store.newest_seq(db, person.account_id)) == 1


async def test_the_login_is_of_a_new_device_for_this_list_and_server(auth: Auth) -> None:
    person = Person()
    await register(auth, person)
    longer, signed = take_up(person)
    assert await restore(auth, longer, person.login(bytes(32), device=2)) == "bad-challenge"
    elsewhere = person.login(hash_object(longer), device=2, server_name="elsewhere.example")
    assert await restore(auth, longer, elsewhere) == "bad-challenge"
    both = person.make_list(seq=2, prev=hash_object(person.lists[0]), devices=[1, 2])
    assert await restore(auth, both, person.login(hash_object(both), device=1)) == "bad-signature"
    assert await restore(auth, longer, signed) == "ok"


async def test_old_forked_and_last_lists_are_refused(auth: Auth) -> None:
    person = Person()
    caller = await caller_of(auth, person)
    first = person.lists[0]
    await lists.put_list(auth, caller, person.next_list())
    person.devices[2] = Ed25519PrivateKey.generate()
    fork = person.make_list(seq=2, prev=hash_object(first), devices=[2])
    assert await restore(auth, fork, person.login(hash_object(fork), device=2)) == "stale-list"
    await lists.put_list(auth, caller, person.next_list(devices=[]))
    after = person.next_list(devices=[2])
    assert await restore(auth, after, person.login(hash_object(after), device=2)) == "malformed"


async def test_a_suspended_account_is_not_taken_up(auth: Auth) -> None:
    person = Person()
    await register(auth, person)
    await auth.db.write(lambda db: login.suspend(db, person.account_id, until=0, statement=b""))
    assert await restore(auth, *take_up(person)) == "suspended"


async def by_key(
    auth: Auth,
    person: Person,
    *,
    signer: Ed25519PrivateKey | BaseKey | None = None,
    nonce: bytes = b"",
    device: int = 0,
    server_name: str = "",
) -> list[bytes] | str:
    """The lists that a login of device 0 by the account key gets, or the code of the refusal."""
    asked = nonce or login.challenge(auth, account_id=person.account_id, device_id=DeviceId(0))
    said = Login(server_name or auth.server_name, asked, person.account_id, DeviceId(device))
    signed = sign_object(Kind.LOGIN, said.encode(), signer or person.seed)
    try:
        return await restoring.read_lists(auth, signed, first=1, prefix=PREFIX)
    except ZajilError as reason:
        return reason.code


async def test_whoever_has_the_account_key_reads_its_lists_without_a_device_or_a_token(auth: Auth) -> None:
    person = Person()
    await register(auth, person)
    assert await by_key(auth, person) == person.lists


async def test_nobody_else_reads_them_and_an_unknown_account_looks_alike(auth: Auth) -> None:
    person, thief, unknown = Person(), Person(), Person()
    await register(auth, person)
    refusals = [
        await by_key(auth, person, signer=thief.seed),
        await by_key(auth, person, signer=person.devices[1]),
        await by_key(auth, unknown),
        await by_key(auth, person, nonce=bytes(32)),
        await by_key(auth, person, device=1),
        await by_key(auth, person, server_name="elsewhere.example"),
        await by_key(auth, person, nonce=login.challenge(auth, account_id=person.account_id, device_id=DeviceId(1))),
    ]
    assert refusals == ["bad-challenge"] * 7
    by_base_point = [await by_key(auth, who, signer=BaseKey()) for who in (person, unknown)]
    assert by_base_point == ["bad-challenge"] * 2, "or anybody could ask which accounts there are"
    once = login.challenge(auth, account_id=person.account_id, device_id=DeviceId(0))
    assert await by_key(auth, person, nonce=once) == person.lists
    assert await by_key(auth, person, nonce=once) == "bad-challenge"


async def test_a_login_by_the_account_key_opens_no_session(auth: Auth) -> None:
    person = Person()
    await register(auth, person)
    nonce = login.challenge(auth, account_id=person.account_id, device_id=DeviceId(0))
    said = Login(auth.server_name, nonce, person.account_id, DeviceId(0))
    signed = sign_object(Kind.LOGIN, said.encode(), person.seed)
    with pytest.raises(ZajilError, match="bad-challenge"):
        await login.log_in(auth, signed, prefix=PREFIX)


async def test_the_key_of_an_account_that_ended_or_is_suspended_reads_nothing(auth: Auth) -> None:
    person, other = Person(), Person()
    await lists.put_list(auth, await caller_of(auth, person), person.next_list(devices=[]))
    await register(auth, other)
    await auth.db.write(lambda db: login.suspend(db, other.account_id, until=0, statement=b""))
    assert [await by_key(auth, person), await by_key(auth, other)] == ["not-allowed", "suspended"]


async def test_a_restored_server_takes_all_lists_it_lost_from_a_device_it_does_not_know(
    auth: Auth, world: World
) -> None:
    """It holds list 1. The owner ended device 1 in list 2 and put device 2 on it, and device 3 on list 3."""
    person = Person()
    token = await register(auth, person)
    first = hash_object(person.lists[0])
    person.devices |= {2: Ed25519PrivateKey.generate(), 3: Ed25519PrivateKey.generate()}
    second, third = person.next_list(devices=[2]), person.next_list(devices=[2, 3])
    signed = person.login(hash_object(third), device=3)

    async def bring(*between: bytes, newest: bytes = third, by: bytes = signed) -> str:
        try:
            issued = await restoring.restore(auth, device_list=newest, login=by, prefix=PREFIX, between=between)
        except ZajilError as reason:
            return reason.code
        return f"device {(await login.check_device(auth, issued.token)).device_id}"

    fork = person.make_list(seq=2, prev=first, devices=[1, 2])
    foreign = person.make_list(seq=2, prev=first, devices=[2], signer=Person().seed)
    assert await bring() == "stale-list"
    assert await bring(fork) == "stale-list", "not the one that the next list follows"
    assert await bring(foreign) == "bad-signature"
    assert await bring(second, by=person.login(hash_object(second), device=2)) == "bad-challenge"
    assert await bring(second, by=person.login(hash_object(third), device=1)) == "bad-signature"
    assert await bring(second, by=person.login(bytes(32), device=3)) == "bad-challenge"
    assert (await login.check_device(auth, token)).device_id == 1, "nothing of all that counted"
    assert await bring(second) == "device 3"
    assert [row.device_id for row in world.dropped] == [1]
    with pytest.raises(ZajilError, match="token-expired"):
        await login.check_device(auth, token)
    assert await lists.fetch_lists(auth, person.account_id, first=1) == person.lists
    assert await bring(second) == "account-exists", "it logs in by now"
    assert world.firsts == [1, *[int(world.now) << 20] * 2], "what they have read elsewhere is below"
