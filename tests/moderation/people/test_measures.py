"""Measures against accounts after a report: two people, a statement of reasons, what the account meets, and undoing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import aiohttp
import pytest
from sqlalchemy import Connection
from tests import engines
from tests.moderation.people.desk import Desk, Member
from tests.moderators import PASSPHRASE
from tests.server.carriers import until
from tests.server.people import Person
from tests.server.test_reports import THREAT, Scene, item_of, post, report, write
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.auth import login
from zajil.auth.store import DeviceRow
from zajil.delivery.mailboxes import send_notice
from zajil.moderation.private import records, store, telling, untold
from zajil.moderation.private.telling import Telling
from zajil.protocol import cbor
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Kind, Role
from zajil.protocol.ids import AccountId, encode_b64, parse_b64
from zajil.protocol.report.measures import Measure
from zajil.protocol.review import api, private, routes
from zajil.server import measures
from zajil.server.app import Server
from zajil.server.gateway.services import Hello

MakeWire = Callable[[Role], Wire]


@pytest.fixture
def http(desk: Desk) -> Http:
    return desk.http


@pytest.fixture
def wire(server: Server, client: aiohttp.ClientSession) -> MakeWire:
    return lambda role: Wire(f"http://127.0.0.1:{server.port}", role, client)


@pytest.fixture
async def scene(http: Http, wire: MakeWire) -> Scene:
    omar, rita = Person(), Person()
    his, hers = await http.register(omar), await http.register(rita)
    async with wire(Role.S) as s:
        group = await group_of_two(http, s, his, hers)
        data = write(omar, group.gid, THREAT)
        ok = await post(s, group, data)
    return Scene(omar, rita, his, hers, group, item_of(omar, group, data, ok), ok)


async def taken(desk: Desk, member: Member, name: str) -> private.PrivateReport:
    """The report, claimed and read by this member."""
    await desk.ask(routes.CLAIM_PRIVATE, private.PrivateBrief, by=member, report=name)
    return await desk.ask(routes.READ_PRIVATE, private.PrivateReport, by=member, report=name)


async def decided(
    desk: Desk, http: Http, scene: Scene, action: Measure, days: int | None = None
) -> tuple[Member, Member, str]:
    """A measure that two members took after a report, and its name."""
    one, other = await desk.member(private=True), await desk.member(private=True)
    name = encode_b64((await report(http, scene.hers, scene.item)).report_id)
    await taken(desk, one, name)
    await desk.ask(routes.PROPOSE, api.Empty, private.ProposeMeasure(action, days), by=one, report=name)
    await taken(desk, other, name)
    await desk.ask(routes.CONFIRM, api.Empty, by=other, report=name)
    (newest, *_) = (await desk.ask(routes.MEASURES, private.Measures, by=one)).measures
    return one, other, encode_b64(newest.measure_id)


async def logged_in(desk: Desk, person: Person) -> str:
    """Its Authorization header."""
    desk.clock.advance(1)  # a challenge is good once in a moment
    return await desk.http.log_in(person)


async def notices(wire: MakeWire, auth: str) -> list[tuple[str, dict[cbor.Key, cbor.Parsed]]]:
    """Names and fields of what the server told this device."""
    found = []
    async with wire(Role.R) as r:
        await r.hello(auth)
        for each in await r.messages():
            value = cbor.parse(each.body) if each.kind is Kind.NOTICE else None
            if isinstance(value, list) and isinstance(value[1], dict):
                found.append((str(value[0]), dict(value[1])))
    return found


async def test_one_person_alone_does_nothing_to_an_account(desk: Desk, scene: Scene, http: Http) -> None:
    one, other = await desk.member(private=True), await desk.member("admin", private=True)
    name = encode_b64((await report(http, scene.hers, scene.item)).report_id)
    suspend = private.ProposeMeasure("suspend", 7)
    assert await desk.refused(routes.PROPOSE, suspend, by=one, report=name) == "item-claimed"
    await taken(desk, one, name)
    assert await desk.refused(routes.CONFIRM, by=one, report=name) == "gone"
    warn = private.ProposeMeasure("warn", 7)
    assert await desk.refused(routes.PROPOSE, warn, by=one, report=name) == "malformed"
    await desk.ask(routes.PROPOSE, api.Empty, suspend, by=one, report=name)
    await logged_in(desk, scene.omar)
    listed = await desk.ask(routes.PRIVATE, private.PrivateQueue, by=other)
    assert [(each.claim, each.proposed) for each in listed.reports] == [("", "other")]
    assert (await taken(desk, one, name)).proposed == private.Proposal("suspend", own=True, days=7)
    assert await desk.refused(routes.CONFIRM, by=one, report=name) == "own-decision"
    await desk.ask(routes.RELEASE_PRIVATE, api.Empty, by=one, report=name)
    assert (await taken(desk, other, name)).proposed == private.Proposal("suspend", own=False, days=7)
    await desk.ask(routes.REFUSE, api.Empty, by=other, report=name)
    assert await desk.refused(routes.CONFIRM, by=other, report=name) == "gone"
    await logged_in(desk, scene.omar)
    assert (await desk.ask(routes.MEASURES, private.Measures, by=one)).measures == ()


async def test_a_suspended_account_is_told_why_and_until_when_and_comes_back_by_itself(
    desk: Desk, scene: Scene, http: Http, wire: MakeWire
) -> None:
    await decided(desk, http, scene, "suspend", 7)
    until = int(desk.clock()) + 7 * 86_400
    with pytest.raises(ZajilError, match="suspended") as refused:
        await logged_in(desk, scene.omar)
    assert (refused.value.detail["reason"], refused.value.detail["until"]) == ("harassment", until)
    told = str(refused.value.detail)
    for secret in (scene.rita.account_id, scene.group.gid):
        assert encode_b64(secret) not in told
    with pytest.raises(ZajilError, match="token-expired"):
        await http.refs(scene.his)  # what was open is over
    own, scene.omar.devices[1] = scene.omar.devices[1], scene.rita.devices[1]
    with pytest.raises(ZajilError, match="bad-challenge"):
        await logged_in(desk, scene.omar)  # nobody else learns it by asking for that account
    scene.omar.devices[1] = own
    (outcome,) = await notices(wire, scene.hers)
    assert (outcome[0], outcome[1]["outcome"]) == ("report-outcome", "acted")

    desk.clock.advance(7 * 86_400 + 1)
    auth = await logged_in(desk, scene.omar)
    assert desk.rows("SELECT count(*) FROM account_measure") == [(0,)]
    ((name, fields),) = await notices(wire, auth)
    assert name == "account-measure"
    assert (fields["action"], fields["reason"], fields["until"]) == ("suspend", "harassment", until)


async def test_an_outage_after_a_suspension_leaves_no_device_connected_and_no_notice_untold(
    desk: Desk, scene: Scene, http: Http, wire: MakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The measure is in the database; who decided must not hear that it failed."""
    monkeypatch.setattr(measures, "AGAIN_S", 0.01)
    asked, find = [0], login.devices_of

    def find_late(db: Connection, account: AccountId) -> Sequence[DeviceRow]:
        asked[0] += 1
        if asked[0] <= 3:
            raise error("busy")
        return find(db, account)

    monkeypatch.setattr(login, "devices_of", find_late)
    async with wire(Role.R) as r:
        await r.hello(scene.his)
        await decided(desk, http, scene, "suspend", 1)
        assert await r.until_end() == "token-expired"
    # Its connection ends before it is told: the notice may be on its way yet.
    await until(lambda: desk.rows("SELECT count(*) FROM mod_untold") == [(0,)])
    desk.clock.advance(2 * 86_400)
    told = await notices(wire, await logged_in(desk, scene.omar))
    assert [fields["action"] for name, fields in told if name == "account-measure"] == ["suspend"]


async def test_who_was_being_admitted_while_it_was_decided_is_shut_out_too(
    desk: Desk, scene: Scene, http: Http, wire: MakeWire, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its login was found good a moment before, and it was nobody's connection yet when those were ended."""
    clerk, tell, before = server.gateway._clerk, send_notice, asyncio.Future[Hello]()
    before.set_result(await server._check_hello(parse_b64(scene.his.removeprefix("Device "), size=32)))
    async with wire(Role.R) as r:

        async def tell_late(*told: Any) -> None:  # Any: passed on as they are
            monkeypatch.setattr(clerk, "_services", replace(clerk._services, check_hello=lambda _token: before))
            await r.hello(scene.his)
            await tell(*told)

        monkeypatch.setattr(measures, "send_notice", tell_late)
        await decided(desk, http, scene, "suspend", 1)
        assert await r.until_end() == "token-expired"


async def test_a_warning_is_told_and_shuts_nobody_out(desk: Desk, scene: Scene, http: Http, wire: MakeWire) -> None:
    one, _, measure = await decided(desk, http, scene, "warn")
    await desk.ask(routes.UNDO_MEASURE, api.Empty, by=one, measure=measure)
    assert await desk.refused(routes.UNDO_MEASURE, by=one, measure=measure) == "item-closed"
    told = await notices(wire, await logged_in(desk, scene.omar))
    assert [fields["action"] for _, fields in told] == ["warn", "undone"]


async def test_what_a_server_died_before_telling_is_told_once_by_whichever_looks(
    desk: Desk, server: Server, scene: Scene, http: Http, wire: MakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _, measure = await decided(desk, http, scene, "warn")
    assert desk.rows("SELECT count(*) FROM mod_untold") == [(0,)]
    with monkeypatch.context() as death:
        death.setattr(measures, "send_notice", _die)
        assert await desk.refused(routes.UNDO_MEASURE, by=one, measure=measure) == "internal"
    undone_at = int(desk.clock())
    desk.clock.advance(100)
    gateways = [Telling(), Telling()]
    for each in gateways:
        await each.look(server.reports)
    assert len(await notices(wire, await logged_in(desk, scene.omar))) == 1  # whoever decided may be about to tell
    await asyncio.gather(*(each.look(server.reports) for each in gateways))
    for _ in range(2):
        await gateways[0].look(server.reports)
    told = await notices(wire, await logged_in(desk, scene.omar))
    assert [fields["action"] for _, fields in told] == ["warn", "undone"]
    assert told[1][1]["at"] == undone_at
    assert told[1][1]["measure"] == parse_b64(measure, size=16)
    assert desk.rows("SELECT count(*) FROM mod_untold") == [(0,)]


async def test_what_is_told_twice_has_one_id_and_everything_else_another(
    desk: Desk, server: Server, scene: Scene, http: Http, wire: MakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server dies between the notice and the mark that it was told; its devices know it by its id."""
    with monkeypatch.context() as death:
        death.setattr(untold, "mark_measure_told", _die)
        with pytest.raises(ZajilError, match="internal"):
            await decided(desk, http, scene, "warn")
    one = await desk.member(private=True)
    gateway = Telling()
    for _ in range(3):
        await gateway.look(server.reports)
    (newest, *_) = (await desk.ask(routes.MEASURES, private.Measures, by=one)).measures
    await desk.ask(routes.UNDO_MEASURE, api.Empty, by=one, measure=encode_b64(newest.measure_id))
    told = [fields for _, fields in await notices(wire, await logged_in(desk, scene.omar))]
    assert [fields["action"] for fields in told] == ["warn", "warn", "undone"]
    assert told[0] == told[1]
    assert len({fields["id"] for fields in told}) == 2


async def test_what_was_undone_since_is_not_told_as_if_it_began(
    desk: Desk, server: Server, scene: Scene, http: Http, wire: MakeWire
) -> None:
    one, _, measure = await decided(desk, http, scene, "suspend")
    server._db.write_sync(lambda db: untold.put_measure(db, parse_b64(measure, size=16), undone=False))
    await desk.ask(routes.UNDO_MEASURE, api.Empty, by=one, measure=measure)
    gateway = Telling()
    for _ in range(3):
        await gateway.look(server.reports)
    told = await notices(wire, await logged_in(desk, scene.omar))
    assert [fields["action"] for _, fields in told] == ["suspend", "undone"]
    assert desk.rows("SELECT count(*) FROM mod_untold") == [(0,)]


async def test_an_outcome_that_a_server_died_before_telling_is_told_once(
    desk: Desk, server: Server, scene: Scene, http: Http, wire: MakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await desk.member(private=True)
    name = encode_b64((await report(http, scene.hers, scene.item)).report_id)
    await taken(desk, one, name)
    with monkeypatch.context() as death:
        death.setattr(measures, "tell_outcome", _die)
        close = private.ClosePrivate("not-acted")
        assert await desk.refused(routes.CLOSE_PRIVATE, close, by=one, report=name) == "internal"
    assert await notices(wire, scene.hers) == []
    assert "not-acted" not in str(desk.rows("SELECT outcome FROM mod_untold"))
    gateways = [Telling(), Telling()]
    for _ in range(3):
        await asyncio.gather(*(each.look(server.reports) for each in gateways))
    ((told, fields),) = await notices(wire, scene.hers)
    assert (told, fields["outcome"], fields["report"]) == ("report-outcome", "not-acted", parse_b64(name, size=16))
    assert desk.rows("SELECT count(*) FROM mod_untold") == [(0,)]


async def untold_of_each_kind(desk: Desk, http: Http, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Member:
    """A server died before it told of a warning and of what a report came to. One of the two who decided."""
    one, other = await desk.member(private=True), await desk.member(private=True)
    with monkeypatch.context() as death:
        death.setattr(measures, "tell_outcome", _die)
        death.setattr(measures, "send_notice", _die)
        name = encode_b64((await report(http, scene.hers, scene.item)).report_id)
        await taken(desk, one, name)
        await desk.ask(routes.PROPOSE, api.Empty, private.ProposeMeasure("warn"), by=one, report=name)
        await taken(desk, other, name)
        assert await desk.refused(routes.CONFIRM, by=other, report=name) == "internal"
    return one


async def test_what_does_not_open_is_put_aside_and_stops_nobody(
    desk: Desk, server: Server, scene: Scene, http: Http, wire: MakeWire, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """A measure and an outcome are damaged, before others that are not; another server has seen nothing yet."""
    spoiled = bytes(16)
    server._db.write_sync(lambda db: untold.put_measure(db, spoiled, undone=False))
    server._db.write_sync(lambda db: untold.put_outcome(db, spoiled, b"\1 not sealed"))
    server._db.write_sync(lambda db: store.insert_report(db, spoiled, kind=store.REPORT, body=b"\1 not sealed", day=0))
    measure = records.MeasureRow(spoiled, spoiled, records.IN_FORCE, b"\1 not sealed", b"r", b"s", 0)
    server._db.write_sync(lambda db: records.insert_measure(db, measure))
    monkeypatch.setattr(telling, "_LISTED", 2)  # as many as one look takes are damaged
    await untold_of_each_kind(desk, http, scene, monkeypatch)
    gateway = Telling()
    for _ in range(untold.TRIES_MAX + 1):
        assert gateway.aside == 0
        assert count_aside_by_doctor(desk) == 0
        await gateway.look(server.reports)
    assert gateway.aside == 2
    assert count_aside_by_doctor(desk) == 2
    said = [each for each in caplog.records if each.name == telling.__name__]
    assert [each.getMessage().partition(":")[0] for each in said] == ["database-untold"]
    for _ in range(3):
        await gateway.look(server.reports)
    told = await notices(wire, await logged_in(desk, scene.omar))
    assert [fields["action"] for _, fields in told] == ["warn"]
    assert [fields["outcome"] for _, fields in await notices(wire, scene.hers)] == ["acted"]
    assert len([each for each in caplog.records if each.name == telling.__name__]) == 1
    other = Telling()
    await other.look(server.reports)
    assert other.aside == 2, "each server gives the figure"


async def test_what_was_put_aside_is_told_once_its_key_is_back(
    desk: Desk, server: Server, scene: Scene, http: Http, wire: MakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = await untold_of_each_kind(desk, http, scene, monkeypatch)
    keys = server.reports.keys
    with monkeypatch.context() as lost:
        gateway = Telling()
        lost.setattr(keys, "_open_halves", lambda: {200: None})  # another one: what is here is not sealed to it
        for _ in range(untold.TRIES_MAX + 1):
            await gateway.look(server.reports)
        assert gateway.aside == 2
    for _ in range(3):
        await gateway.look(server.reports)
    assert await notices(wire, scene.hers) == [], "nobody tries it again by itself"
    await desk.ask(routes.UNLOCK_PRIVATE, api.Empty, private.Unlock(PASSPHRASE), by=member)
    for _ in range(3):
        await gateway.look(server.reports)
    assert gateway.aside == 0
    told = await notices(wire, await logged_in(desk, scene.omar))
    assert [fields["action"] for _, fields in told] == ["warn"]
    assert [fields["outcome"] for _, fields in await notices(wire, scene.hers)] == ["acted"]


async def test_a_server_without_the_key_takes_nothing_from_one_that_has_it(
    desk: Desk, server: Server, scene: Scene, http: Http, wire: MakeWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two gateways one has another `moderators.sealed`; nor does a key that is locked meanwhile count as a try."""
    await untold_of_each_kind(desk, http, scene, monkeypatch)
    poor, rich = Telling(), Telling()
    with monkeypatch.context() as lost:
        lost.setattr(server.reports.keys, "_open_halves", lambda: {200: None})
        for _ in range(untold.TRIES_MAX):
            await poor.look(server.reports)
    await rich.look(server.reports)
    await rich.look(server.reports)
    assert [fields["outcome"] for _, fields in await notices(wire, scene.hers)] == ["acted"]
    for _ in range(2):
        await poor.look(server.reports)
    assert poor.aside == 0


async def test_what_is_aside_for_good_goes_in_the_end(desk: Desk, server: Server) -> None:
    today, spoiled, gone = server.reports.today(), bytes(16), bytes(15) + b"\1"
    for state, name in ((records.IN_FORCE, spoiled), (records.UNDONE, bytes(15) + b"\2")):
        row = records.MeasureRow(name, name, state, b"\1 not sealed", b"r", b"s", today - untold.ASIDE_DAYS + 1)
        server._db.write_sync(partial(records.insert_measure, row=row))
    for name in (spoiled, gone, bytes(15) + b"\2"):
        server._db.write_sync(partial(untold.put_measure, measure_id=name, undone=False))
    for name in (spoiled, gone):
        assert server._db.write_sync(partial(untold.put_aside, found=untold.Untold(name, untold.IN_FORCE, None, 0)))
    await server.run_retention()
    assert desk.rows("SELECT count(*) FROM mod_untold") == [(2,)], "one of no measure any more goes at once"
    desk.clock.advance(86_400)
    await server.run_retention()
    assert desk.rows("SELECT about FROM mod_untold") == [(bytes(15) + b"\2",)], "of what may yet be told none"


def count_aside_by_doctor(desk: Desk) -> int:
    return int(desk.server._db.read_sync(untold.count_aside))


async def _die(*_of: object) -> NoReturn:
    raise RuntimeError("the server is killed here")


async def test_undoing_lets_the_account_in_again_unless_a_later_one_stands(
    desk: Desk, scene: Scene, http: Http
) -> None:
    one, _, first = await decided(desk, http, scene, "suspend")
    with pytest.raises(ZajilError, match="suspended") as refused:
        await logged_in(desk, scene.omar)
    assert refused.value.detail["until"] == 0
    _, _, second = await decided(desk, http, scene, "suspend", 30)
    await desk.ask(routes.UNDO_MEASURE, api.Empty, by=one, measure=first)
    with pytest.raises(ZajilError, match="suspended"):
        await logged_in(desk, scene.omar)
    await desk.ask(routes.UNDO_MEASURE, api.Empty, by=one, measure=second)
    await logged_in(desk, scene.omar)
    listed = await desk.ask(routes.MEASURES, private.Measures, by=one)
    assert [each.undone for each in listed.measures] == [True, True]


async def test_a_measure_that_does_not_open_hides_no_other_one(
    desk: Desk, server: Server, scene: Scene, http: Http
) -> None:
    """Sealed to a key that is lost, damaged, or not what this version writes: each is counted."""
    one, _, measure = await decided(desk, http, scene, "warn")
    plain = server.reports.keys.seal(b"\xc1", context=telling.context_of(bytes(16)))
    for n, body in enumerate((plain, b"\1 not sealed", b"")):
        row = records.MeasureRow(bytes(15) + bytes((n,)), bytes(16), records.IN_FORCE, body, b"r", b"s", 30_000)
        server._db.write_sync(partial(records.insert_measure, row=row))
    listed = await desk.ask(routes.MEASURES, private.Measures, by=one)
    assert [encode_b64(each.measure_id) for each in listed.measures] == [measure]
    assert listed.unread == 3
    for n in range(3):
        name = encode_b64(bytes(15) + bytes((n,)))
        assert await desk.refused(routes.UNDO_MEASURE, by=one, measure=name) == "not-allowed"


async def test_a_complaint_without_proof_is_no_ground(desk: Desk, scene: Scene, http: Http) -> None:
    member = await desk.member(private=True)
    told = await report(http, scene.hers, scene.item, complaint=True)
    name = encode_b64(told.report_id)
    await taken(desk, member, name)
    body = private.ProposeMeasure("warn")
    assert await desk.refused(routes.PROPOSE, body, by=member, report=name) == "not-allowed"


async def test_the_disk_does_not_tell_which_account_a_report_led_to(
    desk: Desk, scene: Scene, http: Http, tmp_path: Path
) -> None:
    await decided(desk, http, scene, "warn")
    with engines.beside(tmp_path / "data") as kept:
        for table in ("mod_measure", "mod_report", "mod_private_act"):
            for row in kept.ask(f"SELECT * FROM {table}", ()):
                assert not [cell for cell in row if isinstance(cell, bytes) and bytes(scene.omar.account_id) in cell], (
                    table
                )
