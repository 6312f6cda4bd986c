"""Restoring against a bad line and a hostile operator, and a backup whose version others moved on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.client.people import link, register
from tests.client.serving import Served
from tests.client.test_attacks_lists import Wire

from zajil.client import Client
from zajil.client.core.kept import backup
from zajil.client.shell import chains, enrol, linking, restoring
from zajil.client.shell.calls import Calls
from zajil.client.shell.device import Device
from zajil.client.shell.errands import Errands
from zajil.client.state import accounts
from zajil.client.state.recovery import change_recovery, load_recovery
from zajil.protocol import control
from zajil.protocol.backups.wire import DeleteBackup, StoredBackup
from zajil.protocol.errors import Unreachable, ZajilError, error
from zajil.protocol.identity import objects, recovery
from zajil.protocol.identity.objects import DeviceList
from zajil.protocol.ids import B32, B64, AccountId, Blob, encode_b64, parse_b64
from zajil.transports.base import Answer

pytestmark = pytest.mark.slow


async def lost(homes: Path, url: str, *, devices: int = 1) -> bytes:
    """The recovery key of an account whose devices nobody has any more."""
    amal = await register(homes, "Amal", url)
    if devices > 1:
        await (await link(homes, "laptop", amal, url)).close()
    key = amal.show_recovery_key()
    await amal.sync()
    await amal.close()
    return recovery.parse_key(key)


async def restore(wire: Wire, home: Path, url: str, key: bytes) -> str:
    calls = Calls(wire)
    try:
        await restoring.restore(home, calls, backups=calls, server=url, key=key, keep_devices=False)
    except ZajilError as problem:
        return problem.code
    return "ok"


@pytest.mark.parametrize(("first", "again", "devices"), [(False, False, [2]), (True, True, [1, 2]), (True, False, [2])])
async def test_a_restore_that_was_cut_off_goes_on_as_the_same_device(
    server: Served, homes: Path, *, first: bool, again: bool, devices: list[int]
) -> None:
    key = await lost(homes, server.url)
    wire, home = Wire(server.url), homes / "new"
    wire.lose = "/accounts"
    calls = Calls(wire)
    with pytest.raises(Unreachable):
        await restoring.restore(home, calls, backups=calls, server=server.url, key=key, keep_devices=first)
    assert not (home / "keys").exists()
    wire.lose = ""
    await restoring.restore(home, calls, backups=calls, server=server.url, key=key, keep_devices=again)
    await wire.close()
    assert sorted(path.name for path in home.glob("keys*")) == ["keys"]
    async with await Client.open(home) as amal:
        await amal.sync()
        assert [device.device_id for device in amal.devices()] == devices
        assert amal.recovery_status().current


async def test_a_server_that_hides_lists_the_backup_saw_is_found_out(server: Served, homes: Path) -> None:
    key = await lost(homes, server.url, devices=2)
    wire = Wire(server.url)
    wire.newest = 1
    assert await restore(wire, homes / "new", server.url, key) == "list-fork"
    assert not (homes / "new" / "keys").exists()
    wire.newest = 0
    assert await restore(wire, homes / "new", server.url, key) == "ok"
    await wire.close()


async def test_a_blob_of_somebody_else_or_of_another_version_opens_nothing(server: Served, homes: Path) -> None:
    key = await lost(homes, server.url)
    secrets = recovery.derive_secrets(key)
    other = recovery.derive_secrets(bytes(20))
    blob = recovery.seal_backup(other, b"x", version=1, nonce=bytes(12))
    wire = Wire(server.url)
    calls = Calls(wire)
    held = await calls.call(control.BACKUP, StoredBackup, locator=encode_b64(secrets.locator))
    for plain, version in ((blob, 9), (bytes(held.blob), 20)):
        sig = recovery.sign_backup(secrets, plain, version=version)
        forged = StoredBackup(B32(secrets.auth_pub), version, Blob(plain), B64(sig))
        await calls.call(control.PUT_BACKUP, control.Empty, request=forged, locator=encode_b64(secrets.locator))
        assert await restore(wire, homes / "new", server.url, key) == "bad-backup"
        await calls.call(
            control.DELETE_BACKUP,
            control.Empty,
            request=DeleteBackup(
                B32(secrets.auth_pub), version + 1, B64(recovery.sign_deletion(secrets, version=version + 1))
            ),
            locator=encode_b64(secrets.locator),
        )
    assert await restore(wire, homes / "new", server.url, key) == "no-backup"
    await wire.close()


async def test_a_version_that_others_moved_on_is_written_above(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        amal.show_recovery_key()
        await amal.sync()
        with amal._core.step("behind") as step:
            held = load_recovery(step.tx)
            change_recovery(step.tx, version=0, digest=b"")
            assert backup.wants(step)
        assert held.version == 1
        await amal.sync()
        with amal._core.look() as step:
            assert load_recovery(step.tx).version == 2
            assert not backup.wants(step)
        assert amal.recovery_status().problem == ""


class Stale(Wire):
    """An operator who refuses every write, and never has a newer one."""

    def __init__(self, server: str, code: str = "stale-backup") -> None:
        super().__init__(server)
        self.asked = 0
        self._code = code

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", timeout_s: float
    ) -> Answer:
        if "/backup/" in path:
            self.asked += 1
            if method == "PUT":
                problem = error(self._code)
                return Answer(problem.status, {}, control.encode_problem(problem))
        return await super().call(method, path, headers=headers, body=body, timeout_s=timeout_s)


async def test_an_operator_who_calls_every_backup_stale_is_not_asked_on_and_on(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        amal.show_recovery_key()
        await amal.sync()
    device = Device(homes / "Amal")
    with device.core.step("changed") as step:
        change_recovery(step.tx, due=True)
    wire, told = Stale(server.url), list[ZajilError]()
    calls = Calls(wire)
    errands = Errands(device.core, calls, device.tokens, backups=lambda: calls, down=told.append)
    for _ in range(50):
        await errands.run()
    assert wire.asked <= 6
    with device.core.look() as step:
        assert load_recovery(step.tx).problem == "stale-backup"
    await wire.close()
    await device.close()


async def test_an_account_with_more_lists_than_one_answer_holds_comes_back_and_ends(
    server: Served, homes: Path
) -> None:
    """A thief with a device could else write lists until no recovery key helps any more."""
    async with await register(homes, "Amal", server.url) as amal:
        key = amal.show_recovery_key()
        await amal.sync()
    device = Device(homes / "Amal")
    lists = await linking.fetch_own_lists(device.core, device.calls, device.tokens)
    signer, auth = enrol.account_key(device.core.keys), await device.tokens.auth()
    for _ in range(104):
        before = DeviceList.parse(objects.parse_object(lists[-1]).payload)
        longer = dataclasses.replace(before, seq=before.seq + 1, prev=objects.hash_object(lists[-1]))
        lists.append(objects.sign_object(objects.Kind.DEVICE_LIST, longer.encode(), signer))
        request = control.PutDeviceList(control.Blob(lists[-1]))
        await device.calls.call(control.PUT_DEVICE_LIST, control.Empty, request=request, auth=auth)
    await device.close()
    async with await Client.restore(homes / "new", server=server.url, key=key) as amal:
        await amal.sync()
        assert [each.device_id for each in amal.devices()] == [2]
        await amal.delete_account()


async def test_nobody_waits_for_a_backup_that_has_no_room(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        await amal.sync()
    device = Device(homes / "Amal")
    with device.core.step("show") as step:
        backup.move(step, "show")
    wire, told = Stale(server.url, "storage-full"), list[ZajilError]()
    calls = Calls(wire)
    errands = Errands(device.core, calls, device.tokens, backups=lambda: calls, down=told.append)
    for _ in range(10):
        await errands.run()
    assert not told
    with device.core.look() as step:
        assert load_recovery(step.tx).problem == "storage-full"
    await wire.close()
    await device.close()


async def test_more_people_than_a_backup_holds_leave_a_backup(server: Served, homes: Path) -> None:
    """Whoever has a link becomes a contact, under a name as long as he likes: many of them may not end the backup."""
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Badr", server.url) as badr:
        await badr.add_contact(await amal.contact_link())
        for client in (amal, badr, amal):
            await client.sync()
        with amal._core.step("crowd") as step:
            for n in range(800):
                account = n.to_bytes(16, "big")
                accounts.change(step, account, contact=True, name="x" * 256, contact_token=bytes(32))
        key = amal.show_recovery_key()
        await amal.sync()
        assert (amal.recovery_status().current, amal.recovery_status().problem) == (True, "")
        wire = Wire(server.url)
        found = await restoring.fetch(Calls(wire), recovery.parse_key(key))
        await wire.close()
        assert badr.account_id in {encode_b64(person.account_id) for person in found.held.people}
        assert len(found.held.people) > 400


async def test_who_was_compared_is_no_changed_key_before_a_list_came_and_an_alarm_after_another_one(
    server: Served, homes: Path
) -> None:
    """A restored home knows keys that were compared and no list yet; a false alarm teaches to ignore the true one."""
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Badr", server.url) as badr:
        await badr.add_contact(await amal.contact_link())
        for client in (amal, badr, amal):
            await client.sync()
        amal.set_verified(amal.find_contact(badr.account_id), verified=True)
        key = amal.show_recovery_key()
        await amal.sync()
        who = parse_b64(badr.account_id)
        chain = await chains.fetch_chain(badr._device.calls, AccountId(who), auth=await badr._device.tokens.auth())
    wire, home = Wire(server.url), homes / "new"
    assert await restore(wire, home, server.url, recovery.parse_key(key)) == "ok"
    await wire.close()
    device = Device(home)
    with device.core.look() as step:
        held = accounts.known(step, who)
        assert (held.verified, held.account_pub) == (True, b"")
        assert not accounts.is_key_changed(held)
    with device.core.step("lists") as step:
        accounts.change(step, who, verified_pub=bytes(32))
        accounts.learn_chain(step, who, chain)
        assert accounts.is_key_changed(accounts.known(step, who))
        assert any(b"key-changed" in data for _, data in step.tx.rows("event"))
    await device.close()
