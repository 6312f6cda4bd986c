"""What the tests speak to a server with: plain HTTP calls, and sessions over real WebSockets."""

from __future__ import annotations

import asyncio
import io
import time
from collections import deque
from types import TracebackType

import aiohttp
import msgspec
from tests.server.carriers import Dial, Plug, SocketPlug
from tests.server.people import Person

from zajil.protocol import control, frames
from zajil.protocol.control import Blob, Route, encode_json, parse_json, parse_problem
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.identity.objects import hash_object
from zajil.protocol.ids import encode_b64
from zajil.protocol.limits import MIB
from zajil.protocol.session import Begin, ClientSession, Closed, Message

PATIENCE_S = 10.0


class Ended(Exception):
    """The session ended; code says how."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Http:
    """Control calls of one server."""

    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self.url = url
        self.client = client

    async def raw(
        self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        data = body if body is None or len(body) <= MIB else io.BytesIO(body)  # aiohttp warns of large bytes
        async with self.client.request(method, self.url + path, data=data, headers=headers) as answer:
            return answer.status, await answer.read(), {k.lower(): v for k, v in answer.headers.items()}

    async def call(
        self,
        route: Route,
        body: msgspec.Struct | bytes | None = None,
        *,
        auth: str | None = None,
        key: str | None = None,
        query: str = "",
        **parameters: str,
    ) -> bytes:
        """The answer's body; raises the ZajilError of a problem."""
        headers = {"authorization": auth} if auth else {}
        if key:
            headers["idempotency-key"] = key
        data = encode_json(body) if isinstance(body, msgspec.Struct) else body
        status, found, _ = await self.raw(route.method, route.url(**parameters) + query, body=data, headers=headers)
        if status != 200:
            raise parse_problem(status, found)
        return found

    async def code(self, route: Route, *args: object, **kwargs: object) -> str:
        """`ok`, or the code of the refusal."""
        try:
            await self.call(route, *args, **kwargs)  # type: ignore[arg-type]  # passed through as given
        except ZajilError as reason:
            return reason.code
        return "ok"

    async def register(self, person: Person, *, invite: str | None = None, device: int = 1) -> str:
        """The Authorization header of the new account's device."""
        body = control.CreateAccount(
            Blob(person.lists[0]),
            Blob(person.login(control_hash(person.lists[0]), device=device)),
            control.Gate(invite),
        )
        answer = parse_json(await self.call(control.CREATE_ACCOUNT, body), control.Session)
        return device_auth(answer.token)

    async def challenge(self, person: Person, device: int = 1) -> bytes:
        body = control.Challenge(control.B16(person.account_id), device)
        return parse_json(await self.call(control.CHALLENGE, body), control.ChallengeAnswer).nonce

    async def log_in(self, person: Person, device: int = 1) -> str:
        body = control.Login(Blob(person.login(await self.challenge(person, device), device=device)))
        return device_auth(parse_json(await self.call(control.TAKE_TOKEN, body), control.Session).token)

    async def refs(self, auth: str, n: int = 1) -> list[bytes]:
        answer = await self.call(control.TAKE_REFS, control.TakeRefs(n), auth=auth)
        return [bytes(ref) for ref in parse_json(answer, control.Refs).refs]

    async def group_pass(self, auth: str) -> bytes:
        answer = await self.call(control.TAKE_PASSES, control.TakePasses("group", 1), auth=auth)
        return bytes(parse_json(answer, control.Passes).passes[0])


def control_hash(device_list: bytes) -> bytes:
    """The nonce of a registration's login."""
    return hash_object(device_list)


def device_auth(token: bytes) -> str:
    return "Device " + encode_b64(token)


def contact_auth(token: bytes) -> str:
    return "Contact " + encode_b64(token)


class Wire:
    """One session over one or more real carriers, WebSockets unless `dial` says otherwise. `async with` opens one."""

    def __init__(self, url: str, role: Role, client: aiohttp.ClientSession, *, dial: Dial | None = None) -> None:
        self.url = url.replace("http", "ws", 1) + role.path
        self.dial: Dial = dial or (lambda: SocketPlug.dial(self.client, self.url))
        self.role = role
        self.client = client
        self.session = ClientSession(role)
        self.begun = 0
        self.arrived: deque[frames.RFromServer | frames.SFromServer] = deque()
        self._plug: Plug | None = None
        self._carrier = 0
        self._rid = 0
        self._ended: str | None = None

    async def __aenter__(self) -> Wire:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.cut()

    async def open(self) -> None:
        """A new carrier for the same session."""
        self._plug = await self.dial()
        self._carrier, events = self.session.open_carrier(time.monotonic())
        self._ended = None
        self.begun += sum(isinstance(event, Begin) for event in events)
        await self.flush()

    async def cut(self) -> None:
        """The carrier breaks without a word."""
        if self._plug is not None:
            await self._plug.cut()
            self._plug = None
        self.session.lost(self._carrier)

    def leave_carrier_open(self) -> Plug:
        """The carrier stays open while the session goes on with the next one; the caller cuts it."""
        older, self._plug = self._plug, None
        if older is None:
            raise Ended("no carrier")
        return older

    async def flush(self) -> None:
        if self._plug is None:
            return
        for record in self.session.pull(self._carrier, time.monotonic()):
            await self._plug.send(record)

    async def send(self, frame: frames.Frame) -> None:
        self.session.send(frames.encode_frame(frame))
        await self.flush()

    async def send_raw(self, body: bytes) -> None:
        """A message that is no data frame of ours."""
        self.session.send(body)
        await self.flush()

    async def receive(self) -> frames.RFromServer | frames.SFromServer:
        """The next data frame. Raises Ended."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.arrived:
                if self._ended is not None:
                    raise Ended(self._ended)
                await self.pump()
        return self.arrived.popleft()

    async def pump(self) -> None:
        """Take one record."""
        if self._plug is None:
            raise Ended("no carrier")
        record = await self._plug.receive()
        if record is None:
            self._ended = self._ended or "cut"
            self.session.lost(self._carrier)
            return
        parse = frames.parse_r_server if self.role is Role.R else frames.parse_s_server
        for event in self.session.feed(self._carrier, record, time.monotonic()):
            match event:
                case Message():
                    self.arrived.append(parse(event.body))
                case Closed():
                    self._ended = event.code
                case Begin():
                    self.begun += 1
        await self.flush()

    async def expect(self, kind: type[msgspec.Struct]) -> msgspec.Struct:
        """The next frame of this kind; frames of other kinds before it are dropped."""
        while True:
            frame = await self.receive()
            if isinstance(frame, kind):
                return frame

    async def until_end(self) -> str:
        """The code the session ends with; BYE and CLOSE agree."""
        said = None
        try:
            while True:
                frame = await self.receive()
                if isinstance(frame, frames.Bye):
                    said = frame.code
        except Ended as end:
            return said or end.code

    async def until_end_quietly(self) -> str:
        """`until_end` of a client that acknowledges nothing, so that its window stays full."""
        while self._ended is None and self._plug is not None:
            record = await self._plug.receive()
            if record is None:
                self._ended = "cut"
                break
            for event in self.session.feed(self._carrier, record, time.monotonic()):
                if isinstance(event, Closed):
                    self._ended = event.code
        return self._ended or "cut"

    async def hello(self, auth: str, after: int = 0) -> frames.Ready:
        await self.send(frames.Hello(auth.removeprefix("Device "), after))
        ready = await self.expect(frames.Ready)
        if not isinstance(ready, frames.Ready):
            raise TypeError
        return ready

    async def messages(self) -> list[frames.Msg]:
        """Everything up to the next DRAINED."""
        found = []
        while not isinstance(frame := await self.receive(), frames.Drained):
            if isinstance(frame, frames.Msg):
                found.append(frame)
        return found

    async def ask(self, request: frames.Request) -> frames.Ok | frames.Err:
        """The answer to this request, whatever came before it."""
        await self.send(request)
        while True:
            frame = await self.receive()
            if isinstance(frame, frames.Ok | frames.Err) and frame.rid == request.rid:
                return frame
