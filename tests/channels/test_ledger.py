"""Whatever happens in whatever order, counters, search and what others see agree with the posts themselves."""

from __future__ import annotations

import random
from typing import get_args

import pytest
from tests import engines
from tests.channels.world import Author, World

from zajil.channels import gate
from zajil.protocol.control import parse_json
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import api, routes
from zajil.protocol.public.posts import Effect
from zajil.protocol.public.routes import PublicRoute

CHECKS = {
    "posts of a channel": """
        SELECT c.id FROM pub_channel c WHERE c.state <> 'deleted' AND c.posts <> (SELECT count(*) FROM pub_post p
        WHERE p.channel_id = c.id AND p.thread_root IS NULL AND p.shown_as = 'visible')""",
    "comments of a post": """
        SELECT r.id FROM pub_post r WHERE r.thread_root IS NULL AND r.comments <>
        (SELECT count(*) FROM pub_post p WHERE p.thread_root = r.id AND p.shown_as = 'visible')""",
    "followers of a channel": """
        SELECT c.id FROM pub_channel c WHERE c.state <> 'deleted' AND c.subscribers <>
        (SELECT count(*) FROM pub_member m WHERE m.channel_id = c.id AND m.subscribed = 1)""",
    "accepted posts of a persona": """
        SELECT a.id FROM pub_persona a
        WHERE a.accepted <> (SELECT coalesce(sum(p.accepted), 0) FROM pub_post p WHERE p.author = a.id)""",
    "rows of search": """
        SELECT p.seq FROM pub_post p LEFT JOIN {searched} ON pub_search.rowid = p.seq
        WHERE (p.shown_as = 'visible') <> (pub_search.rowid IS NOT NULL)""",
    "search of nothing": """
        SELECT pub_search.rowid FROM {searched} LEFT JOIN pub_post p ON p.seq = pub_search.rowid
        WHERE p.seq IS NULL""",
    "words of search": """
        SELECT pub_search.body, v.text FROM {searched} JOIN pub_post p ON p.seq = pub_search.rowid
        JOIN pub_post_version v ON v.post_id = p.id AND v.version = p.shown
        WHERE length(v.text) <= 4 AND length(replace(pub_search.body, v.text, '')) = length(pub_search.body)""",
    "a version that is shown and closed": """
        SELECT v.version FROM pub_post p JOIN pub_post_version v ON v.post_id = p.id AND v.version = p.shown
        WHERE p.shown_as = 'visible' AND v.open = 0""",
    "an open version of a post taken down": """
        SELECT v.version FROM pub_post p JOIN pub_post_version v ON v.post_id = p.id AND v.version = p.version
        WHERE p.state IN ('removed', 'held', 'limited', 'deleted') AND v.open = 1""",
    "work that is missing": """
        SELECT p.id FROM pub_post p WHERE p.state = 'pending'
        AND NOT EXISTS (SELECT 1 FROM pub_outbox o WHERE o.post_id = p.id AND o.version = p.version)""",
}


class Story:
    """Three people, two groups, and what they and moderation do at random."""

    def __init__(self, world: World, people: list[Author], channels: list[str], seed: int) -> None:
        self.world = world
        self.people = people
        self.channels = channels
        self.source = random.Random(seed)
        self.posts: list[tuple[str, Author, int]] = []
        doing = (self.write, self.write, self.comment, self.edit, self.decide, self.decide)
        self.steps = (self.follow, self.leave, *doing, self.wait, self.delete)

    async def follow(self) -> None:
        author, channel = self.source.choice(self.people), self.source.choice(self.channels)
        await self.world.call(routes.SUBSCRIBE, auth=author.auth, channel=channel)

    async def leave(self) -> None:
        author, channel = self.source.choice(self.people), self.source.choice(self.channels)
        if author is not self.people[0]:
            await self.world.call(routes.UNSUBSCRIBE, auth=author.auth, channel=channel)

    async def write(self) -> None:
        await self.follow()
        await self._add(routes.CREATE_POST, channel=self.source.choice(self.channels))

    async def comment(self) -> None:
        if self.posts:
            await self._add(routes.CREATE_COMMENT, post=self.source.choice(self.posts)[0])

    async def edit(self) -> None:
        if self.posts:
            at = self.source.randrange(len(self.posts))
            post, writer, version = self.posts[at]
            edit = api.EditPost(f"e{self.source.randrange(100)}", version)
            if await self.world.code(routes.EDIT_POST, edit, auth=writer.auth, post=post) == "ok":
                self.posts[at] = (post, writer, version + 1)

    async def decide(self) -> None:
        if self.posts:
            post, _, version = self.source.choice(self.posts)
            number = max(1, version - self.source.choice((0, 0, 1)))
            effect: Effect = self.source.choice(get_args(Effect))
            await self.world.decide(post, effect, version=number, human=self.source.random() < 0.3)

    async def wait(self) -> None:
        self.world.clock.advance(self.source.choice((1, 3, 61)))
        await gate.release_due(self.world.public.space)

    async def delete(self) -> None:
        if self.posts and self.source.random() < 0.3:
            post, writer, _ = self.source.choice(self.posts)
            await self.world.code(routes.DELETE_POST, auth=writer.auth, post=post)

    async def _add(self, route: PublicRoute, **place: str) -> None:
        author = self.source.choice(self.people)
        body = api.NewPost(f"p{self.source.randrange(100)}")
        status, data, _ = await self.world.raw(route, body, auth=author.auth, **place)
        if status == 200:
            self.posts.append((encode_b64(parse_json(data, api.Post).post_id), author, 1))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_the_books_agree_after_every_step(world: World, seed: int) -> None:
    people = [await world.author() for _ in range(3)]
    await world.establish(people[0])
    for each in people[1:]:
        await world.log_in(each)
    channels = [await world.channel(people[0], kind="group") for _ in range(2)]
    for each in people[1:]:
        for channel in channels:
            await world.call(routes.SUBSCRIBE, auth=each.auth, channel=channel)
    story, searched = Story(world, people, channels, seed), engines.searched()
    for number in range(80):
        step = story.source.choice(story.steps)
        await step()
        for name, query in CHECKS.items():
            assert world.rows(query.format(searched=searched)) == [], f"{name} after step {number}: {step.__name__}"
    assert len(story.posts) >= 5
