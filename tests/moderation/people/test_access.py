"""Who may call what: every route with every role, tokens of the other spaces, and hostile input on each."""

from __future__ import annotations

import json
import os

import pytest
from tests.moderation.people.desk import Desk, Member
from tests.server.people import Person

from zajil.protocol import control
from zajil.protocol.control import parse_problem
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import routes as public
from zajil.protocol.review import api, routes
from zajil.protocol.review.routes import REVIEW_ROUTES, ReviewRoute

ROLES: tuple[api.StaffRole, ...] = ("reviewer", "senior", "policy", "admin", "auditor")


def names_of(route: ReviewRoute) -> dict[str, str]:
    """Parameters that name nothing."""
    known = {"queue": "main", "list": "host", "cluster": f"{bytes(16).hex()}:1"}
    parts = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return {part: known.get(part, encode_b64(b"x" * 16)) for part in parts}


async def test_every_route_answers_the_roles_of_its_table_and_no_others(desk: Desk) -> None:
    staff = {role: await desk.member(role) for role in ROLES}
    for route in REVIEW_ROUTES:
        if route is routes.DROP_TOKEN:
            continue
        for role, member in staff.items():
            code = await desk.refused(route, None, by=member, **names_of(route))
            if route.roles is None:
                assert code == "mixed-auth", route
            elif role in route.roles and not route.private:  # whose permission test_private.py is about
                assert code not in ("not-allowed", "token-expired", "wrong-space", "mixed-auth", "internal"), route
            else:
                assert code == "not-allowed", (route, role)


async def test_tokens_of_one_space_are_refused_on_every_route_of_the_others(desk: Desk) -> None:
    author, member = await desk.author(), await desk.member("admin")
    device = await desk.http.register(Person())
    for route in REVIEW_ROUTES:
        for auth in (author.auth, device, "Basic eDp5", "Staff"):
            status, data = await desk.mod(route, auth=auth, **names_of(route))
            found = parse_problem(status, data).code
            assert found in ("wrong-space", "malformed", "mixed-auth"), (route, auth)
            assert auth == "Staff" or found == "wrong-space", (route, auth)
        if route.roles is not None:
            assert await desk.refused(route, None, by=None, **names_of(route)) == "token-expired"
            nobody = Member("admin", token=os.urandom(32))
            assert await desk.refused(route, None, by=nobody, **names_of(route)) == "token-expired"
    for each in public.PUBLIC_ROUTES:
        parts = [part[1:-1] for part in each.path.split("/") if part.startswith("{")]
        if each is not public.EVENTS:
            names = {part: encode_b64(b"x" * 16) for part in parts}
            assert await desk.code(each, auth=member.auth, **names) == "wrong-space", each
    status, data, _ = await desk.http.raw("GET", "/v1/accounts/me/devices", headers={"authorization": member.auth})
    assert status >= 400
    assert parse_problem(status, data).code != "internal"
    assert isinstance(control.PREFIX, str)


HOSTILE = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"{}",
    b'"\xff"',
    b'{"x":' * 2000,
    b'{"n": -1}',
    b'{"n": 1e400, "action": 7, "category": {}}',
    b'{"action": "remove", "category": "\\ud800"}',
    b'{"action": "explode"}',
    b'{"key_id": "AA", "nonce": "", "signature": "!!"}',
    b'{"credential": "{\\"rawId\\": 1}"}',
    b'{"invite": "' + b"A" * 64 + b'", "name": "\\u0000", "label": "x", "credential": "{}"}',
    b'{"outcome": "partly", "answer": "x"}',
    b'{"put": [{"value": "", "category": "fraud"}]}',
    b"A" * 70_000,
)
ODD_NAMES = ("A", "%00" * 8, "..", "%ff%fe", "A" * 4000, "%D9%85", "-" * 22)


async def test_hostile_input_is_refused_on_every_route_and_breaks_nothing(desk: Desk) -> None:
    member = await desk.member("admin")
    for route in REVIEW_ROUTES:
        if route is routes.DROP_TOKEN:
            continue
        auth = member.auth if route.roles is not None else ""
        for body in HOSTILE if route.request is not None else (b"{}",):
            if body == b"{}" and route in (routes.CLAIM, routes.INVITE, routes.EDIT_LIST):
                continue  # nothing is asked for, which is no fault
            status, data = await desk.mod(route, body, auth=auth, **names_of(route))
            assert 400 <= status < 500, (route, body[:40], data)
        for odd in ODD_NAMES if "{" in route.path else ():
            names = dict.fromkeys(names_of(route), odd)
            status, data = await desk.mod(route, b"{}" if route.request is not None else None, auth=auth, **names)
            assert 400 <= status < 500, (route, odd[:20], data)
        status, data = await desk.mod(route, auth=auth, query="?x=1&x=2", **names_of(route))
        assert 400 <= status < 500, (route, data)
    assert (await desk.ask(routes.ME, api.Me, by=member)).role == "admin"
    assert desk.rows("SELECT count(*) FROM mod_decision") == [(0,)]


REDRESS_BODIES = (b"{}", b"[]", b'{"target": "AA", "category": "fraud"}', b'{"text": ""}', b'{"text": "\\u0007"}')


async def test_hostile_input_on_the_authors_side_is_refused(desk: Desk) -> None:
    author = await desk.author()
    missing = encode_b64(b"x" * 16)
    for route in (public.REPORT, public.APPEAL):
        names = {"decision": missing} if route is public.APPEAL else {}
        for body in (*REDRESS_BODIES, *HOSTILE):
            status, data, _ = await desk.raw(route, body, auth=author.auth, **names)
            assert 400 <= status < 500, (route, body[:40], data)
    for route, name in ((public.READ_DECISION, "decision"), (public.READ_APPEAL, "appeal")):
        for odd in (*ODD_NAMES, missing):
            status, data, _ = await desk.raw(route, auth=author.auth, **{name: odd})
            assert 400 <= status < 500, (route, odd[:20], data)
    for route in (public.NOTICES, public.OWN_REPORTS):
        for cursor in ("x", "A" * 32, "", encode_b64(b"\xff" * 8), encode_b64(b"\xff" * 24)):
            status, data, _ = await desk.raw(route, auth=author.auth, query=f"?before={cursor}")
            assert status < 500, (route, cursor, data)
    long = json.dumps({"target": missing, "category": "fraud", "note": "a" * 1001}).encode()
    assert (await desk.raw(public.REPORT, long, auth=author.auth))[0] == 400


@pytest.mark.parametrize("kind", ["post", "persona", "channel"])
async def test_nobody_reports_themselves_or_what_they_cannot_see(desk: Desk, kind: str) -> None:
    author, other = await desk.author(), await desk.author()
    channel = await desk.channel(author)
    post = await desk.post(author, channel, "not judged yet")
    target = {"post": post, "persona": encode_b64(author.persona_id), "channel": channel}[kind]
    body = json.dumps({"target": target, "category": "spam", "kind": kind}).encode()
    own = {"post": "gone", "persona": "not-allowed", "channel": "not-allowed"}[kind]
    assert await desk.code(public.REPORT, body, auth=author.auth) == own
    assert await desk.code(public.REPORT, body, auth=other.auth) == ("gone" if kind == "post" else "ok")
    await desk.judge()
    assert await desk.code(public.REPORT, body, auth=author.auth) == "not-allowed"
    assert await desk.code(public.REPORT, body, auth=other.auth) == "ok"
