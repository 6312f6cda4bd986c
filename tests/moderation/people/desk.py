"""People on both sides of moderation: personas who write and report, staff with real keys, over HTTP."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.channels.world import ORIGIN, Author, World
from tests.moderators import unlock

from zajil.engine.moderationkeys import FILE_NAME, ModerationKeys
from zajil.moderation.decide.decide import Decisions
from zajil.moderation.pipeline import upkeep
from zajil.moderation.staff.members import CODE_BYTES, make_invite, new_code
from zajil.protocol.control import B16, B32, encode_json, parse_json, parse_problem
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import redress
from zajil.protocol.public import routes as public
from zajil.protocol.public.api import Signature, Updates
from zajil.protocol.review import api, routes
from zajil.protocol.review.routes import ReviewRoute
from zajil.protocol.review.staff import enrol_bytes, key_id_of, login_bytes, step_up_bytes
from zajil.server.moderation.wiring import Moderation

T = TypeVar("T", bound=msgspec.Struct)


@dataclass
class Member:
    """A member of staff and their key. auth: the Authorization header of their session."""

    role: str
    staff_id: bytes = b""
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    token: bytes = b""

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    @property
    def auth(self) -> str:
        return f"Staff {encode_b64(self.token)}"


class Desk(World):
    """One server with moderation, and calls to it as anybody."""

    @property
    def moderation(self) -> Moderation:
        assert self.server.moderation is not None
        return self.server.moderation

    @property
    def decisions(self) -> Decisions:
        return self.moderation.decisions

    def invite(self, role: api.StaffRole = "reviewer", **more: object) -> str:
        """A code, as whoever runs the server makes one. more: fields of NewInvite."""
        code = new_code(os.urandom(CODE_BYTES))
        request = msgspec.convert({"role": role, **more}, api.NewInvite)
        now = int(self.clock())
        self.server._db.write_sync(lambda db: make_invite(db, request, made_by=b"", code=code, now=now))
        return code

    async def member(self, role: api.StaffRole = "reviewer", **more: object) -> Member:
        """A member of staff, come in by an invite; one with that permission has unlocked private reports."""
        member = Member(role)
        await self.enrol(member, self.invite(role, **more))
        if more.get("private"):
            unlock(self.server)
        return member

    async def enrol(self, member: Member, code: str) -> None:
        proof = Signature(member.key.sign(enrol_bytes(ORIGIN, code, member.public)))
        body = api.Enrol(code, B32(member.public), proof, f"the {member.role}")
        session = await self.ask(routes.ENROL, api.StaffSession, body)
        member.token, member.staff_id = bytes(session.token), bytes(session.staff_id)

    async def log_staff_in(self, member: Member) -> None:
        key_id = key_id_of(member.public)
        asked = await self.ask(routes.CHALLENGE, api.Challenge, api.NewChallenge(B16(key_id)))
        signature = Signature(member.key.sign(login_bytes(asked.origin, asked.nonce, key_id)))
        body = api.KeyLogin(B16(key_id), asked.nonce, signature)
        member.token = bytes((await self.ask(routes.TAKE_TOKEN, api.StaffSession, body)).token)

    async def step_up(self, member: Member) -> api.Me:
        key_id = key_id_of(member.public)
        asked = await self.ask(routes.CHALLENGE, api.Challenge, api.NewChallenge(B16(key_id)))
        signature = Signature(member.key.sign(step_up_bytes(asked.origin, asked.nonce, member.token)))
        return await self.ask(routes.STEP_UP, api.Me, api.KeyStepUp(asked.nonce, signature), by=member)

    async def mod(
        self, route: ReviewRoute, body: object = None, *, auth: str = "", query: str = "", **names: str
    ) -> tuple[int, bytes]:
        headers = {"authorization": auth} if auth else {}
        data = encode_json(body) if isinstance(body, msgspec.Struct) else body
        assert data is None or isinstance(data, bytes)
        status, found, _ = await self.http.raw(route.method, route.url(**names) + query, body=data, headers=headers)
        return status, found

    async def ask(
        self,
        route: ReviewRoute,
        answer: type[T],
        body: msgspec.Struct | None = None,
        *,
        by: Member | None = None,
        query: str = "",
        **names: str,
    ) -> T:
        """The answer; raises the ZajilError of a problem."""
        assert answer is route.answer
        status, data = await self.mod(route, body, auth=by.auth if by else "", query=query, **names)
        if status != 200:
            raise parse_problem(status, data)
        return parse_json(data, answer)

    async def refused(
        self, route: ReviewRoute, body: msgspec.Struct | None = None, *, by: Member | None = None, **names: str
    ) -> str:
        """`ok`, or the code of the refusal."""
        status, data = await self.mod(route, body, auth=by.auth if by else "", **names)
        return "ok" if status == 200 else parse_problem(status, data).code

    async def visible_post(self, author: Author, channel: str, text: str) -> str:
        """A post that moderation let stand."""
        post = await self.post(author, channel, text)
        await self.judge()
        return post

    async def report(self, reporter: Author, post: str, category: redress.Category = "fraud") -> redress.Report:
        body = redress.NewReport(B16(parse_b64(post)), category, "look at this")
        return parse_json(await self.call(public.REPORT, body, auth=reporter.auth), redress.Report)

    async def reports(self, reporter: Author) -> list[redress.Report]:
        data = await self.call(public.OWN_REPORTS, auth=reporter.auth)
        return list(parse_json(data, redress.Reports).reports)

    async def notices(self, author: Author) -> list[redress.Notice]:
        data = await self.call(public.NOTICES, auth=author.auth)
        return list(parse_json(data, redress.Notices).notices)

    async def standing(self, author: Author) -> redress.OwnStanding:
        return parse_json(await self.call(public.STANDING, auth=author.auth), redress.OwnStanding)

    async def appeal(self, author: Author, decision: bytes, text: str = "this is wrong") -> redress.Appeal:
        data = await self.call(public.APPEAL, redress.NewAppeal(text), auth=author.auth, decision=encode_b64(decision))
        return parse_json(data, redress.Appeal)

    async def events(self, author: Author, after: str) -> tuple[list[str], str]:
        """Names of what this persona was told since then, and the cursor behind it."""
        found = parse_json(await self.call(public.UPDATES, auth=author.auth, query=f"?after={after}"), Updates)
        return [each.event for each in found.events], found.next

    async def cursor(self, author: Author) -> str:
        return parse_json(await self.call(public.UPDATES, auth=author.auth), Updates).next

    async def take(self, member: Member, queue: str = "main") -> api.ItemBrief:
        """The most urgent item, claimed."""
        found = await self.ask(routes.CLAIM, api.Items, api.NewClaim(), by=member, queue=queue)
        assert found.items
        return found.items[0]

    async def decide_item(
        self,
        member: Member,
        item: bytes,
        action: api.ItemAction,
        category: redress.Category | None = None,
        **more: object,
    ) -> api.Decided:
        body = msgspec.convert({"action": action, "category": category, **more}, api.Decide)
        return await self.ask(routes.DECIDE, api.Decided, body, by=member, item=encode_b64(item))

    async def removed(self, author: Author, reporter: Author, reviewer: Member, text: str) -> tuple[str, api.Decided]:
        """A post of this author's that a person removed after a report, and the decision."""
        post = await self.visible_post(author, await self.channel(author), text)
        await self.report(reporter, post)
        item = await self.take(reviewer)
        return post, await self.decide_item(reviewer, item.item_id, "remove", "fraud")

    async def sign_log(self) -> None:
        """The log's next signed head."""
        self.clock.advance(601)
        keys = ModerationKeys.load(self.server.data / FILE_NAME)
        await upkeep.sign_checkpoint(self.decisions, keys.log, origin=self.moderation.origin)


async def code_of(call: Awaitable[object]) -> str:
    """`ok`, or the code that awaiting this raises."""
    try:
        await call
    except ZajilError as reason:
        return reason.code
    return "ok"
