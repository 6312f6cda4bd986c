"""The key of private reports on a running server: who opens it, what shuts it, and what a seized disk holds."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
import pytest
from sqlalchemy import Connection
from tests.moderation.people.desk import Desk, Member
from tests.moderators import CHEAP, PASSPHRASE, unlock
from tests.server.conftest import NO_LIMITS
from tests.server.people import Person
from tests.server.test_reports import THREAT, Scene, item_of, post, report, write
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.engine.limits import DEFAULTS
from zajil.moderation.private import inbox, tallies
from zajil.moderation.private.keys import CLEAR_FILE, IDLE_S, SEALED_FILE, ModeratorKeys
from zajil.moderation.private.sealed import open_keys
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.review import api, private, routes
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.server.review import console

OTHER = "another passphrase"


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The console looks at who is logged in at each of its turns, a quarter of a second, instead of every 5 s."""
    monkeypatch.setattr(console, "_LOOK_S", 0.0)


@pytest.fixture
def http(desk: Desk) -> Http:
    return desk.http


@pytest.fixture
async def scene(server: Server, http: Http, client: aiohttp.ClientSession) -> Scene:
    omar, rita = Person(), Person()
    his, hers = await http.register(omar), await http.register(rita)
    async with Wire(f"http://127.0.0.1:{server.port}", Role.S, client) as s:
        group = await group_of_two(http, s, his, hers)
        data = write(omar, group.gid, THREAT)
        ok = await post(s, group, data)
    return Scene(omar, rita, his, hers, group, item_of(omar, group, data, ok), ok)


async def reader(desk: Desk) -> Member:
    """A member with the permission; the key is locked."""
    member = await desk.member(private=True)
    desk.server.reports.keys.lock()
    return member


async def state(desk: Desk, member: Member) -> str:
    return (await desk.ask(routes.PRIVATE, private.PrivateQueue, by=member)).key


async def look(desk: Desk) -> None:
    """Wait for the console's own look at who is logged in."""
    for _ in range(200):
        if not desk.server.reports.keys.opens:
            return
        await asyncio.sleep(0.05)


async def test_a_report_that_comes_while_locked_waits_sealed_and_is_read_after_unlocking(
    desk: Desk, scene: Scene, http: Http
) -> None:
    member = await reader(desk)
    taken = await report(http, scene.hers, scene.item)
    name = encode_b64(taken.report_id)
    await desk.ask(routes.CLAIM_PRIVATE, private.PrivateBrief, by=member, report=name)
    assert await desk.refused(routes.READ_PRIVATE, by=member, report=name) == "private-locked"
    body = private.ClosePrivate("acted")
    assert await desk.refused(routes.CLOSE_PRIVATE, body, by=member, report=name) == "private-locked"
    assert await state(desk, member) == "locked"
    assert await desk.refused(routes.UNLOCK_PRIVATE, private.Unlock(OTHER), by=member) == "wrong-passphrase"
    await desk.ask(routes.UNLOCK_PRIVATE, api.Empty, private.Unlock(PASSPHRASE), by=member)
    assert await state(desk, member) == "open"
    opened = await desk.ask(routes.READ_PRIVATE, private.PrivateReport, by=member, report=name)
    assert opened.messages[0].text == THREAT
    await desk.ask(routes.LOCK_PRIVATE, api.Empty, by=member)
    assert await desk.refused(routes.READ_PRIVATE, by=member, report=name) == "private-locked"


async def test_unlocking_asks_the_member_s_own_key_of_late(desk: Desk) -> None:
    member = await reader(desk)
    desk.clock.advance(301)
    assert await desk.refused(routes.UNLOCK_PRIVATE, private.Unlock(PASSPHRASE), by=member) == "step-up-needed"
    change = private.NewPassphrase(OTHER, PASSPHRASE)
    assert await desk.refused(routes.PASSPHRASE, change, by=member) == "step-up-needed"
    await desk.step_up(member)
    await desk.ask(routes.UNLOCK_PRIVATE, api.Empty, private.Unlock(PASSPHRASE), by=member)


class TestLimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return msgspec.structs.replace(settings, limits=NO_LIMITS | {"private_unlock": DEFAULTS["private_unlock"]})

    async def test_passphrases_cannot_be_tried_one_after_another(self, desk: Desk) -> None:
        member, other = await reader(desk), await reader(desk)
        for _ in range(5):
            assert await desk.refused(routes.UNLOCK_PRIVATE, private.Unlock(OTHER), by=member) == "wrong-passphrase"
        right = private.Unlock(PASSPHRASE)
        assert await desk.refused(routes.UNLOCK_PRIVATE, right, by=member) == "slow-down"
        change = private.NewPassphrase(OTHER, PASSPHRASE)
        assert await desk.refused(routes.PASSPHRASE, change, by=member) == "slow-down"
        assert not desk.server.reports.keys.opens
        # Nobody is locked out by a colleague's tries, nor for long by their own.
        await desk.ask(routes.UNLOCK_PRIVATE, api.Empty, right, by=other)
        desk.clock.advance(300)
        await desk.step_up(member)
        await desk.ask(routes.UNLOCK_PRIVATE, api.Empty, right, by=member)


async def test_it_locks_when_the_last_who_may_read_logs_out_or_is_sent_away(desk: Desk) -> None:
    first, second = await desk.member(private=True), await desk.member(private=True)
    admin = await desk.member("admin")
    await desk.ask(routes.DROP_TOKEN, api.Empty, by=first)
    assert desk.server.reports.keys.opens
    await desk.ask(routes.REVOKE, api.Empty, by=admin, staff=encode_b64(second.staff_id))
    assert not desk.server.reports.keys.opens


async def test_it_locks_when_the_last_session_runs_out_though_nobody_calls(desk: Desk) -> None:
    member = await desk.member(private=True)
    sealed = desk.server.reports.keys.seal(b"text", context=b"row")
    desk.clock.advance(IDLE_S - 1)
    desk.server.reports.keys.open(sealed, context=b"row")  # in use: only the session is idle
    desk.clock.advance(61)
    await look(desk)
    assert not desk.server.reports.keys.opens
    assert await desk.refused(routes.PRIVATE, by=member) == "token-expired"


async def test_it_locks_when_nobody_reads_for_half_an_hour(desk: Desk) -> None:
    member = await desk.member(private=True)
    for _ in range(2):
        desk.clock.advance(IDLE_S // 2)
        found = await state(desk, member)  # looking at the list is no reading
    assert found == "locked"


@pytest.mark.sqlite
async def test_a_restart_locks_and_a_copy_of_the_folder_opens_nothing(
    desk: Desk, scene: Scene, http: Http, server: Server, settings: Settings, tmp_path: Path
) -> None:
    await desk.member(private=True)
    await report(http, scene.hers, scene.item)
    assert len(await inbox.waiting_reports(server.reports, limit=10)) == 1
    private_key = open_keys((tmp_path / "data" / SEALED_FILE).read_bytes(), PASSPHRASE)[1]
    await server.stop()
    shutil.copytree(tmp_path / "data", tmp_path / "seized")
    found = await Server.start(tmp_path / "seized", settings, clock=desk.clock)
    try:
        assert found.reports.keys.state == "locked"
        with pytest.raises(ZajilError, match="private-locked"):
            await inbox.waiting_reports(found.reports, limit=10)
        with pytest.raises(ZajilError, match="private-locked"):
            await inbox.take_stock(found.reports)
        unlock(found)
        assert len(await inbox.waiting_reports(found.reports, limit=10)) == 1
    finally:
        await found.stop()
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for secret in (private_key, private_key.hex().encode(), PASSPHRASE.encode(), THREAT.encode()):
                assert secret not in content, path


async def test_the_first_member_chooses_the_passphrase_and_before_that_no_report_is_taken(
    desk: Desk, scene: Scene, http: Http, server: Server, tmp_path: Path
) -> None:
    for path in (tmp_path / "data").glob("moderators.*"):
        path.unlink()
    object.__setattr__(server.reports, "keys", ModeratorKeys(tmp_path / "data", clock=desk.clock, cost=CHEAP))
    for complaint in (False, True):
        with pytest.raises(ZajilError, match="reports-closed"):
            await report(http, scene.hers, scene.item, complaint=complaint)
    member = Member("reviewer")
    await desk.enrol(member, desk.invite(private=True))
    assert await state(desk, member) == "none"
    assert await desk.refused(routes.UNLOCK_PRIVATE, private.Unlock(OTHER), by=member) == "not-allowed"
    assert await desk.refused(routes.PASSPHRASE, private.NewPassphrase("short"), by=member) == "short-passphrase"
    await desk.ask(routes.PASSPHRASE, api.Empty, private.NewPassphrase(OTHER), by=member)
    assert await desk.refused(routes.PASSPHRASE, private.NewPassphrase(PASSPHRASE), by=member) == "not-allowed"
    await report(http, scene.hers, scene.item)
    assert len(await inbox.waiting_reports(server.reports, limit=10)) == 1
    await desk.ask(routes.PASSPHRASE, api.Empty, private.NewPassphrase(PASSPHRASE, OTHER), by=member)
    assert await desk.refused(routes.UNLOCK_PRIVATE, private.Unlock(OTHER), by=member) == "wrong-passphrase"


async def test_reports_under_a_key_in_clear_are_sealed_anew_by_the_first_passphrase(
    desk: Desk, scene: Scene, http: Http, server: Server, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    old = open_keys((data / SEALED_FILE).read_bytes(), PASSPHRASE)
    (data / SEALED_FILE).unlink()
    content = {"version": 1, "keys": {str(number): key.hex() for number, key in old.items()}}
    (data / CLEAR_FILE).write_bytes(msgspec.json.encode(content))
    (data / CLEAR_FILE).chmod(0o600)
    object.__setattr__(server.reports, "keys", ModeratorKeys(data, clock=desk.clock, cost=CHEAP))
    taken = await report(http, scene.hers, scene.item)
    told = await report(http, scene.hers, scene.item, complaint=True)
    member = Member("reviewer")
    await desk.enrol(member, desk.invite(private=True))
    assert await state(desk, member) == "clear"
    await desk.ask(routes.PASSPHRASE, api.Empty, private.NewPassphrase(OTHER), by=member)
    assert not (data / CLEAR_FILE).exists()
    heads = desk.rows("SELECT substr(body, 1, 1) FROM mod_report ORDER BY n")
    assert heads == [(b"\2",), (b"\2",)], "whoever kept the clear file reads none of them in this database"
    assert (await inbox.find_report(server.reports, taken.report_id)).items[0].text == THREAT
    assert [each.report_id for each in await inbox.waiting_complaints(server.reports, limit=5)] == [told.report_id]


class TestCap:
    """A restart forgets nobody's open complaints, and a member with few is written down nowhere."""

    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inbox, "COMPLAINTS_MAX", 4)

    @pytest.fixture
    def again(self, server: Server) -> Callable[[], None]:
        """As after a restart: what was in memory is not there."""

        def forget() -> None:
            object.__setattr__(server.reports, "complaints", inbox.OpenComplaints())
            server.reports.keys.lock()

        return forget

    async def test_a_restart_does_not_lift_the_cap(
        self, desk: Desk, scene: Scene, http: Http, server: Server, again: Callable[[], None]
    ) -> None:
        for _ in range(4):
            await report(http, scene.hers, scene.item, complaint=True)
        again()
        with pytest.raises(ZajilError, match="quota"):
            await report(http, scene.hers, scene.item, complaint=True)
        await report(http, scene.his, scene.item, complaint=True)
        await desk.member(private=True)
        first = (await inbox.waiting_complaints(server.reports, limit=1))[0]
        assert await inbox.close_report(server.reports, first.report_id, "not-acted")
        again()
        await report(http, scene.hers, scene.item, complaint=True)
        with pytest.raises(ZajilError, match="quota"):
            await report(http, scene.hers, scene.item, complaint=True)

    async def test_unlocking_counts_anew_those_who_are_written_down_nowhere(
        self, desk: Desk, scene: Scene, http: Http, server: Server, again: Callable[[], None]
    ) -> None:
        await report(http, scene.hers, scene.item, complaint=True)
        assert desk.rows("SELECT * FROM mod_complainant") == [], "one complaint leaves no name"
        again()
        member = await reader(desk)
        await desk.ask(routes.UNLOCK_PRIVATE, api.Empty, private.Unlock(PASSPHRASE), by=member)
        for _ in range(3):
            await report(http, scene.hers, scene.item, complaint=True)
        with pytest.raises(ZajilError, match="quota"):
            await report(http, scene.hers, scene.item, complaint=True)
        ((who, count),) = desk.rows("SELECT who, open FROM mod_complainant")
        assert count == 4
        (kept, *_) = await inbox.waiting_complaints(server.reports, limit=1)
        assert who == tallies.name_complainant(kept.reporter_ref)
        assert who not in (kept.reporter_ref, scene.rita.account_id)

    def test_what_a_colleague_closed_at_another_server_counts_no_more(self, server: Server) -> None:
        """Two servers on one database: complaints come to one, reviewers work at the other."""
        taking, reviewing, who = inbox.OpenComplaints(), inbox.OpenComplaints(), b"r" * 32

        def write(db: Connection) -> None:
            taken = []
            for _ in range(3):
                taken.append(0)
                with pytest.raises(ZajilError, match="quota"):
                    while True:
                        taking.add(db, who)
                        taken[-1] += 1
                with pytest.raises(ZajilError, match="quota"):
                    reviewing.add(db, who)
                for _ in range(taken[-1]):
                    reviewing.close(db, who)
            assert taken == [4, 3, 3], "one too few, of those that are written down nowhere"

        server._db.write_sync(write)
