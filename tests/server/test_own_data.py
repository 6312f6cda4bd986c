"""What the server shows of itself: the inventory of one account, single rows as they rest, and codes for guests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests import engines
from tests.server.conftest import NO_LIMITS
from tests.server.people import Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.engine.limits import DEFAULTS
from zajil.protocol import control, frames
from zajil.protocol.control import parse_json
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Kind, Role
from zajil.protocol.ids import encode_b64
from zajil.server.config import Settings
from zajil.server.inventory import collect

MakeWire = Callable[[Role], Wire]


async def counts_of(http: Http, auth: str) -> dict[str, int | None]:
    found = parse_json(await http.call(control.OWN_DATA, auth=auth), control.OwnData)
    assert {(row.table, row.column, row.kind, row.purpose, row.retention) for row in found.rows} == {
        (row.table, row.column, row.kind, row.purpose, row.retention) for row in collect()
    }
    return {row.table: row.rows for row in found.rows}


async def row_of(http: Http, auth: str, message_id: bytes) -> dict[tuple[str, str], control.StoredCell]:
    answer = await http.call(control.MAILBOX_ROW, auth=auth, id=encode_b64(message_id))
    return {(cell.table, cell.name): cell for cell in parse_json(answer, control.StoredMessage).cells}


async def test_an_account_sees_how_many_rows_are_its_own_and_that_the_rest_cannot_be_told(
    http: Http, wire: MakeWire
) -> None:
    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    one, two = await http.register(person), await http.register(Person())
    async with wire(Role.S) as s:
        group = await group_of_two(http, s, two, one)
        await s.ask(group.send(5))
    package = control.KeyPackage(0x53, control.Blob(b"package"), 1_000 + int(1e10))
    assert await http.code(control.PUT_KEY_PACKAGES, control.PutKeyPackages((package,)), auth=one) == "malformed"
    mine = await counts_of(http, one)
    expected = {"account": 1, "device": 2, "device_list": 1, "session_token": 1, "contact_token": 0, "key_package": 0}
    expected |= {"account_measure": 0, "bridge_asker": 0, "username": 0, "mailbox": 2, "mailbox_item": 2, "message": 2}
    expected |= {"push": 0, "push_due": 0}
    unknown = dict.fromkeys(
        (
            *(
                "grp",
                "pass",
                "attachment",
                "backup",
                "invite_code",
                "claim",
                "idem",
                "http_claim",
                "http_idem",
                "ref_deny",
                "ref_use",
                "contact_pair",
                "link",
                "spent",
                "alembic_version",
                "key_mark",
                "server_state",
            ),
            *("bridge", "bridge_code", "bridge_token", "bridge_of_token", "reach_document"),
        )
    )
    # Of the public space, and of what moderators have, the server cannot tell what is whose.
    unknown |= dict.fromkeys(table for table in mine if table.startswith(("pub_", "mod_")))
    assert mine == {**expected, **unknown}
    assert (await counts_of(http, await http.register(Person())))["message"] == 0


async def test_a_stored_row_is_shown_as_it_lies_on_the_disk(http: Http, wire: MakeWire, tmp_path: Path) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s, wire(Role.R) as r:
        group = await group_of_two(http, s, one, two)
        await s.ask(group.send(5, b"a text nobody may read"))
        await r.hello(two)
        message = next(m for m in await r.messages() if m.kind is Kind.APP)
        shown = await row_of(http, two, message.id)
        with engines.beside(tmp_path / "data") as kept:
            rows = engines.rows_of(kept)
        (stored,) = [row for row in rows["message"] if row["id"] == message.id]
        devices = {row["mailbox_id"] for row in rows["device"] if row["account_id"]}
        entry = next(
            row for row in rows["mailbox_item"] if row["message_id"] == message.id and row["mailbox_id"] in devices
        )
        assert stored.pop("refs") == 2
        refs = shown.pop(("message", "refs"))
        assert (refs.value, refs.withheld) == (None, True)
        assert {name for table, name in shown if table == "message"} == set(stored)
        for name, value in stored.items():
            cell = shown["message", name]
            assert cell.value == (encode_b64(value) if isinstance(value, bytes) else value), name
            assert cell.purpose
        assert shown["message", "body"].kind == "ciphertext"
        assert {name for table, name in shown if table == "mailbox_item"} == set(entry)
        assert shown["mailbox_item", "seq"].value == message.seq
        assert encode_b64(message.body) not in str(shown)


async def test_a_row_is_shown_to_those_it_waits_for_and_to_nobody_else(http: Http, wire: MakeWire) -> None:
    """After the own acknowledgement it is gone, whether or not somebody else still waits for it."""
    one, two, stranger = [await http.register(Person()) for _ in range(3)]
    async with wire(Role.S) as s, wire(Role.R) as r:
        group = await group_of_two(http, s, one, two)
        await s.ask(group.send(5))
        await r.hello(two)
        message = next(m for m in await r.messages() if m.kind is Kind.APP)
        for auth in (one, two):
            await row_of(http, auth, message.id)
        answers = [await raw_row(http, stranger, message.id), await raw_row(http, stranger, os.urandom(16))]
        await r.send(frames.Mack(message.seq))
        await r.hello(two, after=message.seq)
        answers += [await raw_row(http, two, message.id)]
        assert [status for status, _ in answers] == [404, 404, 404]
        assert len({body for _, body in answers}) == 1
        await row_of(http, one, message.id)
        for wrong in ("x", "", encode_b64(bytes(15)), encode_b64(bytes(17)), "%2e%2e"):
            status, _, _ = await http.raw("GET", f"/v1/mailbox/rows/{wrong}", headers={"authorization": one})
            assert status in {400, 404}


async def raw_row(http: Http, auth: str, message_id: bytes) -> tuple[int, bytes]:
    url = control.MAILBOX_ROW.url(id=encode_b64(message_id))
    status, body, _ = await http.raw("GET", url, headers={"authorization": auth})
    return status, body


async def test_a_large_row_and_the_inventory_travel_on_the_session_too(http: Http, wire: MakeWire) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s, wire(Role.R) as r:
        group = await group_of_two(http, s, one, two)
        await s.ask(group.send(5, b"x" * 4500))
        await r.hello(two)
        message = next(m for m in await r.messages() if m.kind is Kind.APP)
        for url in (control.MAILBOX_ROW.url(id=encode_b64(message.id)), control.OWN_DATA.url()):
            await r.send(frames.HttpReq(7, "GET", url, {"authorization": two}, b""))
            status, body, more = 0, b"", True
            while more:
                part = await r.expect(frames.HttpRes)
                assert isinstance(part, frames.HttpRes)
                status, body, more = part.status, body + part.body, part.more
            plain = await http.raw("GET", url, headers={"authorization": two})
            assert (status, msgspec.json.decode(body)) == (200, msgspec.json.decode(plain[1]))


async def test_a_member_gives_a_guest_a_code_and_only_the_number_of_codes_is_kept(http: Http, tmp_path: Path) -> None:
    person = Person()
    auth = await http.register(person)
    answer = parse_json(
        await http.call(control.TAKE_PASSES, control.TakePasses("invite", 2), auth=auth), control.Passes
    )
    assert answer.passes == ()
    assert len(set(answer.codes)) == 2
    with engines.beside(tmp_path / "data") as kept:
        assert kept.ask("SELECT invites FROM account", ()) == [(2,)]
        stored = kept.ask("SELECT hash, uses FROM invite_code", ())
    assert [uses for _, uses in stored] == [1, 1]
    assert not any(code.encode() in digest for code in answer.codes for digest, _ in stored)
    group = parse_json(await http.call(control.TAKE_PASSES, control.TakePasses("group", 1), auth=auth), control.Passes)
    assert (len(group.passes), group.codes) == (1, ())


class TestInviteOnly:
    """On a server that wants a code, with the limits as they are."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(port=0, limits={**NO_LIMITS, "pass_invite": DEFAULTS["pass_invite"]}, drain_s=0)

    async def test_a_guest_registers_once_with_a_members_code(self, http: Http, tmp_path: Path) -> None:
        from zajil.server.admin import create_invite

        member = await http.register(Person(), invite=create_invite(tmp_path / "data", 1))
        taken = await http.call(control.TAKE_PASSES, control.TakePasses("invite", 1), auth=member)
        (code,) = parse_json(taken, control.Passes).codes
        await http.register(Person(), invite=code.lower().replace("-", " "))
        with pytest.raises(ZajilError, match="gate-required"):
            await http.register(Person(), invite=code)
        about = parse_json(await http.call(control.CONFIG), control.Config)
        assert (about.server_name, about.registration, about.min_client) == ("localhost", "invite", 0)

    async def test_twenty_codes_an_hour_and_no_more(self, http: Http, tmp_path: Path) -> None:
        from zajil.server.admin import create_invite

        auth = await http.register(Person(), invite=create_invite(tmp_path / "data", 1))
        assert await http.code(control.TAKE_PASSES, control.TakePasses("invite", 20), auth=auth) == "ok"
        assert await http.code(control.TAKE_PASSES, control.TakePasses("invite", 1), auth=auth) == "slow-down"
        assert await http.code(control.TAKE_PASSES, control.TakePasses("group", 1), auth=auth) == "ok"
        for kind, n in (("invite", 0), ("invite", 65), ("invite ", 1), ("group|invite", 1), ("", 1)):
            assert await http.code(control.TAKE_PASSES, control.TakePasses(kind, n), auth=auth) == "malformed"


async def test_the_answer_of_a_linking_can_be_waited_for(http: Http) -> None:
    addr = encode_b64(os.urandom(16))
    await http.call(control.PUT_LINK_OFFER, b"offer", addr=addr)
    for wrong in ("26", "-1", "1.5", "x", "", "001", "\u0661"):
        assert await http.code(control.LINK_ANSWER, addr=addr, query=f"?wait={wrong}") == "malformed", wrong
    assert await http.code(control.LINK_OFFER, addr=addr, query="?wait=1") == "malformed"
    await http.call(control.PUT_LINK_ANSWER, b"answer", addr=addr)
    assert await http.call(control.LINK_ANSWER, addr=addr, query="?wait=25") == b"answer"
    assert await http.call(control.LINK_ANSWER, addr=addr) == b"answer", "again, where the first copy was lost"
