"""Claims of strangers: attacks first. What passes through their references is the engine's, see `tests/engine`."""

from __future__ import annotations

import asyncio
import random

import pytest
from sqlalchemy import event
from tests.delivery.test_verbs import ALICE, BOB, CONTACT, DAY_S, Story, package, refuses, request, upload
from tests.delivery.test_verbs import story as story
from tests.delivery.world import Group

from zajil.delivery import commit as commit_verb
from zajil.delivery import mailboxes, packages, retention
from zajil.delivery import send as send_verb
from zajil.delivery.context import Delivery, DeviceCaller
from zajil.engine.limits import DEFAULTS, Limit, Limits
from zajil.protocol import control
from zajil.protocol.contacts.requests import PAIR_DAYS, is_strangers, mark_serial
from zajil.protocol.control import B16
from zajil.protocol.frames import Send
from zajil.protocol.ids import AccountId, DeviceId, MailboxId

BOBS = DeviceCaller(BOB, DeviceId(1), MailboxId(bytes(16)))
NOBODY = AccountId(b"N" * 16)


def ask(account: AccountId = ALICE, claim_id: bytes = b"r" * 16) -> control.ClaimKeyPackages:
    return control.ClaimKeyPackages(B16(account), (0x53,), B16(claim_id))


@pytest.fixture
async def ready(story: Story) -> Story:
    for device in (story.phone, story.laptop):
        await upload(
            story, device, *(package(story, bytes([n])) for n in range(20)), package(story, b"last", last=True)
        )
    return story


# Claims


async def test_a_stranger_gets_references_that_say_so_and_the_lists(ready: Story) -> None:
    answer = await packages.claim(ready.delivery, BOBS, ask())
    opened = [ready.server.refs.open_ref(client.deliver_to) for client in answer.clients]
    assert [(ref.mailbox_id, ref.stranger, is_strangers(ref.serial)) for ref in opened] == [
        (ready.phone.mailbox_id, True, True),
        (ready.laptop.mailbox_id, True, True),
    ]
    assert answer.lists == (b"signed list",)
    contact = await packages.claim(ready.delivery, CONTACT, request())
    assert not any(ready.server.refs.open_ref(client.deliver_to).stranger for client in contact.clients)
    assert contact.lists == ()


async def test_one_request_per_pair_by_any_device_and_any_id_for_thirty_days(ready: Story) -> None:
    first = await packages.claim(ready.delivery, BOBS, ask())
    assert await packages.claim(ready.delivery, BOBS, ask()) == first  # a retry
    await refuses("not-allowed", packages.claim(ready.delivery, BOBS, ask(claim_id=b"s" * 16)))
    other = DeviceCaller(BOB, DeviceId(2), MailboxId(b"2" * 16))
    await refuses("not-allowed", packages.claim(ready.delivery, other, ask()))
    ready.server.now_ms += (PAIR_DAYS - 1) * DAY_S * 1000
    await retention.run(ready.delivery)
    await refuses("not-allowed", packages.claim(ready.delivery, BOBS, ask(claim_id=b"t" * 16)))
    ready.server.now_ms += DAY_S * 1000
    await packages.claim(ready.delivery, BOBS, ask(claim_id=b"u" * 16))
    ready.server.now_ms += PAIR_DAYS * DAY_S * 1000
    await retention.run(ready.delivery)
    assert ready.server.count("contact_pair") == 0


async def test_of_requests_that_race_one_wins(ready: Story) -> None:
    claims = (packages.claim(ready.delivery, BOBS, ask(claim_id=bytes([n]) * 16)) for n in range(8))
    answers = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(isinstance(answer, control.ClaimedKeyPackages) for answer in answers) == 1
    assert (await packages.count(ready.delivery, ready.phone)).counts[0].left == 19


async def test_the_claim_of_another_account_is_no_replay(ready: Story) -> None:
    first = await packages.claim(ready.delivery, BOBS, ask())
    carol = DeviceCaller(AccountId(b"C" * 16), DeviceId(1), MailboxId(b"c" * 16))
    answer = await packages.claim(ready.delivery, carol, ask())
    assert {c.deliver_to for c in answer.clients}.isdisjoint(c.deliver_to for c in first.clients)


async def test_refusals_are_alike_in_answer_and_in_work(ready: Story) -> None:
    """Nobody there, and somebody who was asked before: the same refusal, after the same statements."""
    await packages.claim(ready.delivery, BOBS, ask())
    seen: list[str] = []
    event.listen(
        ready.server.database.engine,
        "before_cursor_execute",
        lambda conn, cursor, statement, parameters, context, many: seen.append(statement),
    )
    told = []
    for account, claim_id in ((NOBODY, b"1" * 16), (ALICE, b"2" * 16), (NOBODY, b"3" * 16)):
        seen.clear()
        problem = await refuses("not-allowed", packages.claim(ready.delivery, BOBS, ask(account, claim_id)))
        told.append((problem.status, problem.retry_ms, str(problem), dict(problem.detail), list(seen)))
    assert told[0] == told[1] == told[2]
    assert told[0][4]


async def test_an_account_without_packages_can_be_asked_later(story: Story) -> None:
    await refuses("not-allowed", packages.claim(story.delivery, BOBS, ask()))
    await upload(story, story.phone, package(story, b"p"))
    assert (await packages.claim(story.delivery, BOBS, ask(claim_id=b"v" * 16))).clients


async def test_requests_are_limited_by_asker_age_and_target(ready: Story) -> None:
    def limited(**some: Limit) -> Delivery:
        table = {name: some.get(name, Limit(1e9, 1e-9)) for name in DEFAULTS}
        return Delivery(**{**ready.delivery.__dict__, "limits": Limits(table)})

    def random_account() -> AccountId:
        return AccountId(random.Random(len(asked)).randbytes(16))

    asked: list[int] = []
    for name, callers in (("request", 1), ("request_young", 1), ("request_target", 99)):
        delivery = limited(**{name: Limit(3, 60)})
        ready.accounts.opened = ready.delivery.now() // DAY_S - (0 if name == "request_young" else 7)
        for n in range(4):
            asked.append(n)
            caller = DeviceCaller(AccountId(bytes([n % callers]) * 16), DeviceId(1), MailboxId(bytes(16)))
            target = ALICE if callers > 1 else random_account()
            claim = packages.claim(delivery, caller, ask(target, len(asked).to_bytes(16, "big")))
            if n == 3:
                await refuses("slow-down", claim)
            elif callers == 1:
                await refuses("not-allowed", claim)  # guessing counts
            else:
                await claim


async def test_the_pair_is_kept_under_a_key(ready: Story) -> None:
    await packages.claim(ready.delivery, BOBS, ask())
    with ready.server.database.engine.connect() as connection:
        name, day = connection.exec_driver_sql("SELECT hash, day FROM contact_pair").one()
    assert len(name) == 16
    assert day == ready.delivery.now() // DAY_S
    assert ALICE not in name
    assert BOB not in name


async def test_a_denied_reference_can_be_allowed_again_by_its_owner_alone(story: Story) -> None:
    group = Group(story.server, story.laptop.mailbox_id)
    # The engine runs; frames go through it as a client's do.
    ref = story.server.refs.make_ref(story.phone.mailbox_id)
    serial = story.server.refs.open_ref(ref).serial
    frame = group.commit_frame([(1, ref)], welcome=b"w")
    await commit_verb.commit(story.server.engine, frame)
    group.applied(frame, group.pending)

    async def arrives() -> bool:
        before = len(story.server.queue(story.phone.mailbox_id))
        sent: Send = group.send_frame()
        await send_verb.send(story.server.engine, sent)
        return len(story.server.queue(story.phone.mailbox_id)) > before

    await mailboxes.deny_ref(story.delivery, story.phone, serial)
    assert not await arrives()
    await mailboxes.allow_ref(story.delivery, story.laptop, serial)  # another mailbox: another name
    assert not await arrives()
    await mailboxes.allow_ref(story.delivery, story.phone, serial)
    assert await arrives()
    await mailboxes.allow_ref(story.delivery, story.phone, serial)


def test_serials_tell_strangers_apart() -> None:
    for first in (0x00, 0x7F, 0x80, 0xFF):
        serial = bytes([first]) + bytes(7)
        assert is_strangers(mark_serial(serial, stranger=True))
        assert not is_strangers(mark_serial(serial, stranger=False))
        assert mark_serial(serial, stranger=True)[1:] == serial[1:]
    assert not is_strangers(b"")


async def test_a_request_and_its_retry_at_once_get_one_answer(ready: Story) -> None:
    """Who lost the connection and asks again must not hear that it asked before: the request would be lost."""
    answers = await asyncio.gather(*(packages.claim(ready.delivery, BOBS, ask()) for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert (await packages.count(ready.delivery, ready.phone)).counts[0].left == 19
