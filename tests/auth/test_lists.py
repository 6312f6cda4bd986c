"""Device lists: the chain, what the server refuses of it, and what a revocation takes along."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select
from tests.auth.conftest import World, caller_of
from tests.server.people import Person, public

from zajil.auth import contacts, lists, login, retention, store
from zajil.auth.context import IN_DOUBT_S, Auth, CallingDevice
from zajil.auth.secrets import digest
from zajil.auth.tables import account
from zajil.engine.limits import Limits
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.identity.objects import DeviceList, DeviceListEntry, Kind, hash_object, open_chain, sign_object
from zajil.protocol.ids import DeviceId


async def code_of(auth: Auth, caller: CallingDevice, data: bytes) -> str:
    try:
        await lists.put_list(auth, caller, data)
    except ZajilError as reason:
        return reason.code
    return "ok"


async def test_a_second_device_joins_and_everybody_of_the_account_is_told(auth: Auth, world: World) -> None:
    person = Person()
    caller = await caller_of(auth, person)
    person.devices[2] = Ed25519PrivateKey.generate()
    assert await code_of(auth, caller, person.next_list()) == "ok"
    found = await lists.find_devices(auth, person.account_id)
    assert found is not None
    assert (found.list_seq, [row.device_id for row in found.devices]) == (2, [1, 2])
    assert world.notices == [(tuple(row.mailbox_id for row in found.devices), 2)]
    chain = await lists.fetch_lists(auth, person.account_id, first=1)
    assert open_chain(chain, account_id=person.account_id).list.seq == 2
    assert await lists.fetch_lists(auth, person.account_id, first=2) == person.lists[1:]


async def test_the_same_list_again_changes_nothing(auth: Auth, world: World) -> None:
    person = Person()
    caller = await caller_of(auth, person)
    new = person.next_list()
    assert [await code_of(auth, caller, new), await code_of(auth, caller, new)] == ["ok", "ok"]
    assert len(world.notices) == 1


async def test_rollback_fork_gap_and_foreign_lists_are_refused(auth: Auth, world: World) -> None:
    person, other = Person(), Person()
    caller = await caller_of(auth, person)
    first = person.lists[0]
    second = person.next_list()
    assert await code_of(auth, caller, second) == "ok"
    head = hash_object(second)
    assert await code_of(auth, caller, first) == "stale-list"
    assert await code_of(auth, caller, person.make_list(seq=2, prev=hash_object(first), devices=[])) == "stale-list"
    assert await code_of(auth, caller, person.make_list(seq=4, prev=head)) == "stale-list"
    assert await code_of(auth, caller, person.make_list(seq=3, prev=hash_object(first))) == "stale-list"
    assert await code_of(auth, caller, person.make_list(seq=3, prev=head, signer=other.seed)) == "bad-signature"
    assert await code_of(auth, caller, other.lists[0]) == "bad-signature"
    assert await code_of(auth, caller, b"junk") == "bad-signature"
    found = await lists.find_devices(auth, person.account_id)
    assert found is not None
    assert found.list_seq == 2
    assert len(world.mailboxes) == 1


async def test_a_device_number_is_never_used_again(auth: Auth) -> None:
    person = Person()
    caller = await caller_of(auth, person)
    person.devices[2] = Ed25519PrivateKey.generate()
    assert await code_of(auth, caller, person.next_list()) == "ok"
    assert await code_of(auth, caller, person.next_list(devices=[1])) == "ok"
    person.devices[2] = Ed25519PrivateKey.generate()
    assert await code_of(auth, caller, person.next_list()) == "malformed"


async def test_revoking_takes_token_mailbox_and_everything_else_of_the_device(auth: Auth, world: World) -> None:
    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    caller = await caller_of(auth, person)
    found = await lists.find_devices(auth, person.account_id)
    assert found is not None
    assert await code_of(auth, caller, person.next_list(devices=[1])) == "ok"
    assert [(d.device_id, d.mailbox_id) for d in world.dropped] == [(2, found.devices[1].mailbox_id)]
    assert world.mailboxes == {found.devices[0].mailbox_id}
    assert auth.db.read_sync(store.revoked_devices) == []


async def test_a_crash_between_the_list_and_the_clean_up_is_made_good(auth: Auth, world: World) -> None:
    async def crash(_device: object) -> None:
        raise RuntimeError

    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    caller = await caller_of(auth, person)
    new = person.next_list(devices=[1])
    with pytest.raises(RuntimeError):
        await lists.put_list(dataclasses.replace(auth, drop_device=crash), caller, new)
    found = await lists.find_devices(auth, person.account_id)
    assert found is not None
    assert [row.device_id for row in found.devices] == [1]
    assert not world.dropped
    await lists.finish_revocations(auth)
    assert [device.device_id for device in world.dropped] == [2]


async def test_of_two_lists_for_one_place_one_wins(auth: Auth) -> None:
    person = Person()
    caller = await caller_of(auth, person)
    prev = hash_object(person.lists[0])
    person.devices[2], person.devices[3] = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    rivals = [person.make_list(seq=2, prev=prev, devices=[1, n]) for n in (2, 3)]
    codes = await asyncio.gather(*(code_of(auth, caller, rival) for rival in rivals))
    assert sorted(codes) == ["ok", "stale-list"]


async def test_a_rotated_account_key_needs_both_signatures(auth: Auth) -> None:
    person = Person()
    caller = await caller_of(auth, person)
    new_seed = Ed25519PrivateKey.generate()
    entry = DeviceListEntry(DeviceId(1), public(person.devices[1]), 1000)
    payload = DeviceList(person.account_id, 2, hash_object(person.lists[0]), public(new_seed), (entry,), 2000).encode()
    assert await code_of(auth, caller, sign_object(Kind.DEVICE_LIST, payload, new_seed)) == "bad-signature"
    both = sign_object(Kind.DEVICE_LIST, payload, new_seed, old_signer=person.seed)
    assert await code_of(auth, caller, both) == "ok"
    again = DeviceList(person.account_id, 3, hash_object(both), public(person.seed), (entry,), 3000).encode()
    assert await code_of(auth, caller, sign_object(Kind.DEVICE_LIST, again, person.seed)) == "bad-signature"


async def test_an_empty_list_ends_the_account(auth: Auth, world: World) -> None:
    person = Person()
    caller = await caller_of(auth, person)
    token = bytes(32)
    await contacts.put_contact_token(auth, caller, token_hash=digest(token), kind="profile", uses=0, expires=0)
    assert await code_of(auth, caller, person.next_list(devices=[])) == "ok"
    assert not world.mailboxes
    assert await lists.find_devices(auth, person.account_id) is None
    with pytest.raises(ZajilError, match="not-allowed"):
        await contacts.check_contact_token(auth, token, person.account_id)
    nonce = login.challenge(auth, account_id=person.account_id, device_id=DeviceId(1))
    with pytest.raises(ZajilError, match="device-revoked"):
        await login.log_in(auth, person.login(nonce), prefix=b"")
    assert await lists.all_lists(auth, person.account_id) == person.lists[-1:], "the tombstone alone"
    assert world.forgotten == [person.account_id]

    def left(db: Connection) -> list[tuple[object, ...]]:
        return [tuple(row) for row in db.execute(select(account))]

    assert await auth.db.read(left) == [(person.account_id, store.DELETED, 0, 0, 0, 0)]


async def test_writing_lists_is_limited_per_account(auth: Auth) -> None:
    limited = dataclasses.replace(auth, limits=Limits())
    person = Person()
    caller = await caller_of(auth, person)
    codes = [await code_of(limited, caller, person.next_list()) for _ in range(11)]
    assert codes == ["ok"] * 10 + ["slow-down"]


@pytest.mark.parametrize("is_new", [True, False])
async def test_where_nobody_knows_whether_it_was_written_its_devices_keep_their_mailboxes(
    auth: Auth, world: World, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    """The server of the database went away while it said that the transaction took place."""
    person = Person()
    caller = None if is_new else await caller_of(auth, person)
    person.devices[2] = Ed25519PrivateKey.generate()
    write = auth.db.write

    async def write_and_hear_busy(work: Callable[[Connection], object]) -> None:
        await write(work)
        raise error("busy")

    with monkeypatch.context() as away:
        away.setattr(auth.db, "write", write_and_hear_busy)
        if caller is None:
            with pytest.raises(ZajilError, match="busy"):
                await caller_of(auth, person)
        else:
            assert await code_of(auth, caller, person.next_list()) == "busy"
    found = await lists.find_devices(auth, person.account_id)
    assert found is not None
    kept = {row.mailbox_id for row in found.devices}
    assert kept == world.mailboxes

    # A mailbox whose device was not written goes once that is sure.
    with monkeypatch.context() as away:
        away.setattr(auth.db, "write", _be_away)
        with pytest.raises(ZajilError, match="busy"):
            await caller_of(auth, Person())
    for after, still in ((IN_DOUBT_S - 1, 1), (1, 0)):
        world.now += after
        await retention.run_often(auth)
        assert (world.mailboxes >= kept, len(world.mailboxes - kept)) == (True, still)
    assert not auth.in_doubt


async def test_whoever_asks_again_for_a_revocation_has_it_finished(
    auth: Auth, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person()
    caller = await caller_of(auth, person)
    person.devices[2] = Ed25519PrivateKey.generate()
    assert await code_of(auth, caller, person.next_list()) == "ok"
    revoking = person.next_list(devices=[1])
    with monkeypatch.context() as away:
        away.setattr(store, "revoked_devices", _say_busy)
        assert await code_of(auth, caller, revoking) == "busy"
    assert world.dropped == []
    assert await code_of(auth, caller, revoking) == "ok"
    assert [device.device_id for device in world.dropped] == [2]


async def _be_away(*_asked: object) -> None:
    raise error("busy")


def _say_busy(*_asked: object) -> None:
    raise error("busy")
