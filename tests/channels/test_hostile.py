"""What an attacker sends: bytes of every other shape, cursors made up, texts that carry controls, floods."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.channels.world import World
from tests.server.conftest import NO_LIMITS

from zajil.channels.cursors import Kind, encode_cursor, parse_cursor
from zajil.channels.views import parse_reference
from zajil.engine.limits import Limit
from zajil.protocol.errors import Malformed, Refused, ZajilError
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import api, routes
from zajil.protocol.public.routes import PUBLIC_ROUTES, find_public_route, is_public_call
from zajil.server.app import Server
from zajil.server.config import ConfigError, Settings


@given(st.text(max_size=40))
def test_a_cursor_is_ours_or_refused(text: str) -> None:
    for kind in Kind:
        try:
            number = parse_cursor(kind, text)
        except Malformed:
            continue
        assert encode_cursor(kind, number) == text


@given(st.sampled_from(list(Kind)), st.integers(0, (1 << 63) - 1))
def test_a_cursor_goes_back_and_forth_in_its_own_list_alone(kind: Kind, number: int) -> None:
    text = encode_cursor(kind, number)
    assert parse_cursor(kind, text) == number
    for other in set(Kind) - {kind}:
        with pytest.raises(ZajilError, match="malformed"):
            parse_cursor(other, text)


@given(st.text(max_size=60))
def test_a_reference_is_a_handle_an_id_or_refused(text: str) -> None:
    try:
        found = parse_reference(text)
    except (Malformed, Refused):
        return
    assert isinstance(found, str) == text.startswith("@")


@given(st.text(max_size=80))
def test_any_target_is_one_of_our_routes_or_none(target: str) -> None:
    found = find_public_route("GET", target)
    assert found is None or (found.route in PUBLIC_ROUTES and is_public_call(target))


BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"x"',
    b"\xff\xfe",
    b"{}",
    b'{"text": 1}',
    b'{"text": null}',
    b'{"text": ""}',
    b'{"text": "a", "more": 1}',
    b'{"text": "a", "text": 1}',
    b'{"text": "\\ud800"}',
    b'{"text": "\\u0000"}',
    b'{"text": "a\\u0007b"}',
    b'{"text": "\\u0085"}',
    b'{"text": "   \\n "}',
    b'{"text": "a", "lang": "EN!"}',
    b'{"text": "a", "lang": "x"}',
    b'{"text": "a", "reply_to": "x"}',
    b'{"text": "a", "reply_to": ""}',
    b'{"text": "' + b"a" * 8193 + b'"}',
    b'{"a":' * 2000 + b"1" + b"}" * 2000,
    b"[" * 100_000,
    b'{"text": "a", "reply_to": ' + b"1" * 400 + b"}",
    b'{"text": "a", "lang": "' + b"a" * 10_000 + b'"}',
]


async def test_no_body_of_another_shape_makes_a_post(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    for body in BODIES:
        status, data, _ = await world.raw(routes.CREATE_POST, body, auth=author.auth, channel=channel)
        assert status == 400, (body[:40], data)
        assert b'"code":"malformed"' in data
    too_big = b'{"text": "' + b"a" * 200_000 + b'"}'
    assert (await world.raw(routes.CREATE_POST, too_big, auth=author.auth, channel=channel))[0] == 413
    assert not (await world.page(channel, author)).posts


async def test_the_longest_text_fits_however_it_is_written(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    plain = b'{"text": "' + "\U0001f600".encode() * 8192 + b'"}'
    escaped = b'{"text": "' + b"\\ud83d\\ude00" * 8192 + b'"}'
    for body in (plain, escaped):
        assert (await world.raw(routes.CREATE_POST, body, auth=author.auth, channel=channel))[0] == 200


async def test_no_body_of_random_bytes_gets_through_any_route(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel)
    names = {"persona": f"@{author.handle}", "channel": channel, "post": post, "decision": post, "appeal": post}
    source = random.Random(1)
    for route in PUBLIC_ROUTES:
        if route.request is None:
            continue
        wanted = {name: value for name, value in names.items() if "{" + name + "}" in route.path}
        auth = "" if route.caller is routes.Caller.NOBODY else author.auth
        for size in (1, 7, 100, 4000):
            status, _, _ = await world.raw(route, source.randbytes(size), auth=auth, **wanted)
            assert status == 400, route.path
    for route in PUBLIC_ROUTES:
        if route.request is None and route is not routes.DROP_TOKEN:
            wanted = {name: value for name, value in names.items() if "{" + name + "}" in route.path}
            assert (await world.raw(route, b"x", auth=author.auth, **wanted))[0] == 400, route.path


@pytest.mark.parametrize(
    "path",
    [
        "/pub/v1",
        "/pub/v1/",
        "/pub/v1//",
        "/pub/v1/channels/",
        "/pub/v1/posts/%2e%2e/comments",
        "/pub/v1/../v1/config",
        "/pub/v1/channels/%ff/posts",
        "/pub/v1/channels/@%00",
        "/pub/v1/channels/" + "a" * 6000,
        "/pub/v2/channels/x",
        "/pub/v1/posts/" + "A" * 21,
        "/pub/v1/posts/" + "A" * 23,
        "/pub/v1/posts/" + "A" * 21 + "B",
        "/pub/v1/channels/@a",
        "/pub/v1/channels/@" + quote("\u202eevil"),
        "/pub/v1/search?q=a&q=b",
        "/pub/v1/search?x=1",
        "/pub/v1/search?q=a&before=zzz",
        "/pub/v1/updates?channel=" + ",".join(["@a"] * 300),
        "/PUB/v1/search?q=a",
    ],
)
async def test_odd_paths_are_refused_quietly(world: World, path: str) -> None:
    status, body, headers = await world.http.raw("GET", path)
    assert status in (400, 404), body
    assert "server" not in headers
    assert headers["content-security-policy"].startswith("default-src 'none'")


async def test_names_and_titles_are_one_line_without_controls(world: World) -> None:
    author = await world.author()
    for title in ("\u0000", "a\u0001b", "\u0085", "  ", "\n\n", "a\u009fb"):
        new = api.NewChannel("some_name", title, "broadcast")
        assert await world.code(routes.CREATE_CHANNEL, new, auth=author.auth) == "malformed", repr(title)
    new = api.NewChannel("some_name", "a\n b\t\tc", "broadcast")
    await world.call(routes.CREATE_CHANNEL, new, auth=author.auth)
    assert (await world.show("@some_name")).title == "a b c"


async def test_a_foreign_origin_reads_and_writes_nothing(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    evil = {"origin": "https://evil.example", "authorization": author.auth}
    for method, path in (
        ("GET", routes.SUBSCRIPTIONS.url()),
        ("POST", routes.CREATE_POST.url(channel=channel)),
        ("GET", routes.EVENTS.url()),
    ):
        assert (await world.http.raw(method, path, headers=evil))[0] == 403
    token = author.auth.removeprefix("Bearer ")
    assert (await world.http.raw("GET", routes.SUBSCRIPTIONS.url() + f"?token={token}"))[0] in (400, 401)


class TestLimits:
    @pytest.fixture
    def settings(self) -> Settings:
        limits = {
            **NO_LIMITS,
            "post_trust0": Limit(2, 720),
            "comment_trust0": Limit(1, 180),
            "channel_trust0": Limit(1, 86_400),
            "persona_create": Limit(2, 60),
            "failed_token": Limit(2, 60),
        }
        return Settings(port=0, registration="open", limits=limits, drain_s=0, public_space=True)

    async def test_limits_are_settings_and_say_when_again(self, world: World) -> None:
        author = await world.author()
        channel = await world.channel(author)
        second = api.NewChannel("another_one", "T", "broadcast")
        assert await world.code(routes.CREATE_CHANNEL, second, auth=author.auth) == "slow-down"
        for number in range(2):
            await world.post(author, channel, f"post {number}")
        status, data, headers = await world.raw(routes.CREATE_POST, api.NewPost("x"), auth=author.auth, channel=channel)
        assert (status, headers["retry-after"]) == (429, "720")
        assert b"slow-down" in data
        world.clock.advance(720)
        await world.post(author, channel)

    async def test_new_personas_are_limited_by_prefix(self, world: World) -> None:
        author = await world.author()
        await world.author()
        assert await world.code(routes.CREATE_PERSONA, author.request(os.urandom(32))) == "slow-down"

    async def test_guessing_tokens_gets_slow(self, world: World) -> None:
        codes = [await world.code(routes.SUBSCRIPTIONS, auth="Bearer " + encode_b64(os.urandom(32))) for _ in range(4)]
        assert codes == ["token-expired"] * 2 + ["slow-down"] * 2


async def test_the_public_space_does_not_start_without_its_extra(tmp_path: Path) -> None:
    """Whether the extra is installed here or not: a module that cannot be imported is said with what to install."""
    settings = Settings(port=0, public_space=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "zajil.moderation.searching", None)
        with pytest.raises(ConfigError, match=r"zajil\[moderation\]"):
            await Server.start(tmp_path / "data", settings)
