"""The session token of this device: taken by signing a challenge, kept until shortly before it expires."""

from __future__ import annotations

import asyncio

import msgspec

from zajil.client.core.core import Core
from zajil.client.shell.calls import Calls, T, device_auth
from zajil.client.shell.chains import bring_ourselves, make_login
from zajil.client.state.rows import Profile
from zajil.protocol import control
from zajil.protocol.control import Route
from zajil.protocol.errors import AuthError, Limited, ZajilError
from zajil.protocol.ids import encode_b64

MARGIN_S = 60


class Tokens:
    """Hands out the token; one login at a time."""

    def __init__(self, core: Core, calls: Calls) -> None:
        self._core = core
        self._calls = calls
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """A token that is valid for another minute. Raises AuthError `device-revoked`, Limited, Unreachable."""
        async with self._lock:
            with self._core.look() as step:
                session = step.session()
                now = self._core.now() // 1000
            if session.token and session.token_expires - MARGIN_S > now:
                return session.token
            try:
                with self._core.look() as step:
                    profile = step.profile
                token, expires = await log_in(self._calls, profile, self._core.keys.device_seed)
            except (AuthError, Limited) as problem:
                if problem.code == "device-revoked":
                    with self._core.step("revoked") as step:
                        step.change_session(revoked=True)
                # A server that came back from an older backup does not know a device that was linked since; where there
                # are many behind one address, it tells most of them to slow down. The account key is no failed login.
                asked = problem.code in ("bad-challenge", "slow-down")
                taken = await bring_ourselves(self._core, self._calls) if asked else None
                if taken is None:
                    raise
                token, expires = encode_b64(taken.token), taken.expires
            with self._core.step("token") as step:
                step.change_session(token=token, token_expires=expires)
            return token

    async def auth(self) -> str:
        """The Authorization header of this device."""
        return device_auth(await self.token())

    async def call(
        self,
        route: Route,
        answer: type[T],
        *,
        request: msgspec.Struct | None = None,
        idempotency: bytes | None = None,
        **parameters: str,
    ) -> T:
        """The answer of a call as this device, for what a person waits for.

        A login that the server ended, as one that came back from a backup ends them all, is made anew once: nothing was
        carried out by the call that it refused, and nobody who is told to try again could do more.
        """

        async def once(token: str) -> T:
            return await self._calls.call(
                route, answer, request=request, auth=device_auth(token), idempotency=idempotency, **parameters
            )

        token = await self.token()
        try:
            return await once(token)
        except AuthError as problem:
            if not is_login_error(problem):
                raise
        self.forget(token)
        return await once(await self.token())

    def forget(self, token: str | None = None) -> None:
        """The server does not take this token any more; without one, whichever there is.

        One that was taken since stays: of several calls that are refused together, one logs in for all.
        """
        with self._core.step("token") as step:
            if token in (None, step.session().token):
                step.change_session(token="", token_expires=0)


async def log_in(calls: Calls, profile: Profile, device_seed: bytes) -> tuple[str, int]:
    """A fresh token by challenge, and when it expires (Unix seconds)."""
    challenge = await calls.call(
        control.CHALLENGE,
        control.ChallengeAnswer,
        request=control.Challenge(control.B16(profile.account_id), profile.device_id),
    )
    login = make_login(profile, device_seed, nonce=bytes(challenge.nonce))
    session = await calls.call(control.TAKE_TOKEN, control.Session, request=control.Login(control.Blob(login)))
    return encode_b64(session.token), session.expires


def is_login_error(problem: ZajilError) -> bool:
    """Whether a new token may help."""
    return isinstance(problem, AuthError) and problem.code == "token-expired"
