"""Key packages, claims, references, passes, HELLO and notices: refusals first, retries, and what stays at rest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.delivery.world import Server

from zajil.delivery import mailboxes, packages, retention
from zajil.delivery.context import AccountDevices, ContactCaller, Delivery, DeviceCaller
from zajil.engine.limits import DEFAULTS, Limit, Limits
from zajil.engine.sql import interface as op
from zajil.protocol import cbor, control, limits
from zajil.protocol.control import B16, Blob
from zajil.protocol.control import KeyPackage as Package
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import KeysLow, Kind
from zajil.protocol.ids import AccountId, DeviceId, MailboxId, encode_b64

ALICE, BOB = AccountId(b"A" * 16), AccountId(b"B" * 16)
TOKEN = b"t" * 32
DAY_S = 86_400


@dataclass
class Accounts:
    """What the Authentication Service answers: Alice with two devices, and how often a token may still claim."""

    devices: dict[AccountId, AccountDevices] = field(default_factory=dict)
    uses: int = 3
    opened: int = 0

    async def find_devices(self, account: AccountId) -> AccountDevices | None:
        return self.devices.get(account)

    async def lists(self, account: AccountId) -> list[bytes]:
        return [b"signed list"] if account in self.devices else []

    async def created_day(self, account: AccountId) -> int:
        return self.opened

    async def check(self, token: bytes, account: AccountId) -> None:
        if (token, account) != (TOKEN, ALICE) or self.uses == 0:
            raise error("not-allowed")

    def spend(self, _db: Connection, token: bytes, account: AccountId) -> None:
        if (token, account) != (TOKEN, ALICE) or self.uses == 0:
            raise error("not-allowed")
        self.uses -= 1


@dataclass
class Story:
    server: Server
    accounts: Accounts
    delivery: Delivery
    phone: DeviceCaller
    laptop: DeviceCaller


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    server = Server(tmp_path)
    phone = DeviceCaller(ALICE, DeviceId(1), server.mailbox())
    laptop = DeviceCaller(ALICE, DeviceId(2), server.mailbox())
    server.engine.start()
    accounts = Accounts({ALICE: AccountDevices(7, tuple((d.device_id, d.mailbox_id) for d in (phone, laptop)))})
    delivery = Delivery(
        db=server.database,
        engine=server.engine,
        keys=server.keys,
        refs=server.refs,
        bus=server.bus,
        limits=Limits(server.limits),
        clock=lambda: server.now_ms / 1000,
        find_devices=accounts.find_devices,
        check_contact_token=accounts.check,
        spend_contact_token=accounts.spend,
        account_lists=accounts.lists,
        created_day=accounts.created_day,
        random=server.rng.randbytes,
    )
    yield Story(server, accounts, delivery, phone, laptop)
    await server.engine.close()
    server.database.close()


def package(
    story: Story, body: bytes, *, last: bool = False, suite: int = 0x53, days: float = 80
) -> control.KeyPackage:
    return Package(suite, Blob(body), story.delivery.now() + int(days * DAY_S), last)


async def upload(story: Story, device: DeviceCaller, *made: control.KeyPackage) -> list[tuple[int, int, bool]]:
    answer = await packages.put(story.delivery, device, control.PutKeyPackages(made))
    return [(c.suite, c.left, c.last_resort) for c in answer.counts]


def request(claim_id: bytes = b"c" * 16, **more: object) -> control.ClaimKeyPackages:
    return control.ClaimKeyPackages(B16(ALICE), (0x53,), B16(claim_id), **more)  # type: ignore[arg-type]  # devices


CONTACT = ContactCaller(TOKEN)


async def refuses(code: str, awaitable: object) -> ZajilError:
    with pytest.raises(ZajilError) as caught:
        await awaitable  # type: ignore[misc]  # a coroutine
    assert caught.value.code == code
    return caught.value


# Key packages


async def test_bad_packages_are_refused_whole(story: Story) -> None:
    good = package(story, b"good")
    bad: dict[str, list[tuple[Package, ...]]] = {
        "too-big": [(good, package(story, b"x" * (limits.KEY_PACKAGE_BYTES + 1)))],
        "malformed": [
            (good, package(story, b"")),
            (good, package(story, b"x", suite=2)),
            (good, package(story, b"x", days=0)),
            (good, package(story, b"x", days=90.1)),
        ],
        "quota": [tuple(package(story, bytes([n])) for n in range(64))],
    }
    await upload(story, story.phone, *(package(story, b"%d" % n) for n in range(50)))
    for code, cases in bad.items():
        for case in cases:
            await refuses(code, packages.put(story.delivery, story.phone, control.PutKeyPackages(case)))
    assert (await packages.count(story.delivery, story.phone)).counts == (control.SuiteCount(0x53, 50, False),)


async def test_a_last_resort_replaces_the_one_of_its_suite_and_device(story: Story) -> None:
    await upload(story, story.phone, package(story, b"one", last=True), package(story, b"rfc", last=True, suite=1))
    counts = await upload(story, story.phone, package(story, b"two", last=True), package(story, b"ordinary"))
    assert counts == [(1, 0, True), (0x53, 1, True)]
    assert (await packages.count(story.delivery, story.laptop)).counts == ()
    claimed = [await packages.claim(story.delivery, story.laptop, request(bytes([n]) * 16)) for n in range(3)]
    assert [c.clients[0].key_package for c in claimed] == [b"ordinary", b"two", b"two"]
    assert [c.clients[0].last_resort for c in claimed] == [False, True, True]


# Claims


async def test_who_may_not_claim_learns_nothing(story: Story) -> None:
    await upload(story, story.phone, package(story, b"p"))
    bob = DeviceCaller(BOB, DeviceId(1), MailboxId(bytes(16)))
    nobody = control.ClaimKeyPackages(B16(b"N" * 16), (0x53,), B16(bytes(16)))
    cases: list[tuple[DeviceCaller | ContactCaller, control.ClaimKeyPackages]]
    cases = [(ContactCaller(b"f" * 32), request()), (CONTACT, nobody), (bob, nobody)]
    refusals = [await refuses("not-allowed", packages.claim(story.delivery, who, what)) for who, what in cases]
    assert len({(r.status, r.retry_ms, str(dict(r.detail))) for r in refusals}) == 1
    assert story.accounts.uses == 3
    assert (await packages.count(story.delivery, story.phone)).counts[0].left == 1


async def test_a_claim_takes_one_package_of_each_device_and_its_retry_the_same_answer(story: Story) -> None:
    await upload(story, story.phone, package(story, b"p1"), package(story, b"p2"))
    await upload(story, story.laptop, package(story, b"l1"))
    first = await packages.claim(story.delivery, CONTACT, request())
    assert first.list_seq == 7
    assert [(c.device_id, c.key_package) for c in first.clients] == [(1, b"p1"), (2, b"l1")]
    opened = [story.server.refs.open_ref(c.deliver_to).mailbox_id for c in first.clients]
    assert opened == [story.phone.mailbox_id, story.laptop.mailbox_id]
    assert await packages.claim(story.delivery, CONTACT, request()) == first
    assert story.accounts.uses == 2
    own = await packages.claim(story.delivery, story.phone, request())  # the same id of another caller is another claim
    assert [(c.device_id, c.key_package) for c in own.clients] == [(1, b"p2")]


async def test_the_last_use_of_a_token_can_be_retried(story: Story) -> None:
    story.accounts.uses = 1
    await upload(story, story.phone, package(story, b"p"))
    first = await packages.claim(story.delivery, CONTACT, request())
    assert await packages.claim(story.delivery, CONTACT, request()) == first
    await refuses("not-allowed", packages.claim(story.delivery, CONTACT, request(b"d" * 16)))
    story.server.now_ms += DAY_S * 1000
    await refuses("not-allowed", packages.claim(story.delivery, CONTACT, request()))


async def test_twins_of_a_claim_get_one_answer(story: Story) -> None:
    await upload(story, story.phone, *(package(story, bytes([n])) for n in range(20)))
    answers = await asyncio.gather(*(packages.claim(story.delivery, story.phone, request()) for _ in range(8)))
    assert len({control.encode_json(answer) for answer in answers}) == 1
    assert (await packages.count(story.delivery, story.phone)).counts[0].left == 19


async def test_a_claim_can_name_devices_and_skips_those_without_packages(story: Story) -> None:
    await upload(story, story.phone, package(story, b"p"))
    answer = await packages.claim(story.delivery, CONTACT, request(devices=(2, 9)))
    assert answer.clients == ()
    expired = await upload(story, story.laptop, package(story, b"l", days=1))
    assert expired == [(0x53, 1, False)]
    story.server.now_ms += DAY_S * 1000
    assert (await packages.claim(story.delivery, CONTACT, request(b"e" * 16, devices=(2,)))).clients == ()


async def test_a_device_running_low_is_told_while_it_is_connected(story: Story) -> None:
    seen: list[object] = []
    story.server.bus.subscribe(story.phone.mailbox_id, seen.append)
    await upload(story, story.phone, *(package(story, bytes([n])) for n in range(11)))
    for n in range(2):
        await packages.claim(story.delivery, story.phone, request(bytes([n]) * 16))
    assert seen == [KeysLow(0x53, 9)]


async def test_claims_of_one_target_are_limited(story: Story) -> None:
    slow = Limits({name: Limit(2, 60) if name == "claim" else Limit(1e9, 1e-9) for name in DEFAULTS})
    delivery = Delivery(**{**story.delivery.__dict__, "limits": slow})
    for n in range(2):
        await packages.claim(delivery, CONTACT, request(bytes([n]) * 16))
    await packages.claim(delivery, CONTACT, request(bytes([0]) * 16))  # a retry costs nothing
    assert (await refuses("slow-down", packages.claim(delivery, CONTACT, request(b"x" * 16)))).retry_ms == 60_000
    assert story.accounts.uses == 1
    for n in range(2):
        await packages.claim(delivery, story.phone, request(bytes([n]) * 16))  # contacts used up nothing of the owner's
    await refuses("slow-down", packages.claim(delivery, story.phone, request(b"y" * 16)))


async def test_a_retry_beside_the_first_costs_no_second_use(story: Story) -> None:
    """As of a client whose line broke, and whose retry came to another gateway."""
    story.accounts.uses = 1
    await upload(story, story.phone, package(story, b"p"), package(story, b"q"))
    one, two = await asyncio.gather(*(packages.claim(story.delivery, CONTACT, request()) for _ in range(2)))
    assert one == two
    assert [bytes(each.key_package) for each in one.clients] == [b"p"]
    assert story.accounts.uses == 0


async def test_a_claim_rests_sealed_and_names_nobody(story: Story) -> None:
    await upload(story, story.phone, package(story, b"public keys"))
    await packages.claim(story.delivery, CONTACT, request())
    with story.server.database.engine.connect() as connection:
        key, answer, _ = connection.exec_driver_sql("SELECT * FROM claim").one()
    for clear in (ALICE, b"public keys", TOKEN, b"c" * 16):
        assert clear not in key + answer
        assert encode_b64(clear).encode() not in answer


# References, passes, HELLO, notices


async def test_references_are_fresh_and_lead_to_the_caller(story: Story) -> None:
    answer = await mailboxes.take_refs(story.delivery, story.phone, control.TakeRefs(64))
    assert len(set(answer.refs)) == 64
    opened = [story.server.refs.open_ref(ref) for ref in answer.refs]
    assert {ref.mailbox_id for ref in opened} == {story.phone.mailbox_id}
    assert len({ref.serial for ref in opened}) == 64
    await mailboxes.deny_ref(story.delivery, story.phone, opened[0].serial)
    assert story.server.count("ref_deny") == 1


async def test_passes_are_limited_by_number_and_kept_as_hashes(story: Story) -> None:
    answer = await mailboxes.take_passes(story.delivery, story.phone, control.TakePasses("group", 5))
    with story.server.database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT hash FROM pass").scalars().all()
    assert {bytes(r) for r in rows} == {hashlib.sha256(each).digest() for each in answer.passes}
    strict = Delivery(**{**story.delivery.__dict__, "limits": Limits()})
    await mailboxes.take_passes(strict, story.phone, control.TakePasses("group", 20))
    await refuses("slow-down", mailboxes.take_passes(strict, story.phone, control.TakePasses("group", 1)))
    await mailboxes.take_passes(strict, story.laptop._replace(account_id=BOB), control.TakePasses("group", 1))


async def test_hello_acknowledges_and_shows_an_old_copy_by_what_was_acknowledged_before(story: Story) -> None:
    box = story.phone.mailbox_id
    await mailboxes.send_notice(story.delivery, [box, MailboxId(bytes(16))], "server-notice", {"n": 1})
    await mailboxes.send_notice(story.delivery, [box], "server-notice", {"n": 2})
    await mailboxes.send_notice(story.delivery, [], "server-notice", {})
    entry, _ = await mailboxes.read(story.delivery, box, 0, n=10)
    assert (entry.kind, entry.gid, entry.via) == (Kind.NOTICE, None, None)
    assert cbor.parse(entry.body) == ["server-notice", {"n": 1}]
    state = await mailboxes.open_mailbox(story.delivery, box, 1)
    assert state == op.MailboxState(head=2, queued=1, acked=0, dropped=0, before_seq=0)
    assert mailboxes.gap_of(state) is None
    old_copy = await mailboxes.open_mailbox(story.delivery, box, 0)
    assert (old_copy.acked, old_copy.queued) == (1, 1)
    await mailboxes.acknowledge(story.delivery, box, 2)
    assert await mailboxes.read(story.delivery, box, 0, n=10) == ()


async def test_hello_of_what_the_database_lost_goes_on_above_it_and_nobody_drives_numbers_to_their_end(
    story: Story,
) -> None:
    box = story.phone.mailbox_id
    for n in range(3):
        await mailboxes.send_notice(story.delivery, [box], "server-notice", {"n": n})
    bound = op.number_at(story.delivery.now() + 2 * 365 * DAY_S)
    assert bound + (1 << 40) < 2**53, "a browser's numbers end there"
    for far in (bound + 1, 2**53, 2**63 - 1):
        await refuses("malformed", mailboxes.open_mailbox(story.delivery, box, far))
    assert (await story.server.engine.mailbox_state(box)).head == 3
    await mailboxes.open_mailbox(story.delivery, box, 1)
    seen = op.number_at(story.delivery.now())
    state = await mailboxes.open_mailbox(story.delivery, box, seen)
    assert state == op.MailboxState(head=seen + 2, queued=2, acked=1, dropped=0, before_seq=0)
    waiting = await mailboxes.read(story.delivery, box, seen, n=10)
    assert [(each.seq, cbor.parse(each.body)) for each in waiting] == [
        (seen + n, ["server-notice", {"n": n}]) for n in (1, 2)
    ]
    assert (await mailboxes.open_mailbox(story.delivery, box, seen)).head == seen + 2, "once is enough"
    await mailboxes.open_mailbox(story.delivery, box, bound)
    strict = Delivery(**{**story.delivery.__dict__, "limits": Limits({"mailbox_lift": Limit(1, 3600)})})
    await mailboxes.open_mailbox(strict, box, bound - 1)
    await mailboxes.open_mailbox(strict, story.laptop.mailbox_id, 5)
    await refuses("slow-down", mailboxes.open_mailbox(strict, story.laptop.mailbox_id, 6))
    await mailboxes.open_mailbox(strict, story.laptop.mailbox_id, 5)


async def test_a_revoked_device_leaves_nothing(story: Story) -> None:
    await upload(story, story.phone, package(story, b"p", last=True))
    await mailboxes.send_notice(story.delivery, [story.phone.mailbox_id], "server-notice", {})
    await mailboxes.drop_device(story.delivery, *story.phone)
    for table, left in {"key_package": 0, "message": 0, "mailbox_item": 0, "mailbox": 1}.items():
        assert story.server.count(table) == left
    await refuses("gone", mailboxes.open_mailbox(story.delivery, story.phone.mailbox_id, 0))


async def test_retention_empties_every_table_and_the_log(story: Story) -> None:
    await upload(story, story.phone, package(story, b"p"), package(story, b"l", last=True))
    await packages.claim(story.delivery, CONTACT, request())
    await mailboxes.take_passes(story.delivery, story.phone, control.TakePasses("group", 3))
    await mailboxes.deny_ref(story.delivery, story.phone, bytes(8))
    await mailboxes.send_notice(story.delivery, [story.phone.mailbox_id], "server-notice", {})
    await retention.run(story.delivery)
    kept = {"key_package": 1, "claim": 1, "pass": 3, "ref_deny": 1, "message": 1}
    assert {table: story.server.count(table) for table in kept} == kept
    story.server.now_ms += 366 * DAY_S * 1000
    await retention.run(story.delivery)
    assert {table: story.server.count(table) for table in kept} == dict.fromkeys(kept, 0)
    assert story.server.path.with_name("zajil.db-wal").stat().st_size == 0
