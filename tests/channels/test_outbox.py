"""The outbox: work is leased, given out again when a worker dies, and decided once."""

from __future__ import annotations

import os

from tests import engines
from tests.channels.world import World

from zajil.channels import outbox
from zajil.channels.outbox import Job
from zajil.protocol.control import parse_json
from zajil.protocol.ids import parse_b64
from zajil.protocol.public import api, routes
from zajil.protocol.public.posts import Effect, PostDecision


async def claim(world: World, limit: int = 512, lease_s: float = 30) -> list[Job]:
    return await outbox.claim(world.public.space, limit=limit, lease_s=lease_s, now=world.clock())


async def test_a_version_is_one_workers_until_its_lease_ends(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author, lang="en")
    post = await world.post(author, channel, "text", lang="ru")
    (job,) = await claim(world)
    assert job.attempts == 1
    seen = job.post
    assert (seen.post_id, seen.version, seen.text, seen.lang) == (parse_b64(post), 1, "text", "ru")
    assert (seen.author, seen.role, seen.trust, seen.first) == (author.persona_id, "owner", 0, True)
    assert (seen.channel_kind, seen.channel_lang, seen.subscribers) == ("broadcast", "en", 1)
    assert await claim(world) == []
    world.clock.advance(29)
    assert await claim(world) == []
    world.clock.advance(2)
    (again,) = await claim(world)
    assert (again.seq, again.attempts) == (job.seq, 2)
    await outbox.give_back(world.public.space, [again.seq])
    (third,) = await claim(world)
    assert third.attempts == 3
    assert await outbox.finish(world.public.space, [third.seq]) == 1
    assert await outbox.finish(world.public.space, [third.seq]) == 0
    world.clock.advance(100)
    assert await claim(world) == []


async def test_work_is_taken_in_order_and_a_quarter_goes_to_newcomers(world: World) -> None:
    author, young = await world.author(), await world.author()
    await world.establish(author)
    await world.log_in(young)
    channel = await world.channel(author, kind="group")
    await world.call(routes.SUBSCRIBE, auth=young.auth, channel=channel)
    old = [parse_b64(await world.post(author, channel, f"old {number}")) for number in range(10)]
    new = [parse_b64(await world.post(young, channel, f"new {number}")) for number in range(4)]
    first = [job.post.post_id for job in await claim(world, 8)]
    assert first == sorted(first, key=[*old, *new].index)
    assert set(first) == {*old[:6], *new[:2]}
    assert {job.post.post_id for job in await claim(world, 8)} == {*old[6:], *new[2:]}


async def test_a_batch_is_never_larger_than_512(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    await world.post(author, channel)
    assert len(await claim(world, 10**9)) == 1
    assert len(await claim(world, 0)) == 0


async def test_a_decision_is_carried_out_once_however_often_it_comes(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel)
    await world.judge()
    remove, restore = os.urandom(32), os.urandom(32)
    assert await world.decide(post, "remove", name=remove) == "applied"
    assert await world.decide(post, "remove", name=remove) == "repeated"
    assert await world.decide(post, "restore", name=restore, human=True) == "applied"
    assert await world.decide(post, "remove", name=remove) == "repeated"
    assert (await world.read(post)).state == "visible"
    assert (await world.show(channel)).posts == 1


async def test_a_person_outranks_automatic_decisions_on_that_version_alone(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel)
    await world.judge()
    assert await world.decide(post, "allow", human=True) == "applied"
    assert await world.decide(post, "remove") == "outranked"
    assert (await world.read(post)).state == "visible"
    assert await world.decide(post, "limit", human=True) == "applied"
    await world.call(routes.EDIT_POST, api.EditPost("new text", 1), auth=author.auth, post=post)
    assert await world.decide(post, "remove", version=2) == "applied"
    assert (await world.read(post)).state == "removed"


async def test_a_verdict_never_applies_to_another_version(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel)
    jobs = await claim(world)
    await world.call(routes.EDIT_POST, api.EditPost("edited meanwhile", 1), auth=author.auth, post=post)
    assert await world.decide(post, "allow", version=jobs[0].post.version) == "outdated"
    assert (await world.read(post, author)).state == "pending"
    assert await world.decide(post, "allow", version=3) == "outdated"
    (job,) = await claim(world)
    assert (job.post.version, job.post.text) == (2, "edited meanwhile")


async def test_what_nobody_ever_saw_need_not_be_judged_and_what_was_seen_must(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    await world.post(author, channel, "seen")
    post = await world.post(author, channel, "one")
    await world.call(routes.EDIT_POST, api.EditPost("two", 1), auth=author.auth, post=post)
    gone = await world.post(author, channel, "gone")
    await world.call(routes.DELETE_POST, auth=author.auth, post=gone)
    assert [job.post.text for job in await claim(world)] == ["seen", "two"]
    backlog = await outbox.read_backlog(world.public.space)
    assert (backlog.waiting, backlog.oldest_s) == (2, 0.0)
    world.clock.advance(7)
    assert (await outbox.read_backlog(world.public.space)).oldest_s == 7.0


async def test_reversal_puts_every_counter_back(world: World) -> None:
    author, guest = await world.author(), await world.author()
    channel = await world.channel(author)
    await world.call(routes.SUBSCRIBE, auth=guest.auth, channel=channel)
    post = await world.post(author, channel, "findable")
    await world.judge()
    comment = await world.comment(guest, post, "also findable")
    await world.judge()

    def state() -> list[tuple[object, ...]]:
        queries = (
            "SELECT posts, subscribers FROM pub_channel",
            "SELECT handle, accepted FROM pub_persona ORDER BY handle",
            "SELECT id, state, shown, shown_as, accepted, comments, label, category FROM pub_post ORDER BY seq",
            f"SELECT rowid, body FROM {engines.searched()} ORDER BY rowid",
            "SELECT post_id, version, open FROM pub_post_version ORDER BY post_id",
        )
        return [tuple(row) for query in queries for row in world.rows(query)]

    before = state()
    effects: tuple[Effect, ...] = ("remove", "hold", "limit", "label")
    for effect in effects:
        for target in (post, comment):
            assert await world.decide(target, effect, human=True) == "applied"
        assert state() != before
        for target in (comment, post):
            assert await world.decide(target, "restore", human=True) == "applied"
        assert state() == before, effect


async def test_a_batch_is_all_or_nothing_and_tells_each_outcome(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    posts = [await world.post(author, channel, f"post {number}") for number in range(3)]

    def decision(post: str, version: int) -> PostDecision:
        return PostDecision(decision_id=os.urandom(32), post_id=parse_b64(post), version=version, effect="allow", at=0)

    batch = [decision(posts[0], 1), decision(posts[1], 9), decision("A" * 22, 1)]
    batch.append(batch[0])
    outcomes = await outbox.apply_decisions(world.public.space, batch)
    assert outcomes == ("applied", "outdated", "gone", "repeated")


async def test_holds_that_are_over_are_told_to_whoever_decides(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel)
    await world.decide(post, "hold")
    assert await outbox.expired_holds(world.public.space, limit=10) == []
    world.clock.advance(1800)
    (held,) = await outbox.expired_holds(world.public.space, limit=10)
    assert (held.post_id, held.version) == (parse_b64(post), 1)
    await world.decide(post, "limit")
    assert await outbox.expired_holds(world.public.space, limit=10) == []
    assert parse_json(await world.call(routes.READ_POST, post=post), api.Post).state == "limited"


async def test_a_batch_may_be_about_one_post_several_times(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    kept, removed, hidden = [await world.post(author, channel, f"words {name}") for name in ("one", "two", "three")]

    def decide(post: str, effect: Effect, name: bytes) -> PostDecision:
        category = "" if effect in ("allow", "restore") else "spam"
        return PostDecision(
            decision_id=name, post_id=parse_b64(post), version=1, effect=effect, category=category, at=0
        )

    batch = [
        decide(kept, "allow", b"1"),
        decide(removed, "allow", b"2"),
        decide(removed, "remove", b"3"),
        decide(kept, "remove", b"1"),
        decide(hidden, "allow", b"4"),
        decide(hidden, "hold", b"5"),
        decide(hidden, "restore", b"6"),
        decide("AAAAAAAAAAAAAAAAAAAAAA", "remove", b"7"),
    ]
    outcomes = await outbox.apply_decisions(world.public.space, batch)
    assert outcomes == ("applied", "applied", "applied", "repeated", "applied", "applied", "applied", "gone")
    assert await outbox.apply_decisions(world.public.space, batch) == ("repeated",) * 8
    assert [(await world.read(post)).state for post in (kept, hidden)] == ["visible", "visible"]
    assert set(await world.found("words")) == {kept, hidden}
    # One row a post, though one was put in, taken out and put in again.
    assert world.rows(f"SELECT count(*) FROM {engines.searched()}") == [(2,)]
    assert (await world.show(channel)).posts == 2
    # What happened is told in order, whatever was decided meanwhile.
    names = [row[0] for row in world.rows("SELECT name FROM pub_event WHERE post_id IS NOT NULL ORDER BY seq")]
    assert names == ["post.created", "post.created", "post.state", "post.created", "post.state", "post.state"]
