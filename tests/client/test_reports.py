"""Reports over the real cores and the real engine: what a device keeps proves what was said, and nothing else does."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from tests.client.audit import audit
from tests.client.phone import Phone
from tests.client.talk import act, delete, edit, meet, row_of, say, see
from tests.client.world import DAY_MS, SERVER, World, small_world

from zajil.client import listing
from zajil.client.core.talk import actions, bundles, reports
from zajil.client.state import rows
from zajil.client.state.step import Step
from zajil.delivery.reports import Reporting, make_report, tell_outcome
from zajil.engine.keys import Keys
from zajil.protocol import cbor, control
from zajil.protocol.chat import content
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import AccountId, GroupId
from zajil.protocol.report.complaint import Complaint
from zajil.protocol.report.measures import notice_id
from zajil.protocol.report.verified import VerifiedReport


@dataclass
class Moderators:
    """Who is handed what."""

    reports: list[VerifiedReport] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)

    async def take_report(self, report: VerifiedReport) -> control.ReportTaken:
        self.reports.append(report)
        return control.ReportTaken(control.B16(report.report_id), verified=True)

    async def take_complaint(self, complaint: Complaint) -> control.ReportTaken:
        self.complaints.append(complaint)
        return control.ReportTaken(control.B16(complaint.report_id), verified=False)


@pytest.fixture
def world() -> Iterator[World]:
    """a1, a2: two devices of the owner; b: an admin; c: a member."""
    made = small_world()
    yield made
    made.close()
    shutil.rmtree(made.folder)


@pytest.fixture
def moderators() -> Moderators:
    return Moderators()


def reporting(world: World, moderators: Moderators) -> Reporting:
    async def lists_of(account: AccountId) -> list[bytes]:
        return world.lists.get(account, [])

    return Reporting(
        delivery=world.delivery,
        server_name=SERVER,
        lists_of=lists_of,
        take_report=moderators.take_report,
        take_complaint=moderators.take_complaint,
    )


def request_of(phone: Phone, *identities: bytes, complaint: bool = False) -> control.MakeReport:
    draft = see(phone, lambda step: reports.draft_report(step, phone.world.main, identities))
    return reports.encode_report(draft, reason="harassment", note="every day", complaint=complaint)


def send(phone: Phone, moderators: Moderators, request: control.MakeReport) -> control.ReportTaken:
    # As it travels.
    parsed = control.parse_json(control.encode_json(request), control.MakeReport)
    return asyncio.run(make_report(reporting(phone.world, moderators), phone.caller, parsed))


def refused(phone: Phone, moderators: Moderators, request: control.MakeReport) -> str:
    with pytest.raises(ZajilError) as problem:
        send(phone, moderators, request)
    assert problem.value.code == "report-unverified"
    assert not moderators.reports
    return str(problem.value.detail["check"])


def settled(world: World) -> None:
    world.settle()
    audit(world)


def test_what_another_wrote_is_proven_on_every_device(world: World, moderators: Moderators) -> None:
    a1, a2, b, c = meet(world, "a1", "a2", "b", "c")
    told = say(b, "I know where you live")
    settled(world)
    for phone in (a1, a2, c):
        assert send(phone, moderators, request_of(phone, told)).verified
    for report in moderators.reports:
        assert report.sender_account == b.device[0]
        (item,) = report.items
        accepted = row_of(c, told).proofs[0].ts
        assert (item.text, item.form, item.accepted_ms) == ("I know where you live", "text", accepted)
    assert [bool(row_of(phone, told).proofs) for phone in (a1, a2, b, c)] == [True, True, False, True]


def test_devices_of_one_reporter_share_a_name_that_tells_nobody_who(world: World, moderators: Moderators) -> None:
    a1, a2, b, c = meet(world, "a1", "a2", "b", "c")
    told = say(b, "threat")
    settled(world)
    for phone in (a1, a2, c):
        send(phone, moderators, request_of(phone, told))
    one, same, other = moderators.reports
    assert one.reporter_ref == same.reporter_ref != other.reporter_ref
    known = {phone.device[0] for phone in world.phones.values()}
    assert not known & {one.reporter_ref, other.reporter_ref}


def test_nothing_of_the_group_and_its_other_members_is_handed_over(world: World, moderators: Moderators) -> None:
    b, c = meet(world, "b", "c")
    first = say(c, "hello all")
    settled(world)
    told = say(b, "threat", reply_to=first)
    settled(world)
    send(c, moderators, request_of(c, told))
    (report,) = moderators.reports
    handed = repr(report).encode() + b"".join(_bytes_of(report))
    hidden = [world.main, first, told, *(phone.device[0] for phone in world.phones.values() if phone is not b)]
    for secret in hidden:
        assert secret not in b"".join(_bytes_of(report))
        assert secret.hex().encode() not in handed
    assert report.sender_account == b.device[0]


def _bytes_of(report: VerifiedReport) -> list[bytes]:
    own = [report.report_id, report.reporter_ref, report.return_to, report.proof_hash, report.sender_account]
    return [*own, *(item.text.encode() for item in report.items), report.note.encode()]


def test_an_edited_message_is_reported_with_every_wording(world: World, moderators: Moderators) -> None:
    b, c = meet(world, "b", "c")
    told = say(b, "I will hurt you")
    settled(world)
    world.now_ms += 1_000
    edit(b, told, "just kidding")
    settled(world)
    send(c, moderators, request_of(c, told))
    (report,) = moderators.reports
    assert [(item.form, item.text) for item in report.items] == [("text", "I will hurt you"), ("edit", "just kidding")]


def test_an_edit_that_came_before_its_message_is_proven_too(world: World, moderators: Moderators) -> None:
    b, c = meet(world, "b", "c")
    told = say(b, "first")
    settled(world)
    world.now_ms += 1_000
    edit(b, told, "second")
    settled(world)
    kept = row_of(c, told).proofs
    assert [len(proof.frank) for proof in kept] == [32, 32]
    early = rows.Early(world.main, b.device[0], kept[1].message_id, world.now_ms, kept[1].content, False, kept[1])

    def again(step: Step) -> None:
        found = step.tx.lookup("message", told)
        assert found is not None
        first = rows.changed(row_of(c, told), text="first", versions=(), proofs=kept[:1])
        step.tx.replace("message", found[0], rows.encode_row(first))
        rows.save_early(step.tx, told, (early,))
        actions.settle_early(step, step.chat(world.main), told)

    act(c, again)
    assert row_of(c, told).proofs == kept
    assert send(c, moderators, request_of(c, told)).verified


def test_a_deleted_message_keeps_nothing_to_report(world: World) -> None:
    b, c = meet(world, "b", "c")
    told = say(b, "regretted")
    settled(world)
    delete(b, told)
    settled(world)
    assert row_of(c, told).proofs == ()
    with pytest.raises(ZajilError, match="not-reportable"):
        request_of(c, told)


def test_what_cannot_be_reported_together(world: World) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    own, other, more = say(c, "mine"), say(b, "one"), say(a1, "of another")
    many = [say(b, f"text {number}") for number in range(6)]
    settled(world)
    for chosen in ([], [own], [other, more], [other, *many]):
        with pytest.raises(ZajilError, match="not-reportable"):
            request_of(c, *chosen)
    assert len(request_of(c, *many).items) == 6
    assert len(request_of(c, other, other).items) == 1


def test_a_held_message_is_proven_when_its_epoch_came(world: World, moderators: Moderators) -> None:
    b, c = meet(world, "b", "c")
    told = say(b, "held")
    settled(world)
    (proof,) = row_of(c, told).proofs
    held = rows.Held(world.main, 2, 9, world.now_ms, b"body", proof.ts, proof.frank)
    back = rows.parse_row(rows.encode_row(held), rows.Held)
    assert (back.ts, back.frank) == (proof.ts, proof.frank)
    assert send(c, moderators, request_of(c, told)).verified


def test_what_was_carried_by_hand_has_no_mark(world: World, moderators: Moderators) -> None:
    b, c = meet(world, "b", "c")
    told = say(b, "in the shutdown")
    file = act(b, lambda step: bundles.export_bundle(step, world.main))
    assert act(c, lambda step: bundles.import_bundle(step, file)).outcomes == ("taken",)
    assert refused(c, moderators, request_of(c, told)) == "frank"
    assert not send(c, moderators, request_of(c, told, complaint=True)).verified
    assert [item.text for item in moderators.complaints[0].items] == ["in the shutdown"]


def test_after_ninety_days_nothing_is_proven(world: World, moderators: Moderators) -> None:
    b, c = meet(world, "b", "c")
    told = say(b, "long ago")
    settled(world)
    request = request_of(c, told)
    world.now_ms += 90 * DAY_MS
    assert send(c, moderators, request).verified
    moderators.reports.clear()
    world.now_ms += DAY_MS
    assert refused(c, moderators, request) == "age"


def test_the_mark_of_the_answer_is_that_of_the_mailbox_and_a_repeat_gets_it_again(world: World) -> None:
    b, c = meet(world, "b", "c")
    told = say(b, "once")
    settled(world)
    (proof,) = row_of(c, told).proofs
    tag = content.content_tag(content.parse_content(proof.content).salt, proof.content)
    assert proof.frank == world.server_keys.frank(tag, GroupId(world.main), proof.ts)


class TestHostileMember:
    """Every member may send anything in the group and have it franked. None of it becomes another's word."""

    def test_his_own_text_under_anothers_name(self, world: World, moderators: Moderators) -> None:
        b, c = meet(world, "b", "c")
        told = say(b, "harmless")
        settled(world)
        mine = say(c, "I, b, threaten you")
        settled(world)
        (of_b,) = request_of(c, told).items
        (of_c,) = request_of(b, mine).items
        for item in (
            _with(of_c, cert=of_b.cert),
            _with(of_c, cert=of_b.cert, sig=of_b.sig),
            _with(of_b, content=of_c.content, frank=of_c.frank, ts=of_c.ts),
            _with(of_b, content=of_c.content, frank=of_c.frank, ts=of_c.ts, cert=of_c.cert),
        ):
            refused(c, moderators, control.MakeReport("fraud", (item,)))

    def test_what_was_said_elsewhere(self, world: World, moderators: Moderators) -> None:
        b, c = meet(world, "b", "c")
        told = say(b, "harmless here")
        settled(world)
        (item,) = request_of(c, told).items
        gid = control.B16(bytes(16))
        tag = content.content_tag(content.parse_content(item.content).salt, item.content)
        moved = _with(item, gid=gid, frank=control.B32(world.server_keys.frank(tag, GroupId(gid), item.ts)))
        assert refused(c, moderators, control.MakeReport("fraud", (moved,))) == "group"

    def test_a_true_message_taken_again_stays_his_and_shows_both_times(
        self, world: World, moderators: Moderators
    ) -> None:
        """A member can have the same bytes franked later: he moves the server's time, not who wrote what and when."""
        b, c = meet(world, "b", "c")
        sent_at = world.now_ms
        told = say(b, "years ago")
        settled(world)
        (item,) = request_of(c, told).items
        world.now_ms += 80 * DAY_MS
        tag = content.content_tag(content.parse_content(item.content).salt, item.content)
        later = world.server_keys.frank(tag, GroupId(world.main), world.now_ms)
        again = _with(item, ts=world.now_ms, frank=control.B32(later))
        assert send(c, moderators, control.MakeReport("fraud", (again,))).verified
        (shown,) = moderators.reports[0].items
        assert (shown.sent_ms, shown.accepted_ms) == (sent_at, world.now_ms)


def _with(item: control.ReportItem, **fields: object) -> control.ReportItem:
    values = {name: getattr(item, name) for name in item.__struct_fields__} | fields
    return control.ReportItem(**values)


def test_the_outcome_finds_the_reporter_and_nobody_else(world: World, moderators: Moderators) -> None:
    b, c = meet(world, "b", "c")
    told = say(b, "threat")
    settled(world)
    send(c, moderators, request_of(c, told))
    (report,) = moderators.reports
    before = {phone.name: len(world.engine.read_now(phone.mailbox, 0, n=1000)) for phone in world.phones.values()}
    unread = Keys.create().seal("reporter", bytes(16), aad=report.report_id, now_s=1)
    asyncio.run(tell_outcome(world.delivery, report.report_id, unread, "acted"))  # of a key that was lost: nobody
    asyncio.run(tell_outcome(world.delivery, report.report_id, report.return_to, "acted"))
    after = {phone.name: world.engine.read_now(phone.mailbox, 0, n=1000) for phone in world.phones.values()}
    assert {name for name, queue in after.items() if len(queue) > before[name]} == {"c"}
    identity = notice_id("report-outcome", "acted", report.report_id, c.caller.account_id)
    fields = {"id": identity, "report": report.report_id, "outcome": "acted"}
    assert cbor.parse(after["c"][-1].body) == ["report-outcome", fields]
    asyncio.run(tell_outcome(world.delivery, report.report_id, report.return_to, "acted"))
    settled(world)
    with c.core.step("news") as step:
        assert [event.code for event in listing.take_news(step)] == ["report-acted"], "told twice, heard once"
