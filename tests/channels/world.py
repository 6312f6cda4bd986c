"""People of the public space: personas with real keys and passes of real accounts, over HTTP against a real server."""

from __future__ import annotations

import itertools
import os
import unicodedata
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests import engines
from tests.server.people import Person
from tests.server.wire import Http

from zajil.channels import outbox
from zajil.protocol import control
from zajil.protocol.control import B16, B32, encode_json, parse_json, parse_problem
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import api, routes
from zajil.protocol.public.persona import login_bytes, nonce_of_pass, persona_id_of
from zajil.protocol.public.posts import Effect, PostDecision
from zajil.protocol.public.routes import PublicRoute
from zajil.server.app import Server
from zajil.server.public_space import PublicSpace

T = TypeVar("T")
START = 1_800_000_000.0
DAY_S = 86_400
ORIGIN = "localhost"


class Clock:
    """Unix seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def fold(text: str) -> str:
    """Search folding that is small enough to see through: NFKC, lower case, no marks, and a stem of four letters."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(each))
    words = "".join(each if each.isalnum() else " " for each in plain).split()
    return " ".join(word if len(word) <= 4 else f"{word} {word[:4]}" for word in words)


@dataclass
class Author:
    """A persona and its key. auth: the Authorization header of its newest login."""

    handle: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    auth: str = ""

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    @property
    def persona_id(self) -> bytes:
        return persona_id_of(self.public)

    def request(self, one_time_pass: bytes, *, name: str = "") -> api.NewPersona:
        proof = self.key.sign(login_bytes(ORIGIN, nonce_of_pass(one_time_pass), persona_id_of(self.public)))
        return api.NewPersona(
            B32(one_time_pass), B32(self.public), self.handle, name or self.handle.title(), api.Signature(proof)
        )


class World:
    """One server with a public space, and calls to it."""

    def __init__(self, server: Server, http: Http, clock: Clock) -> None:
        self.server = server
        self.http = http
        self.clock = clock
        self._numbers = itertools.count()
        self._passes: list[bytes] = []

    @property
    def public(self) -> PublicSpace:
        assert self.server.public is not None
        return self.server.public

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the database answers."""
        asked = engines.spoken(query)
        return [tuple(row) for row in self.server._db.read_sync(lambda db: db.exec_driver_sql(asked).all())]

    async def raw(
        self, route: PublicRoute, body: object = None, *, auth: str = "", key: str = "", query: str = "", **names: str
    ) -> tuple[int, bytes, dict[str, str]]:
        headers = {name: value for name, value in (("authorization", auth), ("idempotency-key", key)) if value}
        data = encode_json(body) if isinstance(body, msgspec.Struct) else body
        assert data is None or isinstance(data, bytes)
        return await self.http.raw(route.method, route.url(**names) + query, body=data, headers=headers)

    async def call(
        self, route: PublicRoute, body: object = None, *, auth: str = "", key: str = "", query: str = "", **names: str
    ) -> bytes:
        """The answer's body; raises the ZajilError of a problem."""
        status, data, _ = await self.raw(route, body, auth=auth, key=key, query=query, **names)
        if status != 200:
            raise parse_problem(status, data)
        return data

    async def code(self, route: PublicRoute, body: object = None, **more: str) -> str:
        """`ok`, or the code of the refusal."""
        try:
            await self.call(route, body, **more)
        except ZajilError as reason:
            return reason.code
        return "ok"

    async def take_passes(self, auth: str, n: int = 1, *, key: str | None = None) -> list[bytes]:
        body = control.TakePasses("persona", n)
        answer = parse_json(await self.http.call(control.TAKE_PASSES, body, auth=auth, key=key), control.Passes)
        return [bytes(each) for each in answer.passes]

    async def one_pass(self) -> bytes:
        """A pass of some account."""
        if not self._passes:
            self._passes = await self.take_passes(await self.http.register(Person()), 3)
        return self._passes.pop()

    async def author(self, handle: str = "", *, name: str = "") -> Author:
        """A new persona, logged in."""
        author = Author(handle or f"person_{'abcdefghij'[next(self._numbers) % 10]}{next(self._numbers)}x")
        await self.call(routes.CREATE_PERSONA, author.request(await self.one_pass(), name=name))
        await self.log_in(author)
        return author

    async def log_in(self, author: Author) -> None:
        nonce = parse_json(
            await self.call(routes.CHALLENGE, api.PersonaChallenge(B16(author.persona_id))), api.PersonaNonce
        )
        signature = author.key.sign(login_bytes(nonce.origin, nonce.nonce, persona_id_of(author.public)))
        body = api.PersonaLogin(B16(author.persona_id), nonce.nonce, api.Signature(signature))
        session = parse_json(await self.call(routes.TAKE_TOKEN, body), api.PersonaSession)
        author.auth = "Bearer " + encode_b64(session.token)

    async def channel(self, owner: Author, handle: str = "", **more: str) -> str:
        """A new channel's id as text. more: fields of NewChannel."""
        handle = handle or f"chan_{'abcdefghij'[next(self._numbers) % 10]}{next(self._numbers)}x"
        fields = {"handle": handle, "title": "Title", "kind": "broadcast", **more}
        made = await self.call(routes.CREATE_CHANNEL, msgspec.convert(fields, api.NewChannel), auth=owner.auth)
        return encode_b64(parse_json(made, api.Channel).channel_id)

    async def post(self, author: Author, channel: str, text: str = "hello world", *, lang: str = "") -> str:
        """A new post's id as text."""
        body = api.NewPost(text, lang)
        made = await self.call(routes.CREATE_POST, body, auth=author.auth, channel=channel)
        return encode_b64(parse_json(made, api.Post).post_id)

    async def comment(self, author: Author, post: str, text: str = "a comment") -> str:
        made = await self.call(routes.CREATE_COMMENT, api.NewPost(text), auth=author.auth, post=post)
        return encode_b64(parse_json(made, api.Post).post_id)

    async def read(self, post: str, reader: Author | None = None) -> api.Post:
        data = await self.call(routes.READ_POST, auth=reader.auth if reader else "", post=post)
        return parse_json(data, api.Post)

    async def page(self, channel: str, reader: Author | None = None, query: str = "") -> api.Posts:
        auth = reader.auth if reader else ""
        return parse_json(await self.call(routes.LIST_POSTS, auth=auth, channel=channel, query=query), api.Posts)

    async def found(self, query: str) -> list[str]:
        """Ids that a search finds, in order."""
        posts = parse_json(await self.call(routes.SEARCH, query="?q=" + query), api.Posts)
        return [encode_b64(each.post_id) for each in posts.posts]

    async def show(self, channel: str = "") -> api.Channel:
        return parse_json(await self.call(routes.READ_CHANNEL, channel=channel), api.Channel)

    async def judge(self, effect: Effect = "allow") -> list[str]:
        """Decide alike about everything in the outbox; the outcomes."""
        jobs = await outbox.claim(self.public.space, limit=512, lease_s=30, now=self.clock())
        decisions = [
            PostDecision(
                decision_id=os.urandom(32),
                post_id=job.post.post_id,
                version=job.post.version,
                effect=effect,
                category="" if effect in ("allow", "review", "restore") else "spam",
                at=int(self.clock()),
            )
            for job in jobs
        ]
        outcomes = await outbox.apply_decisions(self.public.space, decisions)
        await outbox.finish(self.public.space, [job.seq for job in jobs])
        return list(outcomes)

    async def decide(
        self, post: str, effect: Effect, *, version: int = 1, human: bool = False, category: str = "", name: bytes = b""
    ) -> str:
        """One decision; its outcome."""
        decision = PostDecision(
            decision_id=name or os.urandom(32),
            post_id=parse_b64(post),
            version=version,
            effect=effect,
            category=category or ("" if effect in ("allow", "review", "restore") else "spam"),
            human=human,
            at=int(self.clock()),
            hold_until=int(self.clock()) + 1800 if effect == "hold" else None,
        )
        return (await outbox.apply_decisions(self.public.space, [decision]))[0]

    async def establish(self, author: Author) -> None:
        """Make an author whom the gate lets through: old enough, with five accepted posts."""
        channel = await self.channel(author)
        for number in range(5):
            await self.post(author, channel, f"early post {number}")
        await self.judge()
        self.clock.advance(8 * DAY_S)
        await self.log_in(author)
