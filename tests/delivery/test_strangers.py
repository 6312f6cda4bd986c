"""Claims of strangers and what passes through their references: attacks first."""

from __future__ import annotations

import asyncio
import random

import pytest
from sqlalchemy import event
from tests.delivery.test_verbs import ALICE, BOB, CONTACT, DAY_S, Story, package, refuses, request, upload
from tests.delivery.test_verbs import story as story
from tests.delivery.world import Group, Server

from zajil.delivery import commit as commit_verb
from zajil.delivery import mailboxes, packages, retention
from zajil.delivery import send as send_verb
from zajil.delivery.context import Delivery, DeviceCaller
from zajil.engine.limits import DEFAULTS, Limit, Limits
from zajil.engine.sql import interface as op
from zajil.protocol import control
from zajil.protocol.contacts.requests import HANDSHAKES, MESSAGE_BYTES, PAIR_DAYS, is_strangers, mark_serial
from zajil.protocol.control import B16
from zajil.protocol.frames import Kind, Send
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


# What passes


class Asking:
    """A group of one who holds a stranger's reference to a mailbox."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.box = server.mailbox()
        self.group = Group(server, server.mailbox())
        self.ref = server.refs.make_stranger_ref(self.box)

    def join(self, welcome: bytes = b"welcome") -> None:
        frame = self.group.commit_frame([(1, self.ref)], welcome=welcome)
        self.server.commit(frame)
        self.group.applied(frame, self.group.pending)

    def commit(self, payload: bytes = b"path") -> None:
        frame = self.group.commit_frame(payload=payload)
        self.server.commit(frame)
        self.group.applied(frame, self.group.pending)

    def kinds(self) -> list[Kind]:
        return [entry.kind for entry in self.server.queue(self.box)]


def test_one_message_passes_and_then_none(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    for _ in range(3):
        server.send(asking.group.send_frame())  # the sender is told the same each time
    assert asking.kinds() == [Kind.WELCOME, Kind.APP]
    (welcome, _) = server.queue(asking.box)
    assert is_strangers(welcome.via or b"")


def test_a_long_first_message_never_passes_and_uses_up_nothing(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    server.send(asking.group.send_frame(b"x" * MESSAGE_BYTES))
    assert asking.kinds() == [Kind.WELCOME]
    server.send(asking.group.send_frame())
    assert asking.kinds() == [Kind.WELCOME, Kind.APP]


def test_nothing_ephemeral_passes(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    seen: list[object] = []
    server.bus.subscribe(asking.box, seen.append)
    server.send(asking.group.send_frame(flags=1))
    assert seen == []


def test_handshakes_pass_up_to_a_number(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    for _ in range(HANDSHAKES + 3):
        asking.commit()
    assert asking.kinds() == [Kind.WELCOME] + [Kind.COMMIT] * (HANDSHAKES - 1)


def test_a_huge_welcome_does_not_pass(server: Server) -> None:
    asking = Asking(server)
    asking.join(b"w" * (257 * 1024))
    assert asking.kinds() == []


def test_handshakes_pass_up_to_so_many_bytes(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    for _ in range(4):
        asking.commit(b"p" * 100 * 1024)
    assert asking.kinds() == [Kind.WELCOME, Kind.COMMIT, Kind.COMMIT]


def test_the_same_reference_in_other_groups_brings_no_more(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    server.send(asking.group.send_frame())
    other = Group(server, server.mailbox())
    frame = other.commit_frame([(leaf, asking.ref) for leaf in range(1, 20)], welcome=b"again")
    server.commit(frame)
    other.applied(frame, other.pending)
    server.send(other.send_frame())
    assert asking.kinds() == [Kind.WELCOME, Kind.APP, Kind.WELCOME]
    for _ in range(HANDSHAKES):
        fresh = Group(server, server.mailbox())
        server.commit(fresh.commit_frame([(1, asking.ref)], welcome=b"w"))
    assert len(asking.kinds()) == HANDSHAKES + 1


def test_messages_of_one_batch_race_for_the_one_place(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    outcomes = server.run(*(send_verb.prepare(asking.group.send_frame()) for _ in range(5)))
    assert all(isinstance(outcome, op.Accepted) for outcome in outcomes)
    assert asking.kinds() == [Kind.WELCOME, Kind.APP]


def test_whoever_is_accepted_writes_freely(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    accepted = server.refs.make_ref(asking.box)
    frame = asking.group.commit_frame([(1, accepted)], [1])
    server.commit(frame)
    asking.group.applied(frame, asking.group.pending)
    for _ in range(3):
        server.send(asking.group.send_frame(b"x" * MESSAGE_BYTES))
    assert asking.kinds() == [Kind.WELCOME, Kind.COMMIT] + [Kind.APP] * 3
    assert not is_strangers(server.queue(asking.box)[-1].via or b"")


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


def test_use_of_references_is_forgotten(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    assert server.count("ref_use") == 1
    server.now_ms += op.REF_USE_TTL_DAYS * DAY_S * 1000
    server.do(op.Expire())
    assert server.count("ref_use") == 0


async def test_a_request_and_its_retry_at_once_get_one_answer(ready: Story) -> None:
    """Who lost the connection and asks again must not hear that it asked before: the request would be lost."""
    answers = await asyncio.gather(*(packages.claim(ready.delivery, BOBS, ask()) for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert (await packages.count(ready.delivery, ready.phone)).counts[0].left == 19
