"""Planted posts in three languages, plain and disguised, through a real server: each ends where the policy says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from tests.channels.world import Author, Clock, World
from tests.server.conftest import NO_LIMITS
from tests.server.wire import Http

from zajil.moderation.categories import Language
from zajil.moderation.classify.cascade import load_cascade
from zajil.moderation.data.attacks import space_out, swap_homoglyphs, write_leet
from zajil.moderation.decide.decide import decide
from zajil.moderation.decide.orders import Order, order_key
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import api, routes
from zajil.server.app import Server
from zajil.server.config import ModerationSettings, Settings
from zajil.server.moderation.wiring import Moderation

FRAUD: dict[Language, str] = {
    "en": "Guaranteed profit for every careful neighbour who joins our private desk tonight, write to @harbour_desk_7",
    "ru": "Гарантированная прибыль каждому соседу, кто сегодня вечером напишет в контору на набережной @desk_gavan",
    "ar": "ربح مضمون لكل جار يراسل مكتبنا الخاص قرب الميناء مساء اليوم قبل انتهاء التسجيل @maktab_mina",
}
SABOTAGE: dict[Language, str] = {
    "en": "We pay for arson of whatever keeps the lights of this district on, the offer stands, ask @night_errand_9",
    "ru": "Заплатим за поджог всего, на чём держится свет в этом районе, предложение в силе, пишите @nochnoy_zakaz",
    "ar": "ندفع مقابل الحرق لكل ما يبقي أنوار هذا الحي مضاءة والعرض قائم لمن يريد فليراسل @talab_layli",
}
INCITEMENT: dict[Language, str] = {
    "en": "They came to our quarter without asking anybody and now it is time, kill them all before the snow melts",
    "ru": "Они пришли в наш квартал никого не спросив, и теперь пора, убейте их всех, пока не растаял снег",
    "ar": "جاؤوا إلى حينا دون أن يسألوا أحدا والآن حان الوقت اقتلوهم جميعا قبل أن يذوب الثلج",
}
HARMLESS: dict[Language, str] = {
    "en": "The library on the hill stays open until eight on weekdays and lends maps of the old paths",
    "ru": "Библиотека на холме открыта до восьми по будням и выдаёт карты старых тропинок",
    "ar": "تبقى المكتبة على التل مفتوحة حتى الثامنة في أيام الأسبوع وتعير خرائط الدروب القديمة",
}
DISGUISES: tuple[Callable[[str, Language], str], ...] = (swap_homoglyphs, space_out, write_leet)
REVIEWER, OTHER = b"r" * 16, b"s" * 16
STATES = {"allow": "visible", "review": "visible", "label": "visible", "limit": "limited", "hold": "held"}


SETTINGS = Settings(
    port=0,
    registration="open",
    limits=NO_LIMITS,
    drain_s=0,
    public_space=True,
    moderation=ModerationSettings(enabled=True, worker="inside", processes=0),
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A server that moderates inside, as its clock stands still, with the shipped policy and model."""
    clock = Clock()
    server = await Server.start(tmp_path / "data", SETTINGS, clock=clock)
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        yield World(server, Http(f"http://127.0.0.1:{server.port}", client), clock)
    await server.stop()


def moderation(world: World) -> Moderation:
    found = world.server.moderation
    assert found is not None
    return found


async def until(holds: Callable[[], bool], timeout_s: float) -> None:
    """Wait until a condition of the database holds. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110  # another task's database has no event to wait for
            await asyncio.sleep(0.01)


async def all_judged(world: World) -> None:
    """Wait until nothing waits in the outbox."""
    await until(lambda: world.rows("SELECT count(*) FROM pub_outbox") == [(0,)], 30)


def state(world: World, post: str) -> str:
    return str(world.rows(f"SELECT state FROM pub_post WHERE id = x'{parse_b64(post).hex()}'")[0][0])


async def judge(world: World, post: str, action: str, category: str, by: bytes) -> None:
    target = parse_b64(post)
    ((channel, author),) = world.rows(f"SELECT channel_id, author FROM pub_post WHERE id = x'{target.hex()}'")
    assert isinstance(channel, bytes)
    assert isinstance(author, bytes)
    order = Order(
        key=order_key("test", target, by, action),
        target=target,
        version=1,
        channel_id=channel,
        author=author,
        action="remove" if action == "remove" else "restore",
        category=category if action == "remove" else "",
        source="person" if action == "remove" else "appeal",
        actor=by,
    )
    await decide(moderation(world).decisions, [order])


async def plant(world: World, author: Author, texts: dict[Language, str]) -> dict[Language, list[str]]:
    """The text of each language, then its three disguises, each in a channel of its own."""
    planted: dict[Language, list[str]] = {}
    for language, text in texts.items():
        channel = await world.channel(author, lang=language)
        variants = [text, *[disguise(text, language) for disguise in DISGUISES]]
        planted[language] = [await world.post(author, channel, each, lang=language) for each in variants]
    return planted


@pytest.mark.slow
async def test_what_is_planted_ends_where_the_policy_says_and_one_decision_reaches_every_copy(world: World) -> None:
    author = await world.author()
    fraud, sabotage = await plant(world, author, FRAUD), await plant(world, author, SABOTAGE)
    incitement = await plant(world, author, INCITEMENT)
    harmless = {
        language: await world.post(author, await world.channel(author, lang=language), text)
        for language, text in HARMLESS.items()
    }
    await all_judged(world)
    # What rules and scores say of a text is the policy's and the model's affair; that it happens is the pipeline's.
    cascade = load_cascade()
    for texts, planted in ((FRAUD, fraud), (SABOTAGE, sabotage), (INCITEMENT, incitement)):
        for language, posts in planted.items():
            said = cascade.classify([texts[language], *[disguise(texts[language], language) for disguise in DISGUISES]])
            assert [state(world, post) for post in posts] == [STATES[each.action] for each in said], language
    for post, each in zip(harmless.values(), cascade.classify(list(HARMLESS.values())), strict=True):
        assert state(world, post) == STATES[each.action]
    for planted in (fraud, sabotage):
        for language, posts in planted.items():
            # The phrase is known in look-alike letters and letter by letter too, in Arabic plain: two of the letters
            # that the disguise takes there are not folded yet, and what rules see of other disguises is theirs.
            known = posts[:1] if language == "ar" else posts[:3]
            assert {state(world, post) for post in known} <= {"held", "limited"}, language
    asked = {
        encode_b64(target)
        for (target,) in world.rows("SELECT target FROM mod_item WHERE state = 'open' AND queue <> 'audit'")
        if isinstance(target, bytes)
    }
    members = {
        encode_b64(target)
        for (target,) in world.rows(
            "SELECT m.target FROM mod_cluster_member m JOIN mod_item i ON i.cluster_id = m.cluster_id"
        )
        if isinstance(target, bytes)
    }
    for language, posts in incitement.items():
        assert set(posts[:1] if language == "ar" else posts[:3]) <= asked | members, language

    # One reviewer's decision, and every copy to the letter is gone within seconds, disguised ones too.
    await judge(world, incitement["en"][0], "remove", "violence_incitement", REVIEWER)
    await until(lambda: {state(world, post) for post in incitement["en"]} == {"removed"}, 5)

    # A handle set apart or written in digits is another handle, which may be somebody else's: such copies stay with
    # people. In look-alike letters it is the same, as no two handles differ by these alone.
    await judge(world, fraud["en"][0], "remove", "fraud", REVIEWER)
    left = ["removed", "removed", "held", "held"]
    await until(lambda: [state(world, post) for post in fraud["en"]] == left, 5)

    # Another reviewer lets it stand: all of them are back, and search knows the words again.
    await judge(world, incitement["en"][0], "restore", "", OTHER)
    await until(lambda: {state(world, post) for post in incitement["en"]} == {"visible"}, 5)
    assert incitement["en"][0] in await world.found("snow+melts")


async def test_a_channels_own_moderator_is_in_the_log_like_everybody(world: World) -> None:
    owner, author = await world.author(), await world.author()
    channel = await world.channel(owner, kind="group")
    await world.call(routes.SUBSCRIBE, auth=author.auth, channel=channel)
    post = await world.post(author, channel, HARMLESS["en"])
    await all_judged(world)
    await world.call(routes.DELETE_POST, api.RemovePost("off topic"), auth=owner.auth, post=post)
    rows = world.rows("SELECT action, source, category, note, hex(actor), hex(author) FROM mod_decision")
    assert rows == [
        (
            "remove",
            "channel",
            "channel_rules",
            "off topic",
            owner.persona_id.hex().upper(),
            author.persona_id.hex().upper(),
        )
    ]
    assert world.rows("SELECT count(*) FROM mod_audit_entry") == [(1,)]
    assert world.rows("SELECT count(*) FROM mod_handover") == [(0,)]
