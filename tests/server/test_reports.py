"""POST /v1/reports on a real server: who may, what proves, what is refused by name, and what lies on the disk then."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests import engines
from tests.server.conftest import NO_LIMITS
from tests.server.people import FakeGroup, Person, private_message, public
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.engine.keys import SealBroken
from zajil.engine.limits import Limit
from zajil.moderation.private import inbox, store
from zajil.protocol import cbor, control, frames
from zajil.protocol.chat import content, forms
from zajil.protocol.chat.aad import ApplicationAad
from zajil.protocol.chat.content import MimiContent, NullPart
from zajil.protocol.control import B16, B32, B64, Blob, parse_json
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Kind, Role
from zajil.protocol.identity import objects
from zajil.protocol.identity.objects import DeviceCertificate
from zajil.protocol.ids import DeviceId, GroupId, Mid
from zajil.protocol.public.routes import SCHEME as PUBLIC_SCHEME
from zajil.protocol.report.measures import notice_id
from zajil.server.app import Server
from zajil.server.config import Settings

MakeWire = Callable[[Role], Wire]
THREAT = "I know where you live: سأجدك"


@dataclass
class Scene:
    """Omar wrote to Rita; she holds what came out of her mailbox."""

    omar: Person
    rita: Person
    his: str
    hers: str
    group: FakeGroup
    item: control.ReportItem
    accepted: frames.Ok


def certificate(person: Person, device: int = 1, *, leaf: Ed25519PrivateKey | None = None) -> bytes:
    key = public(leaf or person.devices[device])
    made = DeviceCertificate(person.account_id, public(person.seed), DeviceId(device), key, 1, 1_000)
    return objects.sign_object(objects.Kind.CERTIFICATE, made.encode(), person.seed)


def write(person: Person, gid: GroupId, text: str, *, device: int = 1) -> bytes:
    marks: dict[Any, Any] = {
        content.SENDER_URI: content.sender_uri("localhost", person.account_id),
        content.ROOM_URI: content.room_uri("localhost", gid),
        content.DEVICE_ID: device,
        content.SENT_MS: 1_700_000_000_000,
    }
    blank = MimiContent(os.urandom(16), NullPart(), extensions=marks)
    return content.encode_content(forms.encode_form(forms.Text(text), blank))


def tag_of(data: bytes) -> bytes:
    return content.content_tag(content.parse_content(data).salt, data)


async def post(s: Wire, group: FakeGroup, data: bytes) -> frames.Ok:
    """Anybody who holds the group's token can have these bytes taken: the server knows no senders."""
    body = private_message(group.gid, group.epoch, 1, ApplicationAad(tag_of(data)).encode(), os.urandom(700))
    mid = Mid(os.urandom(16))
    ok = await s.ask(frames.Send(9, mid, group.gid, group.token(), group.roster_key, 0, 0, body))
    assert isinstance(ok, frames.Ok), ok
    return ok


def mark_of(ok: frames.Ok) -> B32:
    assert ok.frank is not None
    return B32(ok.frank)


def item_of(
    person: Person, group: FakeGroup, data: bytes, ok: frames.Ok, *, signer: Ed25519PrivateKey | None = None
) -> control.ReportItem:
    sig = (signer or person.devices[1]).sign(content.report_tbs(tag_of(data), group.gid, group.epoch))
    head = Blob(data), B64(sig), group.epoch, B16(group.gid)
    return control.ReportItem(*head, ok.ts, mark_of(ok), Blob(certificate(person)))


@pytest.fixture
async def scene(http: Http, wire: MakeWire) -> Scene:
    omar, rita = Person(), Person()
    his, hers = await http.register(omar), await http.register(rita)
    async with wire(Role.S) as s, wire(Role.R) as r:
        group = await group_of_two(http, s, his, hers)
        data = write(omar, group.gid, THREAT)
        ok = await post(s, group, data)
        await r.hello(hers)
        (message,) = [m for m in await r.messages() if m.kind is Kind.APP]
    assert (message.frank, message.ts) == (ok.frank, ok.ts)
    return Scene(omar, rita, his, hers, group, item_of(omar, group, data, ok), ok)


async def report(http: Http, auth: str, *items: control.ReportItem, complaint: bool = False) -> control.ReportTaken:
    request = control.MakeReport("harassment", items, "it goes on", complaint)
    return parse_json(await http.call(control.MAKE_REPORT, request, auth=auth), control.ReportTaken)


async def check_that_refuses(http: Http, auth: str, *items: control.ReportItem) -> tuple[int, str]:
    with pytest.raises(ZajilError) as refused:
        await report(http, auth, *items)
    assert (refused.value.code, refused.value.status) == ("report-unverified", 422)
    detail = refused.value.detail
    assert isinstance(detail["item"], int)
    return detail["item"], str(detail["check"])


async def test_a_true_report_reaches_the_moderators_and_says_who_wrote_it(
    http: Http, server: Server, scene: Scene
) -> None:
    taken = await report(http, scene.hers, scene.item)
    assert taken.verified
    (kept,) = await inbox.waiting_reports(server.reports, limit=10)
    assert (kept.report_id, kept.sender_account) == (taken.report_id, scene.omar.account_id)
    (message,) = kept.items
    assert (message.text, message.sent_ms, message.accepted_ms) == (THREAT, 1_700_000_000_000, scene.accepted.ts)
    assert (kept.reason, kept.note) == ("harassment", "it goes on")
    assert await inbox.waiting_complaints(server.reports, limit=10) == []


async def test_forgeries_are_refused_by_name_and_nothing_of_them_is_kept(
    http: Http, wire: MakeWire, server: Server, scene: Scene
) -> None:
    omar, rita, good = scene.omar, scene.rita, scene.item
    changed = msgspec.structs.replace
    edited = Blob(bytes(good.content).replace(b"where", b"there"))
    async with wire(Role.S) as s:
        ok_edited = await post(s, scene.group, bytes(edited))
        framed = write(omar, scene.group.gid, "I, Omar, will burn it down")
        ok_framed = await post(s, scene.group, framed)
        other = FakeGroup()
        made = await s.ask(other.create(1, await http.group_pass(scene.hers), (await http.refs(scene.hers))[0]))
        assert isinstance(made, frames.Ok)
        ok_moved = await post(s, other, bytes(good.content))
    own_mark = B32(hashlib.sha256(b"mine").digest())
    old = good.ts - 91 * 86_400_000
    forgeries = {
        "edited": (changed(good, content=edited), "signature"),
        "edited and franked": (changed(good, content=edited, ts=ok_edited.ts, frank=mark_of(ok_edited)), "signature"),
        "time": (changed(good, ts=good.ts - 1), "frank"),
        "group": (changed(good, gid=B16(other.gid)), "group"),
        "group, franked": (changed(good, gid=B16(other.gid), ts=ok_moved.ts, frank=mark_of(ok_moved)), "group"),
        "sender": (item_of(omar, scene.group, framed, ok_framed, signer=rita.devices[1]), "signature"),
        "mark": (changed(good, frank=own_mark), "frank"),
        "old": (changed(good, ts=old), "age"),
        "certificate": (changed(good, cert=Blob(certificate(rita))), "sender"),
        "device": (_of_unlisted_device(omar, scene), "signature"),
    }
    for name, (item, check) in forgeries.items():
        assert await check_that_refuses(http, scene.hers, item) == (0, check), name
        assert await check_that_refuses(http, scene.hers, good, item) == (1, check), name
    assert await server._db.read(partial(store.rows_after, n=0, limit=1)) == []


def _of_unlisted_device(omar: Person, scene: Scene) -> control.ReportItem:
    """A certificate for a leaf key of the account's list but another device, or none: the key decides."""
    leaf = Ed25519PrivateKey.generate()
    return msgspec.structs.replace(scene.item, cert=Blob(certificate(omar, leaf=leaf)))


async def test_a_device_that_its_list_removed_before_proves_nothing(http: Http, wire: MakeWire, scene: Scene) -> None:
    omar = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    his = await http.register(omar)
    async with wire(Role.S) as s:
        group = await group_of_two(http, s, his, scene.hers)
        data = write(omar, group.gid, "before", device=1)
        before = item_of(omar, group, data, await post(s, group, data))
        removal = omar.make_list(seq=2, prev=objects.hash_object(omar.lists[0]), devices=[2])
        listed = objects.DeviceList.parse(objects.parse_object(removal).payload)
        assert listed.issued * 1000 < before.ts, "the list says that it was removed before"
        sibling = await http.log_in(omar, 2)
        await http.call(control.PUT_DEVICE_LIST, control.PutDeviceList(Blob(removal)), auth=sibling)
        stolen = write(omar, group.gid, "after")
        after = item_of(omar, group, stolen, await post(s, group, stolen))
    for item in (before, after):
        assert await check_that_refuses(http, scene.hers, item) == (0, "device")


async def test_a_complaint_is_kept_apart_and_counts_as_the_members_word(
    http: Http, server: Server, scene: Scene
) -> None:
    invented = msgspec.structs.replace(
        scene.item, content=Blob(write(scene.omar, scene.group.gid, "never said")), frank=None
    )
    assert (await check_that_refuses(http, scene.hers, invented))[1] == "signature"
    assert not (await report(http, scene.hers, invented, complaint=True)).verified
    assert await inbox.waiting_reports(server.reports, limit=10) == []
    (kept,) = await inbox.waiting_complaints(server.reports, limit=10)
    assert (kept.items[0].text, kept.items[0].account) == ("never said", scene.omar.account_id)
    with pytest.raises(ZajilError, match="gone"):
        await inbox.find_report(server.reports, kept.report_id)


async def test_no_complaint_becomes_a_report_by_a_changed_row(http: Http, server: Server, scene: Scene) -> None:
    await report(http, scene.hers, scene.item, complaint=True)
    table = store.mod_report
    await server._db.write(lambda db: db.execute(table.update().values(kind=store.REPORT)))
    with pytest.raises(SealBroken):
        await inbox.waiting_reports(server.reports, limit=10)


async def test_the_disk_tells_neither_what_was_reported_nor_who_nor_where(
    http: Http, server: Server, scene: Scene, tmp_path: Path
) -> None:
    await report(http, scene.hers, scene.item)
    await report(http, scene.hers, scene.item, complaint=True)
    query = "SELECT id, kind, state, body, received_day, decided_day FROM mod_report ORDER BY n"
    with engines.beside(tmp_path / "data") as kept:
        names = ["id", "kind", "state", "body", "day", "decided"]
        rows = [dict(zip(names, row, strict=True)) for row in kept.ask(query, ())]
    assert [(row["kind"], row["state"], row["decided"]) for row in rows] == [(1, 0, None), (2, 0, None)]
    assert len({len(row["body"]) for row in rows}) == 1, "padded to one size"
    (opened,) = await inbox.waiting_reports(server.reports, limit=1)
    readable = msgspec.msgpack.encode(opened)
    assert THREAT.encode() in readable
    for secret in (scene.group.gid, scene.rita.account_id, scene.item.frank, scene.item.sig, scene.item.content):
        assert bytes(secret or b"") not in readable, "moderators learn neither the group nor who reported"
    for row in rows:
        for hidden in (THREAT.encode(), scene.group.gid, scene.rita.account_id, scene.omar.account_id):
            assert hidden not in row["body"]


async def test_only_devices_may_report_and_only_over_their_own_carriers(
    http: Http, wire: MakeWire, scene: Scene
) -> None:
    request = control.MakeReport("spam", (scene.item,))
    assert await http.code(control.MAKE_REPORT, request) == "token-expired"
    assert await http.code(control.MAKE_REPORT, request, auth="Contact " + "A" * 43) == "mixed-auth"
    assert await http.code(control.MAKE_REPORT, request, auth=f"{PUBLIC_SCHEME} " + "A" * 43) == "wrong-space"
    async with wire(Role.S) as s:
        body = control.encode_json(request)
        await s.send(frames.HttpReq(7, "POST", "/v1/reports", {"authorization": scene.hers}, body))
        answer = await s.expect(frames.HttpRes)
        assert isinstance(answer, frames.HttpRes)
        assert b"mixed-auth" in answer.body


@pytest.mark.parametrize(
    "change",
    [
        {"items": []},
        {"reason": "boredom"},
        {"note": "n" * 1001},
        {"more": 1},
        {"complaint": "yes"},
    ],
)
async def test_a_body_of_another_shape_is_refused(http: Http, scene: Scene, change: dict[str, object]) -> None:
    body = msgspec.json.decode(control.encode_json(control.MakeReport("spam", (scene.item,))))
    sent = msgspec.json.encode(body | change)
    assert await http.code(control.MAKE_REPORT, sent, auth=scene.hers) == "malformed"


async def test_seven_items_are_too_many_and_a_repeat_under_one_key_is_one_report(
    http: Http, server: Server, scene: Scene
) -> None:
    many = control.MakeReport("spam", (scene.item,) * 7)
    assert await http.code(control.MAKE_REPORT, many, auth=scene.hers) == "malformed"
    request = control.MakeReport("spam", (scene.item,) * 6)
    first = await http.call(control.MAKE_REPORT, request, auth=scene.hers, key="once")
    assert await http.call(control.MAKE_REPORT, request, auth=scene.hers, key="once") == first
    assert len(await inbox.waiting_reports(server.reports, limit=10)) == 1


async def test_the_reporter_hears_of_the_outcome_and_nobody_else(
    http: Http, wire: MakeWire, server: Server, scene: Scene
) -> None:
    for complaint, outcome in ((False, "acted"), (True, "not-acted")):
        taken = await report(http, scene.hers, scene.item, complaint=complaint)
        assert await inbox.close_report(server.reports, taken.report_id, outcome)  # type: ignore[arg-type]  # a literal
        async with wire(Role.R) as r:
            await r.hello(scene.hers)
            (*_, notice) = [m for m in await r.messages() if m.kind is Kind.NOTICE]
        told = notice_id("report-outcome", outcome, taken.report_id, scene.rita.account_id)
        assert cbor.parse(notice.body) == [
            "report-outcome",
            {"id": told, "report": taken.report_id, "outcome": outcome},
        ]
    async with wire(Role.R) as r:
        await r.hello(scene.his)
        assert Kind.NOTICE not in [m.kind for m in await r.messages()]


class TestLimits:
    @pytest.fixture
    def settings(self) -> Settings:
        limits = NO_LIMITS | {"report": Limit(3, 3600)}
        return Settings(port=0, registration="open", limits=limits, drain_s=0)

    async def test_reports_are_counted_by_account_whether_they_prove_or_not(self, http: Http, scene: Scene) -> None:
        wrong = msgspec.structs.replace(scene.item, ts=1)
        for _ in range(2):
            assert (await check_that_refuses(http, scene.hers, wrong))[1] in {"age", "frank"}
        await report(http, scene.hers, scene.item)
        with pytest.raises(ZajilError) as refused:
            await report(http, scene.hers, scene.item, complaint=True)
        assert refused.value.code == "slow-down"
        await report(http, scene.his, scene.item, complaint=True)


async def test_reports_go_ninety_days_after_the_decision_and_not_before(
    http: Http, server: Server, scene: Scene
) -> None:
    kept = (await report(http, scene.hers, scene.item)).report_id
    waiting = (await report(http, scene.hers, scene.item, complaint=True)).report_id
    assert await inbox.close_report(server.reports, kept, "acted")
    assert not await inbox.close_report(server.reports, kept, "acted")
    today = server.reports.today()
    assert await server._db.write(partial(store.delete_old, day=today + 89, limit=10)) == 0
    assert await server._db.write(partial(store.delete_old, day=today + 90, limit=10)) == 1
    assert await server._db.read(partial(store.find_report, report_id=kept)) is None
    assert await server._db.read(partial(store.find_report, report_id=waiting)) is not None
