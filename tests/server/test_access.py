"""The access matrix: every route against every kind of caller, over HTTPS and on both kinds of session.

A route of ROUTES that is missing in the table below fails the test, so no new route escapes it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.server.people import Person, public
from tests.server.wire import Http, Wire, contact_auth

from zajil.auth.secrets import digest
from zajil.bridges.registry.operator import bundle_for_invite, invite_bridge
from zajil.engine import keys as key_file
from zajil.engine.keys import Keys
from zajil.protocol import control, frames
from zajil.protocol.attachments import AddAttachment
from zajil.protocol.backups.wire import DeleteBackup, StoredBackup
from zajil.protocol.control import B16, Auth, Blob, Route, encode_json, parse_json
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.push.wire import B65, PutPush
from zajil.server.app import Server
from zajil.server.schema import open_database

MakeWire = Callable[[Role], Wire]


class World(NamedTuple):
    """Two accounts, one with two devices, and a contact token of the first."""

    one: Person
    own: str
    sibling: str
    stranger: str
    contact: str
    token_hash: str


async def make_world(http: Http) -> World:
    one = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    own = await http.register(one)
    token = os.urandom(32)
    token_hash = encode_b64(digest(token))
    await http.call(control.PUT_CONTACT_TOKEN, control.PutContactToken("profile"), auth=own, hash=token_hash)
    return World(one, own, await http.log_in(one, 2), await http.register(Person()), contact_auth(token), token_hash)


async def open_bridge(http: Http, data: Path) -> tuple[str, str]:
    """The Authorization headers of a bridge that joined, and of whoever got a token that opens it."""
    joined = await join_bridge(http, data)
    database = open_database(data)
    try:
        bundle = bundle_for_invite(database, Keys.load(data / key_file.FILE_NAME), now=time.time())
    finally:
        database.close()
    assert bundle is not None
    return "Bridge " + encode_b64(joined.credential), "Token " + encode_b64(bundle.token)


async def join_bridge(http: Http, data: Path, host: str = "bridge.test") -> control.JoinedBridge:
    """A bridge that joins with a code of the operator."""
    database = open_database(data)
    try:
        code = invite_bridge(database, now=time.time())
    finally:
        database.close()
    ask = control.JoinBridge(code, host, 443, "assets")
    return parse_json(await http.call(control.JOIN_BRIDGE, ask), control.JoinedBridge)


def body_for(route: Route, world: World) -> msgspec.Struct | bytes | None:
    bodies: dict[Route, msgspec.Struct | bytes] = {
        control.CREATE_ACCOUNT: control.CreateAccount(Blob(b"x"), Blob(b"x")),
        control.CHALLENGE: control.Challenge(B16(world.one.account_id), 1),
        control.TAKE_TOKEN: control.Login(Blob(b"x")),
        control.LISTS_BY_KEY: control.Login(Blob(b"x")),
        control.PUT_DEVICE_LIST: control.PutDeviceList(Blob(world.one.lists[0])),
        control.PUT_CONTACT_TOKEN: control.PutContactToken("profile"),
        control.TAKE_REFS: control.TakeRefs(1),
        control.TAKE_PASSES: control.TakePasses("group", 1),
        control.PUT_KEY_PACKAGES: control.PutKeyPackages((control.KeyPackage(0x53, Blob(b"package"), 4_000_000_000),)),
        control.CLAIM_KEY_PACKAGES: control.ClaimKeyPackages(B16(world.one.account_id), (0x53,), B16(os.urandom(16))),
        control.MAKE_REPORT: control.MakeReport("spam", (REPORTED,)),
        control.PUT_LINK_OFFER: b"offer",
        control.PUT_LINK_ANSWER: b"answer",
        control.CALL_RELAY: control.AskRelay(B16(bytes(16)), 0, control.B32(bytes(32))),
        control.CALL_TICKET: control.AskTicket(B16(bytes(16)), 0, control.B32(bytes(32)), B16(bytes(16))),
        control.PUT_PUSH: PutPush("https://push.example/x", B65(bytes(65)), B16(bytes(16))),
        control.JOIN_BRIDGE: control.JoinBridge("0" * 20, "bridge.test", 443, "assets"),
        control.ADD_ATTACHMENT: AddAttachment(1024, control.B32(bytes(32)), (control.B32(bytes(32)),)),
        control.PUT_ATTACHMENT: b"x",
        control.PUT_BACKUP: StoredBackup(
            control.B32(public(world.one.seed)), 1, Blob(bytes(4096)), control.B64(bytes(64))
        ),
        control.DELETE_BACKUP: DeleteBackup(control.B32(public(world.one.seed)), 1, control.B64(bytes(64))),
    }
    return bodies.get(route)


REPORTED = control.ReportItem(Blob(b"x"), control.B64(bytes(64)), 0, B16(bytes(16)), 0, None, Blob(b"x"))


def parameters_for(route: Route, world: World) -> dict[str, str]:
    known = {
        "account": encode_b64(world.one.account_id),
        "hash": world.token_hash,
        "serial": encode_b64(bytes(8)),
        "addr": encode_b64(bytes(16)),
        "locator": encode_b64(bytes(16)),
        "id": encode_b64(bytes(16)),
        "username": encode_b64(os.urandom(32)),
    }
    return {name: text for name, text in known.items() if "{" + name + "}" in route.path}


# What each kind of caller gets: the code, or `ok`. `own` and `sibling` are devices of the account concerned, `other` a
# device of another account, `contact` the holder of its contact token, `forged` a token nobody gave out.
# `bridge` is a bridge's credential, `opener` a token that opens a private bridge.
# `upload` is an upload secret that nobody gave out.
ANYBODY = ("other", "contact", "own", "sibling", "forged", "bridge", "opener", "upload")
OPEN = {"none": "own-code", **dict.fromkeys(ANYBODY, "mixed-auth")}
NOT_PEOPLE = dict.fromkeys(("bridge", "opener", "upload"), "mixed-auth")
DEVICE = {"none": "token-expired", "own": "ok", "sibling": "ok", "other": "ok", "contact": "mixed-auth"} | NOT_PEOPLE
OWNER = {**DEVICE, "other": "not-allowed"}
SHARED = {**OWNER, "contact": "ok"}
MATRIX: dict[Route, dict[str, str]] = {
    control.CREATE_ACCOUNT: {**OPEN, "none": "bad-signature"},
    control.CHALLENGE: {**OPEN, "none": "ok"},
    control.TAKE_TOKEN: {**OPEN, "none": "bad-signature"},
    control.DROP_TOKEN: DEVICE,
    control.DEVICE_LISTS: SHARED,
    control.LISTS_BY_KEY: {**OPEN, "none": "bad-signature"},
    control.PUT_DEVICE_LIST: {**DEVICE, "other": "bad-signature"},
    control.PUT_CONTACT_TOKEN: DEVICE,
    control.DROP_CONTACT_TOKEN: DEVICE,
    control.TAKE_REFS: DEVICE,
    control.ALLOW_REF: DEVICE,
    control.DENY_REF: DEVICE,
    control.CONTACT_TOKENS: DEVICE,
    control.USERNAME: {**DEVICE, "own": "gone", "sibling": "gone", "other": "gone"},
    control.PUT_USERNAME: DEVICE,
    control.DROP_USERNAME: DEVICE,
    control.TAKE_PASSES: DEVICE,
    control.OWN_DATA: DEVICE,
    control.MAILBOX_ROW: {**DEVICE, "own": "gone", "sibling": "gone", "other": "gone"},
    control.PUT_KEY_PACKAGES: {**DEVICE, "own": "malformed", "sibling": "malformed", "other": "malformed"},
    control.COUNT_KEY_PACKAGES: DEVICE,
    control.CLAIM_KEY_PACKAGES: SHARED,
    control.MAKE_REPORT: {**DEVICE, **dict.fromkeys(("own", "sibling", "other"), "report-unverified")},
    control.PUT_LINK_OFFER: {**OPEN, "none": "ok"},
    control.LINK_OFFER: {**OPEN, "none": "ok"},
    control.PUT_LINK_ANSWER: {**OPEN, "none": "ok"},
    control.LINK_ANSWER: {**OPEN, "none": "ok"},
    control.PUT_BACKUP: {**OPEN, "none": "bad-signature"},
    control.BACKUP: {**OPEN, "none": "gone"},
    control.DELETE_BACKUP: {**OPEN, "none": "bad-signature"},
    control.ADD_ATTACHMENT: {**OPEN, "none": "pass-spent"},
    control.PUT_ATTACHMENT: {**OPEN, "none": "token-expired", "upload": "malformed"},
    control.ATTACHMENT_OFFSET: {**OPEN, "none": "token-expired", "upload": "gone"},
    control.ATTACHMENT: {**OPEN, "none": "malformed"},
    control.JOIN_BRIDGE: {**OPEN, "none": "not-allowed"},
    control.OWN_BRIDGE: {**OPEN, "none": "token-expired", "bridge": "ok"},
    control.BRIDGE_BUNDLE: {**OPEN, "none": "token-expired", "opener": "ok"},
    control.ISSUE_BUNDLE: {**DEVICE, "own": "too-young", "sibling": "too-young", "other": "too-young"},
    control.REACH_DOCS: {**OPEN, "none": "ok"},
    control.CALL_RELAY: {**OPEN, "none": "bad-group-token"},
    control.CALL_TICKET: {**OPEN, "none": "bad-group-token"},
    control.PUT_PUSH: {**DEVICE, "own": "push-refused", "sibling": "push-refused", "other": "push-refused"},
    control.DROP_PUSH: DEVICE,
    control.CONFIG: {**OPEN, "none": "ok"},
    control.HEALTH: {**OPEN, "none": "ok"},
}


def test_the_matrix_names_every_route() -> None:
    assert set(MATRIX) == set(control.ROUTES)


def expected(route: Route, who: str) -> str:
    if who == "forged":
        return "token-expired" if Auth.DEVICE in route.auth else "mixed-auth"
    return MATRIX[route][who]


@pytest.mark.slow
async def test_every_route_against_every_caller(http: Http, server: Server, tmp_path: Path) -> None:
    world = await make_world(http)
    bridge, opener = await open_bridge(http, tmp_path / "data")
    forged = "Device " + encode_b64(os.urandom(32))
    wrong: list[str] = []
    for who in ("none", "forged", "contact", "bridge", "opener", "upload", "other", "sibling", "own"):
        for route in sorted(MATRIX, key=lambda r: (r is control.DROP_TOKEN, r is control.DROP_CONTACT_TOKEN)):
            auth = {
                "none": None,
                "forged": forged,
                "contact": world.contact,
                "bridge": bridge,
                "opener": opener,
                "upload": "Upload " + encode_b64(os.urandom(32)),
                "other": world.stranger,
                "sibling": world.sibling,
                "own": world.own,
            }[who]
            got = await http.code(route, body_for(route, world), auth=auth, **parameters_for(route, world))
            if got != expected(route, who):
                wrong.append(f"{route.method} {route.path} as {who}: {got} instead of {expected(route, who)}")
    assert not wrong, "\n".join(wrong)


async def test_sessions_carry_their_own_kind_of_calls_only(
    http: Http, wire: MakeWire, server: Server, tmp_path: Path
) -> None:
    """R: calls of its own device. S: calls of nobody, of contact tokens and of tokens that open bridges."""
    world = await make_world(http)
    bridge, opener = await open_bridge(http, tmp_path / "data")

    async def code(session: Wire, rid: int, route: Route, auth: str | None) -> str:
        body = body_for(route, world)
        data = encode_json(body) if isinstance(body, msgspec.Struct) else body or b""
        headers = {"authorization": auth} if auth else {}
        url = route.url(**parameters_for(route, world))
        await session.send(frames.HttpReq(rid, route.method, url, headers, data))
        answer = await session.expect(frames.HttpRes)
        assert isinstance(answer, frames.HttpRes)
        return "ok" if answer.status == 200 else msgspec.json.decode(answer.body)["code"]

    async with wire(Role.R) as r, wire(Role.S) as s:
        await r.hello(world.own)
        for rid, route in enumerate(control.ROUTES, 1):
            if route in (control.DROP_TOKEN, control.DROP_CONTACT_TOKEN):
                continue
            on_r = expected(route, "own") if Auth.DEVICE in route.auth else "mixed-auth"
            assert await code(r, rid, route, world.own) == on_r, route.path
            assert await code(r, rid, route, world.sibling) == "mixed-auth", route.path
            assert await code(r, rid, route, world.contact) == "mixed-auth", route.path
            assert await code(r, rid, route, bridge) == "mixed-auth", route.path
            assert await code(r, rid, route, opener) == "mixed-auth", route.path
            assert await code(s, rid, route, world.own) == "mixed-auth", route.path
            assert await code(s, rid, route, bridge) == "mixed-auth", route.path
            assert await code(s, rid, route, world.contact) == expected(route, "contact"), route.path
            assert await code(s, rid, route, opener) == expected(route, "opener"), route.path


async def test_unknown_account_and_no_consent_look_alike(http: Http) -> None:
    world = await make_world(http)

    async def raw(account: bytes, auth: str) -> tuple[int, bytes]:
        claim = encode_json(control.ClaimKeyPackages(B16(account), (0x53,), B16(bytes(16))))
        status, body, _ = await http.raw(
            "POST", control.CLAIM_KEY_PACKAGES.url(), body=claim, headers={"authorization": auth}
        )
        lists = await http.raw(
            "GET", control.DEVICE_LISTS.url(account=encode_b64(account)), headers={"authorization": auth}
        )
        assert (status, body) == lists[:2]
        return status, body

    unknown = contact_auth(os.urandom(32))
    answers = {
        await raw(world.one.account_id, unknown),
        await raw(os.urandom(16), unknown),
        await raw(os.urandom(16), world.contact),
        await raw(os.urandom(16), world.stranger),
        await raw(world.one.account_id, world.stranger),
    }
    assert len(answers) == 1


async def test_a_foreign_origin_a_token_in_the_url_and_a_header_on_a_socket_are_refused(http: Http) -> None:
    world = await make_world(http)
    token = world.own.removeprefix("Device ")
    config = control.CONFIG.url()
    assert (await http.raw("GET", config, headers={"origin": "https://evil.example"}))[0] == 403
    assert (await http.raw("GET", f"{config}?token={token}"))[0] == 400
    count = control.COUNT_KEY_PACKAGES.url()
    assert (await http.raw("GET", f"{count}?authorization=Device+{token}"))[0] in {400, 401}
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    upgrade["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    for role in Role:
        assert (await http.raw("GET", role.path))[0] == 400
        assert (await http.raw("GET", f"{role.path}?token={token}", headers=upgrade))[0] == 400
        assert (await http.raw("GET", role.path, headers={**upgrade, "authorization": world.own}))[0] == 400
        assert (await http.raw("GET", role.path, headers={**upgrade, "origin": "https://evil.example"}))[0] == 403


async def test_answers_say_nothing_about_the_software_and_are_not_cached(http: Http) -> None:
    for path in ("/health", "/v1/health", "/v1/nothing", "/v1", "/nothing"):
        _, _, headers = await http.raw("GET", path)
        assert "server" not in headers
        assert headers["cache-control"] == "no-store"
