"""The database took a COMMIT and nobody heard of it: the same call again is told what was done, and it is done once.

So it is where the server dies right after it, and where the connection to PostgreSQL breaks in the middle of it.
"""

from __future__ import annotations

import hashlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import aiohttp
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace
from sqlalchemy import Connection
from tests import engines
from tests.channels.world import ORIGIN, Author, Clock, World, fold
from tests.gateways import asked_gateway
from tests.moderators import choose_passphrase
from tests.server.conftest import NO_LIMITS
from tests.server.people import Person
from tests.server.test_attachments import Uploader
from tests.server.test_process import PROGRAM, running
from tests.server.test_reports import write
from tests.server.wire import Http, control_hash

from zajil.bridges.registry.operator import invite_bridge
from zajil.engine.sql import answers
from zajil.protocol import control
from zajil.protocol.attachments import AddAttachment
from zajil.protocol.control import B16, B32, B64, Auth, Blob, Route, encode_json, parse_json
from zajil.protocol.errors import error
from zajil.protocol.ids import GroupId, PersonaId
from zajil.protocol.public import api, routes
from zajil.protocol.public.persona import login_bytes
from zajil.protocol.public.routes import Caller, PublicRoute
from zajil.server.app import Server
from zajil.server.config import CONFIG_FILE, Settings

T = TypeVar("T")


class Call(NamedTuple):
    """A POST, and the table in which it makes one row."""

    path: str
    body: msgspec.Struct | None
    table: str
    auth: str = ""


class Stage:
    """A server, and people before it."""

    def __init__(self, server: Server, client: aiohttp.ClientSession, data: Path, clock: Clock) -> None:
        self.server = server
        self.data = data
        self.http = Http(f"http://127.0.0.1:{server.port}", client)
        self.public = World(server, self.http, clock)

    async def post(self, call: Call, *, key: str = "once") -> tuple[int, bytes]:
        headers = {"idempotency-key": key, **({"authorization": call.auth} if call.auth else {})}
        body = None if call.body is None else encode_json(call.body)
        status, answer, _ = await self.http.raw("POST", call.path, body=body, headers=headers)
        return status, answer

    def count(self, table: str) -> int:
        ((number,),) = self.public.rows(f"SELECT COUNT(*) FROM {table}")
        assert isinstance(number, int)
        return number

    @contextmanager
    def deaf(self, patch: pytest.MonkeyPatch, *, nth: int) -> Iterator[None]:
        """The nth transaction of a call stands, and the call hears that the database cannot be reached."""
        database, left = self.server._db, nth
        real = database.write

        async def unheard(work: Callable[[Connection], T]) -> T:
            nonlocal left
            done = await real(work)
            if answers._OPEN.get() is not None:
                left -= 1
                if not left:
                    raise error("busy")
            return done

        with patch.context() as outage:
            outage.setattr(database, "write", unheard)
            yield


DYING: Final = f"""
import os, signal
from zajil.engine.sql import answers, database
opened = answers.opened
def armed(keep):
    database._answer = lambda group: os.kill(os.getpid(), signal.SIGKILL)  # after COMMIT, before anybody is told
    return opened(keep)
answers.opened = armed
{PROGRAM}
"""
"""A server that ends with the first COMMIT of a call that has a key."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def stage(tmp_path: Path, clock: Clock, client: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    data = tmp_path / "data"
    choose_passphrase(data)
    settings = Settings(
        port=0, registration="open", limits=NO_LIMITS, drain_s=0, public_space=True, bridge_token_age_days=0
    )
    server = await Server.start(data, replace(settings, gateway=asked_gateway()), clock=clock, fold=fold)
    yield Stage(server, client, data, clock)
    await server.stop()


async def open_account(_stage: Stage) -> Call:
    person = Person()
    login = Blob(person.login(control_hash(person.lists[0])))
    return Call(control.CREATE_ACCOUNT.url(), control.CreateAccount(Blob(person.lists[0]), login), "account")


async def take_up_again(stage: Stage) -> Call:
    person = Person()
    await stage.http.register(person)
    person.devices[2] = Ed25519PrivateKey.generate()
    new = person.next_list(devices=[2])
    login = Blob(person.login(control_hash(new), device=2))
    return Call(control.CREATE_ACCOUNT.url(), control.CreateAccount(Blob(new), login), "device_list")


async def log_in(stage: Stage) -> Call:
    person = Person()
    await stage.http.register(person)
    login = person.login(await stage.http.challenge(person))
    return Call(control.TAKE_TOKEN.url(), control.Login(Blob(login)), "session_token")


async def invite(stage: Stage) -> Call:
    auth = await stage.http.register(Person())
    return Call(control.TAKE_PASSES.url(), control.TakePasses("invite", 1), "invite_code", auth)


async def take_pass(stage: Stage) -> Call:
    auth = await stage.http.register(Person())
    return Call(control.TAKE_PASSES.url(), control.TakePasses("persona", 1), "pass", auth)


async def complain(stage: Stage) -> Call:
    person = Person()
    auth = await stage.http.register(person)
    content = Blob(write(person, GroupId(bytes(16)), "I know where you live"))
    item = control.ReportItem(content, B64(bytes(64)), 0, B16(bytes(16)), 0, None, Blob(b"x"))
    return Call(control.MAKE_REPORT.url(), control.MakeReport("spam", (item,), "", True), "mod_report", auth)


async def announce(stage: Stage) -> Call:
    passes = await Uploader(stage.http, await stage.http.register(Person())).take(1)
    return Call(control.ADD_ATTACHMENT.url(), AddAttachment(1024, B32(hashlib.sha256().digest()), passes), "attachment")


async def join(stage: Stage) -> Call:
    code = invite_bridge(stage.server._db, now=stage.server._clock())
    return Call(control.JOIN_BRIDGE.url(), control.JoinBridge(code, "bridge.test", 443, "assets"), "bridge")


async def ask_for_bridges(stage: Stage) -> Call:
    code = invite_bridge(stage.server._db, now=stage.server._clock())
    await stage.http.call(control.JOIN_BRIDGE, control.JoinBridge(code, "bridge.test", 443, "assets"))
    return Call(control.ISSUE_BUNDLE.url(), None, "bridge_token", await stage.http.register(Person()))


async def create_persona(stage: Stage) -> Call:
    request = Author("layla_1").request(await stage.public.one_pass())
    return Call(routes.CREATE_PERSONA.url(), request, "pub_persona")


async def log_in_persona(stage: Stage) -> Call:
    author = await stage.public.author()
    data = await stage.public.call(routes.CHALLENGE, api.PersonaChallenge(B16(author.persona_id)))
    nonce = parse_json(data, api.PersonaNonce).nonce
    signature = api.Signature(author.key.sign(login_bytes(ORIGIN, nonce, PersonaId(author.persona_id))))
    return Call(routes.TAKE_TOKEN.url(), api.PersonaLogin(B16(author.persona_id), nonce, signature), "pub_token")


async def create_channel(stage: Stage) -> Call:
    author = await stage.public.author()
    return Call(routes.CREATE_CHANNEL.url(), api.NewChannel("mountains", "M", "broadcast"), "pub_channel", author.auth)


async def post(stage: Stage) -> Call:
    author = await stage.public.author()
    channel = await stage.public.channel(author)
    return Call(routes.CREATE_POST.url(channel=channel), api.NewPost("hello"), "pub_post", author.auth)


async def comment(stage: Stage) -> Call:
    author = await stage.public.author()
    first = await stage.public.post(author, await stage.public.channel(author, comments="on"))
    await stage.public.judge()
    return Call(routes.CREATE_COMMENT.url(post=first), api.NewPost("hello"), "pub_post", author.auth)


CASES: Final[tuple[tuple[Route | PublicRoute, Callable[[Stage], Awaitable[Call]]], ...]] = (
    (control.CREATE_ACCOUNT, open_account),
    (control.CREATE_ACCOUNT, take_up_again),
    (control.TAKE_TOKEN, log_in),
    (control.TAKE_PASSES, invite),
    (control.TAKE_PASSES, take_pass),
    (control.MAKE_REPORT, complain),
    (control.ADD_ATTACHMENT, announce),
    (control.JOIN_BRIDGE, join),
    (control.ISSUE_BUNDLE, ask_for_bridges),
    (routes.CREATE_PERSONA, create_persona),
    (routes.TAKE_TOKEN, log_in_persona),
    (routes.CREATE_CHANNEL, create_channel),
    (routes.CREATE_POST, post),
    (routes.CREATE_COMMENT, comment),
)
AS_WELL_TWICE: Final[dict[Route | PublicRoute, str]] = {
    control.CHALLENGE: "another one is as good",
    control.LISTS_BY_KEY: "reads; a new challenge reads again",
    control.TAKE_REFS: "nothing of them is stored",
    control.CLAIM_KEY_PACKAGES: "has a key of its own, which lies with what was claimed",
    control.CALL_RELAY: "another one is as good",
    control.CALL_TICKET: "another one is as good",
    routes.CHALLENGE: "another one is as good",
    routes.REPORT: "one notice of a persona about a version",
    routes.APPEAL: "one appeal against a decision, and each text once",
}


def test_each_post_is_told_again_or_as_well_made_twice() -> None:
    posts = {each for each in (*control.ROUTES, *routes.PUBLIC_ROUTES) if each.method == "POST"}
    told = {route for route, _ in CASES}
    assert told | AS_WELL_TWICE.keys() == posts
    assert not told & AS_WELL_TWICE.keys()


@pytest.mark.parametrize("make", [make for _, make in CASES], ids=lambda make: make.__name__)
async def test_what_nobody_heard_of_is_told_and_not_done_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, make: Callable[[Stage], Awaitable[Call]]
) -> None:
    """The first copy is lost at its first COMMIT, the next one at its second, and so on."""
    call = await make(stage)
    before = stage.count(call.table)
    nth, status, told = 0, 503, b""
    while status == 503 and nth < 5:
        nth += 1
        with stage.deaf(monkeypatch, nth=nth):
            status, told = await stage.post(call)
    assert (status, nth >= 2) == (200, True), told
    assert await stage.post(call) == (200, told)
    assert stage.count(call.table) == before + 1


async def test_a_copy_under_a_newer_login_is_one(stage: Stage) -> None:
    """What was asked may be asked again when the login of then is over; nobody else's copy is one."""
    person, author = Person(), await stage.public.author()
    ask = Call(control.TAKE_PASSES.url(), control.TakePasses("persona", 1), "pass", await stage.http.register(person))
    first = await stage.post(ask)
    assert await stage.post(ask._replace(auth=await stage.http.log_in(person))) == first
    assert (await stage.post(ask._replace(auth=await stage.http.register(Person()))))[1] != first[1]
    make = Call(routes.CREATE_CHANNEL.url(), api.NewChannel("mountains", "M", "broadcast"), "pub_channel", author.auth)
    made = await stage.post(make)
    await stage.public.log_in(author)
    assert author.auth != make.auth
    assert await stage.post(make._replace(auth=author.auth)) == made
    assert (await stage.post(make._replace(auth=(await stage.public.author()).auth)))[0] == 409


def has_caller(route: Route | PublicRoute) -> bool:
    return route.caller is Caller.PERSONA if isinstance(route, PublicRoute) else Auth.NONE not in route.auth


@pytest.mark.parametrize("make", [make for route, make in CASES if has_caller(route)], ids=lambda make: make.__name__)
async def test_nobody_else_is_told_what_a_caller_was(stage: Stage, make: Callable[[Stage], Awaitable[Call]]) -> None:
    """Not who has the key and the very body. Of a call without a caller these say who may make it."""
    call = await make(stage)
    status, told = await stage.post(call)
    assert status == 200, told
    is_public = call.path.startswith(routes.PREFIX)
    other = (await stage.public.author()).auth if is_public else await stage.http.register(Person())
    for auth in (other, ""):
        assert (await stage.post(call._replace(auth=auth)))[1] != told
    assert await stage.post(call) == (200, told)


async def test_another_device_of_the_account_is_told_nothing(stage: Stage) -> None:
    person = Person(devices={device: Ed25519PrivateKey.generate() for device in (1, 2)})
    first = await stage.http.register(person)
    ask = Call(control.TAKE_PASSES.url(), control.TakePasses("persona", 1), "pass", first)
    status, told = await stage.post(ask)
    again, other = await stage.post(ask._replace(auth=await stage.http.log_in(person, 2)))
    assert (status, again) == (200, 200)
    assert other != told


@pytest.mark.kill
@pytest.mark.slow
async def test_a_server_killed_right_after_a_commit_tells_what_it_did(
    tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    """The pass for a persona, of which an account has three for its whole life: it gets that one, and two more."""
    (tmp_path / CONFIG_FILE).write_text("public_space = true\n")
    engines.name_in_settings(tmp_path)
    ask, headers = encode_json(control.TakePasses("persona", 1)), {"idempotency-key": "once"}
    async with running(tmp_path, DYING) as server:
        http = Http(server.url, client)
        headers["authorization"] = auth = await http.register(Person())
        with pytest.raises(aiohttp.ClientError):
            await http.raw("POST", control.TAKE_PASSES.url(), body=ask, headers=headers)
        assert await server.process.wait() == -signal.SIGKILL
    async with running(tmp_path) as server:
        http = Http(server.url, client)
        status, told, _ = await http.raw("POST", control.TAKE_PASSES.url(), body=ask, headers=headers)
        assert (status, len(parse_json(told, control.Passes).passes)) == (200, 1)
        assert await http.code(control.TAKE_PASSES, control.TakePasses("persona", 2), auth=auth) == "ok"
        assert await http.code(control.TAKE_PASSES, control.TakePasses("persona", 1), auth=auth) == "no-passes-left"
