"""Passes, personas and their logins: three of them, each pass once, and no handle that looks like another."""

from __future__ import annotations

import os

import pytest
from tests.channels.world import DAY_S, Author, World
from tests.server.people import Person

from zajil.channels.identity import personas
from zajil.channels.store import personas as rows
from zajil.protocol import control
from zajil.protocol.control import B16, B32, parse_json
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import api, routes
from zajil.protocol.public.persona import login_bytes, persona_id_of
from zajil.protocol.public.posts import Standing
from zajil.server.config import Settings


async def test_an_account_takes_three_passes_and_no_fourth(world: World) -> None:
    auth = await world.http.register(Person())
    assert len(await world.take_passes(auth, 2)) == 2
    assert await world.http.code(control.TAKE_PASSES, control.TakePasses("persona", 2), auth=auth) == "no-passes-left"
    first = await world.take_passes(auth, 1, key="k")
    assert await world.take_passes(auth, 1, key="k") == first, "a repeated call is answered, not counted"
    assert await world.http.code(control.TAKE_PASSES, control.TakePasses("persona", 1), auth=auth) == "no-passes-left"
    assert await world.http.code(control.TAKE_PASSES, control.TakePasses("group", 5), auth=auth) == "ok"


async def test_a_pass_makes_one_persona_and_a_refusal_costs_none(world: World) -> None:
    one_time_pass = await world.one_pass()
    await world.author("alice")
    again = Author("alice")
    assert await world.code(routes.CREATE_PERSONA, again.request(one_time_pass)) == "handle-taken"
    again.handle = "a1ice"
    assert await world.code(routes.CREATE_PERSONA, again.request(one_time_pass)) == "handle-confusable"
    again.handle = "аlice"
    assert await world.code(routes.CREATE_PERSONA, again.request(one_time_pass)) == "bad-handle"
    again.handle = "bob"
    assert await world.code(routes.CREATE_PERSONA, again.request(one_time_pass)) == "ok"
    assert await world.code(routes.CREATE_PERSONA, again.request(one_time_pass)) == "persona-exists"
    assert await world.code(routes.CREATE_PERSONA, Author("carol").request(one_time_pass)) == "pass-spent"
    assert await world.code(routes.CREATE_PERSONA, Author("carol").request(os.urandom(32))) == "pass-spent"


async def test_no_other_kind_of_pass_makes_a_persona(world: World) -> None:
    group = await world.http.group_pass(await world.http.register(Person()))
    assert await world.code(routes.CREATE_PERSONA, Author("carol").request(group)) == "pass-spent"


async def test_a_pass_is_good_for_thirty_days(world: World) -> None:
    one_time_pass = await world.one_pass()
    world.clock.advance(31 * DAY_S)
    assert await world.code(routes.CREATE_PERSONA, Author("carol").request(one_time_pass)) == "pass-spent"


async def test_a_persona_is_made_by_the_holder_of_its_key(world: World) -> None:
    one_time_pass = await world.one_pass()
    thief, victim = Author("thief"), Author("victim")
    theirs = thief.request(one_time_pass)
    for key, proof in ((victim.public, theirs.proof), (b"\xff" * 32, theirs.proof), (thief.public, bytes(64))):
        forged = api.NewPersona(B32(one_time_pass), B32(key), "thief", "Thief", api.Signature(proof))
        assert await world.code(routes.CREATE_PERSONA, forged) == "bad-challenge"
    replayed = api.NewPersona(B32(await world.one_pass()), B32(thief.public), "thief", "Thief", theirs.proof)
    assert await world.code(routes.CREATE_PERSONA, replayed) == "bad-challenge"


async def test_a_nonce_is_good_once_for_a_minute_and_for_one_persona(world: World) -> None:
    author, other = await world.author(), await world.author()

    async def nonce_of(who: Author) -> bytes:
        answer = await world.call(routes.CHALLENGE, api.PersonaChallenge(B16(who.persona_id)))
        return bytes(parse_json(answer, api.PersonaNonce).nonce)

    async def log_in(who: Author, nonce: bytes, *, origin: str = "localhost") -> str:
        signature = api.Signature(who.key.sign(login_bytes(origin, nonce, persona_id_of(who.public))))
        return await world.code(routes.TAKE_TOKEN, api.PersonaLogin(B16(who.persona_id), B32(nonce), signature))

    nonce = await nonce_of(author)
    assert await log_in(author, nonce, origin="evil.example") == "bad-challenge"
    assert await log_in(author, nonce) == "ok"
    assert await log_in(author, nonce) == "bad-challenge"
    assert await log_in(author, await nonce_of(other)) == "bad-challenge"
    assert await log_in(Author("nobody"), await nonce_of(author)) == "bad-challenge"
    late = await nonce_of(author)
    world.clock.advance(60)
    assert await log_in(author, late) == "bad-challenge"
    device_nonce = parse_json(
        await world.http.call(control.CHALLENGE, control.Challenge(B16(author.persona_id), 1)), control.ChallengeAnswer
    )
    assert await log_in(author, bytes(device_nonce.nonce)) == "bad-challenge"


async def test_a_token_ends_after_an_hour_or_when_it_is_dropped(world: World) -> None:
    author = await world.author()
    await world.call(routes.SUBSCRIPTIONS, auth=author.auth)
    world.clock.advance(3600)
    assert await world.code(routes.SUBSCRIPTIONS, auth=author.auth) == "token-expired"
    await world.log_in(author)
    await world.call(routes.DROP_TOKEN, auth=author.auth)
    assert await world.code(routes.SUBSCRIPTIONS, auth=author.auth) == "token-expired"


async def test_what_a_persona_is_told_of_itself_others_are_not(world: World) -> None:
    author, other = await world.author("alice", name="Alice  of\tHome"), await world.author()
    own = parse_json(await world.call(routes.READ_PERSONA, auth=author.auth, persona="@Alice"), api.Persona)
    assert (own.display_name, own.trust) == ("Alice of Home", 0)
    for auth in ("", other.auth):
        seen = parse_json(
            await world.call(routes.READ_PERSONA, auth=auth, persona=encode_b64(author.persona_id)), api.Persona
        )
        assert (seen.handle, seen.trust, seen.strike_until) == ("alice", None, None)
    rename = api.EditPersona("Alice")
    assert await world.code(routes.EDIT_PERSONA, rename, auth=other.auth, persona="@alice") == "not-allowed"
    assert await world.code(routes.EDIT_PERSONA, rename, auth=author.auth, persona="@alice") == "ok"
    assert await world.code(routes.READ_PERSONA, persona="@nobody") == "gone"
    assert await world.code(routes.READ_PERSONA, persona="@no such!") == "gone"


async def test_standing_lowers_trust_limits_and_shuts_out_and_ends_by_itself(world: World) -> None:
    author = await world.author()
    await world.establish(author)
    channel = await world.channel(author)
    now = int(world.clock())

    async def trust() -> int | None:
        view = await world.call(routes.READ_PERSONA, auth=author.auth, persona=f"@{author.handle}")
        return parse_json(view, api.Persona).trust

    assert await trust() == 2
    await personas.set_standing(world.public.space, Standing(persona_id=author.persona_id, strike_until=now + 100))
    assert await trust() == 1
    limited = Standing(persona_id=author.persona_id, limited_until=now + 500, suspended_until=now + 100)
    await personas.set_standing(world.public.space, limited)
    assert await world.code(routes.SUBSCRIPTIONS, auth=author.auth) == "token-expired"
    await world.log_in(author)
    assert await world.code(routes.SUBSCRIPTIONS, auth=author.auth) == "persona-suspended"
    world.clock.advance(101)
    await world.log_in(author)
    assert await trust() == 2
    await personas.set_standing(world.public.space, Standing(persona_id=author.persona_id))
    assert await world.code(routes.CREATE_POST, api.NewPost("x"), auth=author.auth, channel=channel) == "ok"
    assert not await personas.set_standing(world.public.space, Standing(persona_id=os.urandom(16)))


async def test_a_deleted_persona_takes_what_it_wrote_along_and_its_handle_rests(world: World) -> None:
    author, host = await world.author("alice"), await world.author()
    channel = await world.channel(host, kind="group")
    await world.call(routes.SUBSCRIBE, auth=author.auth, channel=channel)
    post = await world.post(author, channel, "my words")
    await world.judge()
    own = await world.channel(author)
    assert await world.code(routes.DELETE_PERSONA, auth=author.auth, persona="@alice") == "owns-channels"
    await world.call(routes.DELETE_CHANNEL, auth=author.auth, channel=own)
    assert await world.code(routes.DELETE_PERSONA, auth=host.auth, persona="@alice") == "not-allowed"
    await world.call(routes.DELETE_PERSONA, auth=author.auth, persona="@alice")
    assert await world.code(routes.READ_PERSONA, persona="@alice") == "gone"
    assert await world.code(routes.READ_POST, post=post) == "gone"
    assert await world.found("words") == []
    assert await world.code(routes.SUBSCRIPTIONS, auth=author.auth) == "token-expired"
    show = await world.show(channel)
    assert (show.subscribers, show.posts) == (1, 0)
    one_time_pass = await world.one_pass()
    assert await world.code(routes.CREATE_PERSONA, author.request(one_time_pass)) == "persona-exists"
    assert await world.code(routes.CREATE_PERSONA, Author("alice").request(one_time_pass)) == "handle-taken"
    world.clock.advance(91 * DAY_S)
    await world.server.run_retention()
    one_time_pass = (await world.take_passes(await world.http.register(Person())))[0]
    assert await world.code(routes.CREATE_PERSONA, Author("alice").request(one_time_pass)) == "ok"
    left = world.server._db.read_sync(lambda db: rows.find_persona(db, persona_id_of(author.public)))
    assert left is None


async def test_channels_and_personas_share_one_namespace(world: World) -> None:
    author = await world.author("newsroom")
    new = api.NewChannel("newsroom", "News", "broadcast")
    assert await world.code(routes.CREATE_CHANNEL, new, auth=author.auth) == "handle-taken"
    new = api.NewChannel("newsr00m", "News", "broadcast")
    assert await world.code(routes.CREATE_CHANNEL, new, auth=author.auth) == "ok"


class TestWithoutPublicSpace:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(port=0, registration="open", drain_s=0)

    async def test_there_is_no_public_call_and_no_pass(self, world: World) -> None:
        auth = await world.http.register(Person())
        assert await world.http.code(control.TAKE_PASSES, control.TakePasses("persona", 1), auth=auth) == "not-allowed"
        for route in routes.PUBLIC_ROUTES:
            names = {"persona": "@a", "channel": "@a"} | dict.fromkeys(("post", "decision", "appeal"), "A" * 22)
            wanted = {name: value for name, value in names.items() if "{" + name + "}" in route.path}
            assert await world.code(route, **wanted) == "no-such-route", route.path
        assert (await world.http.raw("GET", "/c/alice"))[0] == 404
        config = parse_json(await world.http.call(control.CONFIG), control.Config)
        assert config.public_space is False
