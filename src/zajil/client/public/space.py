"""`PublicSpace`: what `Client.public` gives."""

from __future__ import annotations

from typing import Final

from zajil.client.public.calls import PublicCalls
from zajil.client.public.personas import FoundPersona, Personas
from zajil.client.public.visitor import Visitor
from zajil.client.shell.device import Device as OpenHome
from zajil.client.state.public import OwnPersona
from zajil.protocol.public import api

NOBODY: Final = "nobody"
"""The lane of whoever reads without a persona."""


class PublicSpace:
    """Personas of this account, and the space as one of them or as nobody. Raises `no-such-route` where there is none.

    Every persona, and nobody, has connections of its own; the server is told neither the account nor that two personas
    are one person's. Times and addresses it sees (docs/protocol/public.md).
    """

    def __init__(self, device: OpenHome) -> None:
        self._device = device
        self._personas = Personas(device)

    def known_personas(self) -> tuple[OwnPersona, ...]:
        """Those this home knows of; touches no network."""
        return self._personas.known()

    async def find_persona(self, handle: str) -> OwnPersona | None:
        """The own persona of this handle. Raises bad-handle, Unreachable."""
        return await self._personas.find(handle)

    async def list_personas(self) -> list[FoundPersona]:
        """All own personas as the server has them, made on whichever device. Raises Unreachable."""
        return await self._personas.list_all()

    async def create_persona(self, handle: str, display_name: str) -> api.Persona:
        """A new one, of three an account may have. Raises as `Personas.create`."""
        return await self._personas.create(handle, display_name)

    async def delete_persona(self, persona: OwnPersona) -> None:
        """For good, with all it wrote; it gives no pass back. Raises owns-channels, Unreachable."""
        await self._personas.delete(persona)

    def as_nobody(self) -> Visitor:
        """Reads what all may see."""
        return self._visitor(None)

    def as_persona(self, persona: OwnPersona) -> Visitor:
        """Reads and writes as this persona."""
        return self._visitor(persona.number)

    def _visitor(self, number: int | None) -> Visitor:
        return Visitor(PublicCalls(self._device.reach.lane(NOBODY)), self._personas, number)
