"""Calls to /mod/v1 of one server, over HTTPS alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.protocol.control import B16, B32, encode_json, parse_json, parse_problem
from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64
from zajil.protocol.public.api import Signature
from zajil.protocol.review import api, routes
from zajil.protocol.review.routes import ReviewRoute
from zajil.protocol.review.staff import SCHEME, enrol_bytes, key_id_of, login_bytes, step_up_bytes

T = TypeVar("T", bound=msgspec.Struct)
TIMEOUT_S = 30.0


class StaffCaller:
    """Calls one server. token: of a session, None before there is one. Use as an asynchronous context manager."""

    def __init__(self, server: str, token: bytes | None = None) -> None:
        self.server = server.rstrip("/")
        self.token = token
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> StaffCaller:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, reason: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def call(
        self,
        route: ReviewRoute,
        answer: type[T],
        body: msgspec.Struct | None = None,
        *,
        query: Mapping[str, str] | None = None,
        **names: str,
    ) -> T:
        """The answer of this route, of the type that it gives. Raises the ZajilError of a refusal, or `unreachable`."""
        if self._http is None or answer is not route.answer:
            raise error("wrong-call")
        headers = {"content-type": "application/json"} if body is not None else {}
        if route.roles is not None and self.token is not None:
            headers["authorization"] = f"{SCHEME} {encode_b64(self.token)}"
        url = self.server + route.url(**names) + (f"?{urlencode(query)}" if query else "")
        data = encode_json(body) if body is not None else None
        try:
            async with self._http.request(route.method, url, data=data, headers=headers) as found:
                content = await found.read()
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as reason:
            raise error("unreachable") from reason
        if found.status != 200:
            raise parse_problem(found.status, content)
        return parse_json(content, answer)

    async def find_origin(self) -> str:
        """What this server has its logins signed for."""
        nothing = B16(bytes(16))
        return (await self.call(routes.CHALLENGE, api.Challenge, api.NewChallenge(nothing))).origin

    async def enrol(
        self, key: Ed25519PrivateKey, invite: str, *, origin: str, name: str, label: str
    ) -> api.StaffSession:
        """A session by a new key, admitted by an invite."""
        public = key.public_key().public_bytes_raw()
        proof = Signature(key.sign(enrol_bytes(origin, invite, public)))
        body = api.Enrol(invite, B32(public), proof, name, label)
        return self._take(await self.call(routes.ENROL, api.StaffSession, body))

    async def log_in(self, key: Ed25519PrivateKey, *, origin: str) -> api.StaffSession:
        """A session by a known key. Raises bad-challenge where the server is not the one that key was made for."""
        key_id = key_id_of(key.public_key().public_bytes_raw())
        asked = await self.call(routes.CHALLENGE, api.Challenge, api.NewChallenge(B16(key_id)))
        if asked.origin != origin:
            raise error("bad-challenge", "another server answers here")
        signature = Signature(key.sign(login_bytes(origin, asked.nonce, key_id)))
        return self._take(
            await self.call(routes.TAKE_TOKEN, api.StaffSession, api.KeyLogin(B16(key_id), asked.nonce, signature))
        )

    async def step_up(self, key: Ed25519PrivateKey, *, origin: str) -> api.Me:
        """Show that the key's holder is there."""
        key_id = key_id_of(key.public_key().public_bytes_raw())
        asked = await self.call(routes.CHALLENGE, api.Challenge, api.NewChallenge(B16(key_id)))
        if asked.origin != origin:
            raise error("bad-challenge", "another server answers here")
        signature = Signature(key.sign(step_up_bytes(origin, asked.nonce, self.token or b"")))
        return await self.call(routes.STEP_UP, api.Me, api.KeyStepUp(asked.nonce, signature))

    def _take(self, session: api.StaffSession) -> api.StaffSession:
        self.token = bytes(session.token)
        return session
