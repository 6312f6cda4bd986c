"""Reports from private chats before people: real reports, members with and without the permission, what stays shut."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import Connection
from tests.moderation.people.desk import Desk, Member
from tests.moderators import PASSPHRASE
from tests.server.people import Person
from tests.server.test_reports import THREAT, Scene, item_of, post, report, write
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.moderation.audit.entries import hash_record, parse_entry
from zajil.moderation.private import inbox, store, tallies
from zajil.moderation.private.keys import SEALED_FILE
from zajil.moderation.private.months import encode_month
from zajil.moderation.statistics.months import month_of
from zajil.protocol import cbor
from zajil.protocol.control import B16
from zajil.protocol.errors import Malformed, ZajilError
from zajil.protocol.frames import Kind, Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.report.measures import notice_id
from zajil.protocol.review import api, private, routes
from zajil.protocol.review.routes import REVIEW_ROUTES
from zajil.server.accounting.report import make_month
from zajil.server.app import Server

PRIVATE_ROUTES = [route for route in REVIEW_ROUTES if route.private]
OUTCOMES: dict[str, object] = {
    routes.CLOSE_PRIVATE.path: private.ClosePrivate("acted"),
    routes.UNLOCK_PRIVATE.path: private.Unlock("nothing"),
    routes.PASSPHRASE.path: private.NewPassphrase("nothing"),
    routes.PROPOSE.path: private.ProposeMeasure("warn"),
}


@pytest.fixture
def http(desk: Desk) -> Http:
    return desk.http


@pytest.fixture
def wire(server: Server, client: aiohttp.ClientSession) -> Callable[[Role], Wire]:
    return lambda role: Wire(f"http://127.0.0.1:{server.port}", role, client)


@pytest.fixture
async def scene(http: Http, wire: Callable[[Role], Wire]) -> Scene:
    omar, rita = Person(), Person()
    his, hers = await http.register(omar), await http.register(rita)
    async with wire(Role.S) as s:
        group = await group_of_two(http, s, his, hers)
        data = write(omar, group.gid, THREAT)
        ok = await post(s, group, data)
    return Scene(omar, rita, his, hers, group, item_of(omar, group, data, ok), ok)


async def claimed(desk: Desk, member: Member, report_id: bytes) -> str:
    """The report's name, claimed by this member."""
    name = encode_b64(report_id)
    await desk.ask(routes.CLAIM_PRIVATE, private.PrivateBrief, by=member, report=name)
    return name


def test_the_private_routes_are_those_below_private() -> None:
    below = {"unlock", "lock", "passphrase", "measures"}
    assert {route.path.partition("/{")[0] for route in PRIVATE_ROUTES} == {
        "/private",
        *(f"/private/{x}" for x in below),
    }
    assert len(PRIVATE_ROUTES) == 13
    assert all(route.path.startswith("/private") == route.private for route in REVIEW_ROUTES)


@pytest.mark.parametrize("role", ["reviewer", "senior", "policy", "admin", "auditor"])
async def test_without_the_permission_no_role_opens_anything(
    desk: Desk, scene: Scene, http: Http, role: api.StaffRole
) -> None:
    taken = await report(http, scene.hers, scene.item)
    member = await desk.member(role)
    assert not (await desk.ask(routes.ME, api.Me, by=member)).private
    for route in PRIVATE_ROUTES:
        names = {name: encode_b64(taken.report_id) for name in ("report", "measure") if f"{{{name}}}" in route.path}
        body = OUTCOMES.get(route.path)
        status, data = await desk.mod(route, body, auth=member.auth, **names)
        assert status == 403, route
        assert b"not-allowed" in data
    assert desk.rows("SELECT state, claimed_by FROM mod_report") == [(0, None)]


async def test_an_auditor_or_keeper_of_lists_is_never_given_the_permission(desk: Desk) -> None:
    admin = await desk.member("admin")
    roles: tuple[api.StaffRole, ...] = ("auditor", "policy")
    for role in roles:
        with pytest.raises(Malformed):
            desk.invite(role, private=True)
    member = await desk.member("reviewer", private=True)
    assert (await desk.ask(routes.ME, api.Me, by=member)).private
    listed = {bytes(each.staff_id): each for each in (await desk.ask(routes.STAFF, api.Staff, by=admin)).members}
    assert (listed[member.staff_id].private, listed[admin.staff_id].private) == (True, False)
    second = Member("admin")
    await desk.enrol(second, desk.invite(staff=B16(admin.staff_id), private=True))  # one more key is no way
    assert second.staff_id == admin.staff_id
    assert not (await desk.ask(routes.ME, api.Me, by=second)).private


async def test_a_report_is_read_by_its_holder_after_the_key_was_asked_and_nobody_learns_the_reporter(
    desk: Desk, scene: Scene, http: Http, server: Server
) -> None:
    taken = await report(http, scene.hers, scene.item)
    reader, other = await desk.member(private=True), await desk.member("admin", private=True)
    listed = await desk.ask(routes.PRIVATE, private.PrivateQueue, by=reader)
    assert listed.opens
    assert [(bytes(each.report_id), each.kind, each.claim) for each in listed.reports] == [
        (taken.report_id, "report", "")
    ]
    name = encode_b64(taken.report_id)
    assert await desk.refused(routes.READ_PRIVATE, by=reader, report=name) == "item-claimed"
    await claimed(desk, reader, taken.report_id)
    assert await desk.refused(routes.CLAIM_PRIVATE, by=other, report=name) == "item-claimed"
    assert await desk.refused(routes.READ_PRIVATE, by=other, report=name) == "item-claimed"
    body = private.ClosePrivate("acted")
    assert await desk.refused(routes.CLOSE_PRIVATE, body, by=other, report=name) == "item-claimed"
    assert await desk.refused(routes.RELEASE_PRIVATE, by=other, report=name) == "item-claimed"

    desk.clock.advance(301)
    assert await desk.refused(routes.READ_PRIVATE, by=reader, report=name) == "step-up-needed"
    await desk.step_up(reader)
    status, data = await desk.mod(routes.READ_PRIVATE, auth=reader.auth, report=name)
    assert status == 200
    (kept,) = await inbox.waiting_reports(server.reports, limit=10)
    for secret in (scene.rita.account_id, kept.reporter_ref, scene.group.gid):
        assert encode_b64(secret).encode() not in data
    opened = await desk.ask(routes.READ_PRIVATE, private.PrivateReport, by=reader, report=name)
    (message,) = opened.messages
    assert (message.text, message.form, bytes(message.sender)) == (THREAT, "text", scene.omar.account_id)
    assert (opened.kind, opened.reason, opened.note) == ("report", "harassment", "it goes on")

    desk.clock.advance(600)
    assert await desk.refused(routes.READ_PRIVATE, by=reader, report=name) in ("item-claimed", "step-up-needed")
    await claimed(desk, other, taken.report_id)


async def test_a_complaint_is_read_as_one_and_a_decided_report_is_over(
    desk: Desk, scene: Scene, http: Http, wire: Callable[[Role], Wire]
) -> None:
    told = await report(http, scene.hers, scene.item, complaint=True)
    member = await desk.member(private=True)
    name = await claimed(desk, member, told.report_id)
    opened = await desk.ask(routes.READ_PRIVATE, private.PrivateReport, by=member, report=name)
    assert (opened.kind, opened.messages[0].text) == ("complaint", THREAT)
    await desk.ask(routes.RELEASE_PRIVATE, api.Empty, by=member, report=name)
    assert await desk.refused(routes.READ_PRIVATE, by=member, report=name) == "item-claimed"
    await claimed(desk, member, told.report_id)
    body = private.ClosePrivate("not-acted")
    await desk.ask(routes.CLOSE_PRIVATE, api.Empty, body, by=member, report=name)
    for route, again in ((routes.CLAIM_PRIVATE, None), (routes.READ_PRIVATE, None), (routes.CLOSE_PRIVATE, body)):
        assert await desk.refused(route, again, by=member, report=name) == "item-closed"
    assert (await desk.ask(routes.PRIVATE, private.PrivateQueue, by=member)).reports == ()
    async with wire(Role.R) as r:
        await r.hello(scene.hers)
        (*_, notice) = [m for m in await r.messages() if m.kind is Kind.NOTICE]
    told_by = notice_id("report-outcome", "not-acted", told.report_id, scene.rita.account_id)
    assert cbor.parse(notice.body) == [
        "report-outcome",
        {"id": told_by, "report": told.report_id, "outcome": "not-acted"},
    ]
    assert await desk.refused(routes.CLAIM_PRIVATE, by=member, report=encode_b64(b"x" * 16)) == "gone"


async def test_nothing_that_anybody_may_see_moves_when_a_report_comes_is_read_or_decided(
    desk: Desk, scene: Scene, http: Http
) -> None:
    member, auditor = await desk.member("admin", private=True), await desk.member("auditor")
    month = datetime.fromtimestamp(desk.clock(), tz=UTC).strftime("%Y-%m")

    async def seen() -> tuple[object, ...]:
        """What whoever wrote what is reported can look at, as often as they like."""
        found = []
        for path in (f"reports/{month}.json", f"reports/{month}.csv", "log/entries?from=0", "log/checkpoint"):
            status, data, _ = await http.raw("GET", f"/transparency/v1/{path}")
            found.append((path, status, data))
        return (*found, desk.rows("SELECT * FROM mod_audit_head"))

    before = await seen()
    taken = await report(http, scene.hers, scene.item)
    told = await report(http, scene.hers, scene.item, complaint=True)
    for report_id in (taken.report_id, told.report_id):
        name = await claimed(desk, member, report_id)
        await desk.ask(routes.READ_PRIVATE, private.PrivateReport, by=member, report=name)
        await desk.ask(routes.CLOSE_PRIVATE, api.Empty, private.ClosePrivate("acted"), by=member, report=name)
    await desk.ask(routes.LOCK_PRIVATE, api.Empty, by=member)
    await desk.ask(routes.UNLOCK_PRIVATE, api.Empty, private.Unlock(PASSPHRASE), by=member)
    desk.clock.advance(120)  # the report that is served may be a while old
    console = desk.server.console
    assert console is not None
    await console.run_retention()
    assert await seen() == before
    for by in (member, auditor):
        queues = await desk.ask(routes.QUEUES, api.Queues, by=by)
        assert "private" not in [each.queue for each in queues.queues]
        assert sum(each.open for each in queues.queues) == 0
        assert await desk.refused(routes.LIST_ITEMS, by=by, queue="private") == "gone"
    for table in ("mod_item", "mod_decision", "mod_notice", "mod_verdict", "mod_match_text", "mod_cluster"):
        assert desk.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    # The operator can still see who did what, by the day, and in no relation to a report.
    assert desk.rows("SELECT act, staff_id FROM mod_private_act ORDER BY n") == [
        (act, member.staff_id) for act in ("opened", "acted", "opened", "acted")
    ]


@pytest.mark.parametrize(("reads", "shown"), [(0, "<5"), (4, "<5"), (5, 5), (9, 5), (10, 10)])
async def test_each_month_that_is_over_has_one_entry_of_rounded_counts_whatever_came(
    desk: Desk, reads: int, shown: object
) -> None:
    member = await desk.member(private=True)  # its entry begins the log
    day = desk.server.reports.today()

    def read(db: Connection) -> None:
        for _ in range(reads):
            tallies.add_act(db, "opened", member.staff_id, day=day)

    desk.server._db.write_sync(read)
    console = desk.server.console
    assert console is not None
    month = month_of(desk.clock())
    entries = desk.rows("SELECT count(*) FROM mod_audit_entry")[0][0]
    await console.run_retention()
    assert desk.rows("SELECT count(*) FROM mod_audit_entry") == [(entries,)], "not before the month is over"
    desk.clock.advance(month.end - desk.clock() + 60)
    for _ in range(2):
        await console.run_retention()
    rows = desk.rows("SELECT data FROM mod_audit_entry ORDER BY n")
    assert len(rows) == int(str(entries)) + 1
    data = rows[-1][0]
    assert isinstance(data, bytes)
    entry = parse_entry(data)
    assert (entry.kind, entry.actor_pseudonym) == ("evidence", b"")
    found, _ = make_month(desk.server.data, month.name, now=desk.clock())
    assert found.private is not None
    assert (found.private.opened, found.private.acted) == (shown, "<5")
    assert entry.decision_hash == hash_record(bytes(16), encode_month(month, found.private).encode())


async def test_without_the_moderators_key_reports_are_listed_and_not_opened(
    desk: Desk, scene: Scene, http: Http, tmp_path: Path
) -> None:
    taken = await report(http, scene.hers, scene.item)
    member = await desk.member(private=True)
    name = await claimed(desk, member, taken.report_id)
    desk.server.reports.keys.lock()
    (tmp_path / "data" / SEALED_FILE).rename(tmp_path / "elsewhere")
    listed = await desk.ask(routes.PRIVATE, private.PrivateQueue, by=member)
    assert (listed.opens, listed.key, len(listed.reports)) == (False, "elsewhere", 1)
    assert await desk.refused(routes.READ_PRIVATE, by=member, report=name) == "not-allowed"
    body = private.ClosePrivate("acted")
    assert await desk.refused(routes.CLOSE_PRIVATE, body, by=member, report=name) == "not-allowed"
    assert desk.rows("SELECT count(*) FROM mod_private_act") == [(0,)]


async def test_a_member_who_left_holds_nothing(desk: Desk, scene: Scene, http: Http) -> None:
    taken = await report(http, scene.hers, scene.item)
    admin, gone = await desk.member("admin", private=True), await desk.member(private=True)
    name = await claimed(desk, gone, taken.report_id)
    assert await desk.refused(routes.CLAIM_PRIVATE, by=admin, report=name) == "item-claimed"
    await desk.ask(routes.REVOKE, api.Empty, by=admin, staff=encode_b64(gone.staff_id))
    assert await desk.refused(routes.PRIVATE, by=gone) == "token-expired"
    await claimed(desk, admin, taken.report_id)


async def test_no_number_of_complaints_hides_a_report(desk: Desk, scene: Scene, http: Http) -> None:
    def flood(db: Connection) -> None:
        for number in range(120):
            store.insert_report(db, number.to_bytes(16), kind=store.COMPLAINT, body=b"", day=0)

    desk.server._db.write_sync(flood)
    taken = await report(http, scene.hers, scene.item)
    listed = await desk.ask(routes.PRIVATE, private.PrivateQueue, by=await desk.member(private=True))
    assert len(listed.reports) == 100
    assert [each.kind for each in listed.reports] == ["report", *["complaint"] * 99]
    assert listed.reports[0].report_id == taken.report_id


async def test_a_member_has_so_many_complaints_open_and_no_more(
    desk: Desk, scene: Scene, http: Http, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "COMPLAINTS_MAX", 2)
    told = [await report(http, scene.hers, scene.item, complaint=True) for _ in range(2)]
    with pytest.raises(ZajilError, match="quota"):
        await report(http, scene.hers, scene.item, complaint=True)
    assert desk.rows("SELECT count(*) FROM mod_report") == [(2,)]
    await desk.member(private=True)
    # Neither reports with proof nor anybody else's complaints are meant.
    await report(http, scene.hers, scene.item)
    await report(http, scene.his, scene.item, complaint=True)
    assert await inbox.close_report(server.reports, told[0].report_id, "not-acted")
    await report(http, scene.hers, scene.item, complaint=True)
    with pytest.raises(ZajilError, match="quota"):
        await report(http, scene.hers, scene.item, complaint=True)
