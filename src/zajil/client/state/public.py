"""What a device keeps of its personas: which it has, their logins, and a pass that was taken and not spent yet."""

from __future__ import annotations

import msgspec

from zajil.client.state.rows import encode_row, parse_row
from zajil.client.storage.store import Tx


class OwnPersona(msgspec.Struct, frozen=True):
    """A persona of this account. number: 0..2, what its key is derived from. token: of its login, "" without one.

    expires: of the token, Unix seconds by the server's clock.
    """

    number: int
    handle: str
    display_name: str
    token: str = ""
    expires: int = 0


class PublicState(msgspec.Struct, frozen=True):
    """personas: by number. spent: numbers whose persona was deleted: a persona's id is never used again.

    one_time_pass: 32 bytes for the next persona, empty without one. asking: Idempotency-Key (16 bytes) of the call that
    takes it, so that the same call after a crash gives the same pass and costs no second one.
    """

    personas: tuple[OwnPersona, ...] = ()
    spent: tuple[int, ...] = ()
    one_time_pass: bytes = b""
    asking: bytes = b""

    def find(self, number: int) -> OwnPersona | None:
        """The persona of this number."""
        return next((each for each in self.personas if each.number == number), None)

    def put(self, persona: OwnPersona) -> PublicState:
        """With this persona, in its place."""
        others = [each for each in self.personas if each.number != persona.number]
        personas = tuple(sorted([*others, persona], key=lambda each: each.number))
        return msgspec.structs.replace(self, personas=personas)

    def drop(self, number: int) -> PublicState:
        """Without the persona of this number."""
        return msgspec.structs.replace(self, personas=tuple(each for each in self.personas if each.number != number))


def load_public(tx: Tx) -> PublicState:
    """What is kept; nothing before the first persona."""
    data = tx.find("meta", b"public")
    return PublicState() if data is None else parse_row(data, PublicState)


def save_public(tx: Tx, state: PublicState) -> PublicState:
    """Write it and return it."""
    tx.put("meta", b"public", encode_row(state))
    return state
