"""The personas of this account: made with a pass of the private side, found again from the account's seed, logged in.

Each is asked about on a lane of its own, so that no connection names two of them.
"""

from __future__ import annotations

from secrets import token_bytes
from typing import Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.client.public.calls import PublicCalls, Query, T
from zajil.client.shell.calls import device_auth
from zajil.client.shell.device import Device as OpenHome
from zajil.client.shell.enrol import now_ms
from zajil.client.state.public import OwnPersona, PublicState, load_public, save_public
from zajil.protocol import control
from zajil.protocol.control import B16, B32
from zajil.protocol.errors import AuthError, Conflict, Refused, error
from zajil.protocol.ids import PersonaId, encode_b64
from zajil.protocol.public import api, routes
from zajil.protocol.public.handles import parse_handle
from zajil.protocol.public.persona import PERSONAS, derive_seed, login_bytes, nonce_of_pass, persona_id_of
from zajil.protocol.public.routes import PublicRoute

MARGIN_S: Final = 60


class FoundPersona(NamedTuple):
    """A persona of this account as the server has it. suspended_until: Unix seconds, 0 where it may log in."""

    persona: api.Persona
    suspended_until: int = 0


class _Keys(NamedTuple):
    """What one persona signs with."""

    key: Ed25519PrivateKey
    public: bytes
    persona_id: PersonaId


class Personas:
    """Make one where it is needed: all that lasts is in the home."""

    def __init__(self, device: OpenHome) -> None:
        self._device = device

    def known(self) -> tuple[OwnPersona, ...]:
        """Those that this home knows of, by number. Another device of the account may have made more."""
        with self._device.store.look() as tx:
            return load_public(tx).personas

    async def find(self, handle: str) -> OwnPersona | None:
        """The own persona with this handle, with or without `@`; asks the server about those this home does not know.

        Raises `bad-handle`, Unreachable.
        """
        wanted = parse_handle(handle.removeprefix("@"))
        found = next((each for each in self.known() if each.handle == wanted), None)
        if found is None:
            await self.look_up()
            found = next((each for each in self.known() if each.handle == wanted), None)
        return found

    async def create(self, handle: str, display_name: str) -> api.Persona:
        """A new persona of this account, at most three ever.

        Raises bad-handle, handle-taken, handle-confusable, malformed (name), no-passes-left, Unreachable. The pass of
        an attempt that was refused is kept for the next one.
        """
        handle = parse_handle(handle.removeprefix("@"))
        await self.look_up()
        tried_again = False
        while True:
            number = self._free_number()
            one_time_pass = await self._take_pass()
            try:
                made = await self._register(number, one_time_pass, handle, display_name)
            except Conflict as problem:
                if problem.code != "persona-exists":
                    raise
                await self._note_taken(number)  # another device was quicker, or has deleted this one
            except Refused as problem:
                if problem.code != "pass-spent" or tried_again:
                    raise
                tried_again = True
                self._change(one_time_pass=b"")
            else:
                self._keep(number, made)
                self._change(one_time_pass=b"")
                return made

    async def list_all(self) -> list[FoundPersona]:
        """All own personas as they stand, by number; one that another device deleted is dropped. Raises Unreachable."""
        await self.look_up()
        found = [await self._read(each) for each in self.known()]
        return [each for each in found if each is not None]

    async def delete(self, persona: OwnPersona) -> None:
        """It is gone for good with all it wrote. Raises owns-channels, Unreachable."""
        identity = encode_b64(self._keys(persona.number).persona_id)
        await self.call(persona.number, routes.DELETE_PERSONA, api.Empty, persona=identity)
        self._spend(persona.number)

    async def call(
        self,
        number: int,
        route: PublicRoute,
        answer: type[T],
        *,
        request: msgspec.Struct | None = None,
        query: Query | None = None,
        wait_s: float = 0.0,
        **parameters: str,
    ) -> T:
        """As `PublicCalls.call`, as this persona and on its lane; logs in where it must.

        Raises persona-suspended, bad-challenge (it is deleted), Unreachable, and what the call raises.
        """

        async def made() -> T:
            token = await self._token(number)
            return await self._calls(number).call(
                route, answer, request=request, token=token, query=query, wait_s=wait_s, **parameters
            )

        try:
            return await made()
        except AuthError as problem:
            if problem.code != "token-expired":
                raise
        self._keep_token(number, "", 0)
        return await made()

    async def _token(self, number: int) -> str:
        """A login that is good for another minute."""
        with self._device.store.look() as tx:
            held = load_public(tx).find(number)
        if held is not None and held.token and held.expires - MARGIN_S > now_ms() // 1000:
            return held.token
        session = await self._log_in(number)
        token = encode_b64(session.token)
        self._keep_token(number, token, session.expires)
        return token

    def _calls(self, number: int) -> PublicCalls:
        return PublicCalls(self._device.reach.lane(f"persona {number}"))

    async def look_up(self) -> None:
        """Ask the server about those that this home does not know: every device can derive all of them."""
        with self._device.store.look() as tx:
            state = load_public(tx)
        for number in range(PERSONAS):
            if state.find(number) is None and number not in state.spent:
                found = await self._ask(number)
                if found is not None:
                    self._keep(number, found)

    # -- at the server
    async def _ask(self, number: int) -> api.Persona | None:
        """The persona of this number as anybody sees it; None where there is none."""
        identity = encode_b64(self._keys(number).persona_id)
        try:
            return await self._calls(number).call(routes.READ_PERSONA, api.Persona, persona=identity)
        except Refused as problem:
            if problem.code != "gone":
                raise
            return None

    async def _read(self, own: OwnPersona) -> FoundPersona | None:
        """With what only the persona itself is told; None where it was deleted."""
        identity = self._keys(own.number).persona_id
        try:
            found = await self.call(own.number, routes.READ_PERSONA, api.Persona, persona=encode_b64(identity))
        except (AuthError, Refused) as problem:
            shown = await self._ask(own.number)
            if shown is None:
                self._spend(own.number)
                return None
            if problem.code != "persona-suspended":
                raise
            return FoundPersona(shown, int(problem.detail.get("until", 0)))
        self._keep(own.number, found)
        return FoundPersona(found)

    async def _register(self, number: int, one_time_pass: bytes, handle: str, display_name: str) -> api.Persona:
        keys = self._keys(number)
        origin = self._device.profile.server_name
        proof = keys.key.sign(login_bytes(origin, nonce_of_pass(one_time_pass), keys.persona_id))
        request = api.NewPersona(B32(one_time_pass), B32(keys.public), handle, display_name, api.Signature(proof))
        return await self._calls(number).call(routes.CREATE_PERSONA, api.Persona, request=request)

    async def _note_taken(self, number: int) -> None:
        found = await self._ask(number)
        if found is None:
            self._spend(number)
        else:
            self._keep(number, found)

    async def _log_in(self, number: int) -> api.PersonaSession:
        keys, calls = self._keys(number), self._calls(number)
        request = api.PersonaChallenge(B16(keys.persona_id))
        challenge = await calls.call(routes.CHALLENGE, api.PersonaNonce, request=request)
        if challenge.origin != self._device.profile.server_name:
            raise error("not-this-server")
        signature = keys.key.sign(login_bytes(challenge.origin, challenge.nonce, keys.persona_id))
        login = api.PersonaLogin(B16(keys.persona_id), challenge.nonce, api.Signature(signature))
        return await calls.call(routes.TAKE_TOKEN, api.PersonaSession, request=login)

    async def _take_pass(self) -> bytes:
        """The pass that waits here, else one of the three an account may have. The only call as an account."""
        with self._device.store.look() as tx:
            state = load_public(tx)
        if state.one_time_pass:
            return state.one_time_pass
        asking = state.asking or self._change(asking=token_bytes(16)).asking
        token = await self._device.tokens.token()
        try:
            answer = await self._ask_pass(asking, token)
        except AuthError:
            self._device.tokens.forget(token)
            answer = await self._ask_pass(asking, await self._device.tokens.token())
        if not answer.passes:
            raise error("malformed", "no pass")
        return self._change(one_time_pass=bytes(answer.passes[0]), asking=b"").one_time_pass

    async def _ask_pass(self, asking: bytes, token: str) -> control.Passes:
        return await self._device.calls.call(
            control.TAKE_PASSES,
            control.Passes,
            request=control.TakePasses("persona", 1),
            auth=device_auth(token),
            idempotency=asking,
        )

    # -- in the home
    def _keys(self, number: int) -> _Keys:
        key = Ed25519PrivateKey.from_private_bytes(derive_seed(self._device.core.keys.account_seed, number))
        public = key.public_key().public_bytes_raw()
        return _Keys(key, public, persona_id_of(public))

    def _free_number(self) -> int:
        """Raises `no-passes-left` where all three were used."""
        with self._device.store.look() as tx:
            state = load_public(tx)
        for number in range(PERSONAS):
            if state.find(number) is None and number not in state.spent:
                return number
        raise error("no-passes-left")

    def _keep(self, number: int, persona: api.Persona) -> None:
        """As the server has it; its login stays."""
        with self._device.store.step("persona", now_ms(), token_bytes) as tx:
            state = load_public(tx)
            held = state.find(number) or OwnPersona(number, persona.handle, persona.display_name)
            named = msgspec.structs.replace(held, handle=persona.handle, display_name=persona.display_name)
            save_public(tx, state.put(named))

    def _keep_token(self, number: int, token: str, expires: int) -> None:
        with self._device.store.step("persona-login", now_ms(), token_bytes) as tx:
            state = load_public(tx)
            held = state.find(number)
            if held is not None:
                save_public(tx, state.put(msgspec.structs.replace(held, token=token, expires=expires)))

    def _spend(self, number: int) -> None:
        """Its persona is deleted; the number is not used again."""
        with self._device.store.step("persona-gone", now_ms(), token_bytes) as tx:
            state = load_public(tx)
            spent = tuple(sorted({*state.spent, number}))
            save_public(tx, msgspec.structs.replace(state.drop(number), spent=spent))

    def _change(self, **fields: bytes) -> PublicState:
        with self._device.store.step("persona-pass", now_ms(), token_bytes) as tx:
            return save_public(tx, msgspec.structs.replace(load_public(tx), **fields))
