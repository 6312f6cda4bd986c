"""What `Client` does with links into groups: make and end them, let people in, ask to be let in."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Mapping
from secrets import token_bytes
from typing import Final

from zajil.client import listing
from zajil.client.core import chats
from zajil.client.core.contact.doors import note_link
from zajil.client.core.core import Core
from zajil.client.core.joins import admitting, asking
from zajil.client.shell.calls import contact_auth
from zajil.client.shell.chains import fetch_chain
from zajil.client.shell.device import Device as OpenHome
from zajil.client.state import accounts
from zajil.client.state.joins import load_joins
from zajil.client.talking import gid_of
from zajil.client.views import Chat, Contact, GroupLinkView, JoinRequestView, JoinView, Needs
from zajil.protocol import control
from zajil.protocol.chat.extensions import JoinPolicy
from zajil.protocol.errors import Refused
from zajil.protocol.identity.grouplinks import parse_group_link
from zajil.protocol.ids import encode_b64, parse_b64

GROUP_LINK_USES: Final = 100
GROUP_LINK_DAYS: Final = 7


class Inviting:
    """The part of `Client` about permissions and links of groups. Ids are base64url text."""

    _device: OpenHome
    _core: Core

    def find_member(self, chat: Chat, text: str) -> Contact:
        """The member of a chat with this id or name, ourselves too, who need be no contact.

        Raises `unknown-contact`, or `ambiguous-name` with detail `candidates`.
        """
        with self._core.look() as step:
            people = listing.members(step, step.chat(gid_of(chat)))
        return listing.find_named(text, people, name=lambda person: person.name, unknown="unknown-contact")

    async def set_permissions(self, chat: Chat, perms: Mapping[str, Needs]) -> None:
        """Change who may `send`, `add`, `info`, `timer`, `link`; returns when it stands. Raises `not-permitted`."""
        with self._core.step("permissions") as step:
            numbers = {name: int(needs == "admin") for name, needs in perms.items()}
            pending = chats.set_permissions(step, gid_of(chat), numbers)
        await self._device.settle(pending)

    async def make_group_link(self, chat: Chat, *, auto: bool = False, seconds: int | None = None) -> GroupLinkView:
        """A link by which up to 100 people may ask to be let in, and by `auto` are, once it stands in the group.

        seconds: how long it holds, 7 days by default. Raises `not-permitted`, `too-many-links`.
        """
        with self._core.look() as step:
            admitting.check_may_link(step, gid_of(chat))
        token = token_bytes(32)
        expires = int(time.time()) + (GROUP_LINK_DAYS * 86_400 if seconds is None else seconds)
        await self._device.tokens.call(
            control.PUT_CONTACT_TOKEN,
            control.Empty,
            request=control.PutContactToken("invite", GROUP_LINK_USES, expires),
            hash=encode_b64(hashlib.sha256(token).digest()),
        )
        policy = JoinPolicy.AUTO if auto else JoinPolicy.ASK
        with self._core.step("group-link") as step:
            made, pending = admitting.make_link(step, gid_of(chat), token, policy=policy, expires=expires)
            note_link(step, token, uses=GROUP_LINK_USES, expires=expires)
        await self._device.settle(pending)
        with self._core.look() as step:
            text = listing.link_text(step, made)
        return GroupLinkView(encode_b64(made.invite_id), "auto" if auto else "ask", expires, text)

    def group_links(self, chat: Chat) -> list[GroupLinkView]:
        """The links that hold now, the oldest first."""
        with self._core.look() as step:
            return listing.group_links(step, step.chat(gid_of(chat)))

    async def revoke_group_link(self, chat: Chat, link_id: str) -> None:
        """End a link; returns when the group knows. Raises `not-permitted`, `gone`."""
        invite_id = parse_b64(link_id, size=16)
        with self._core.step("revoke-link") as step:
            pending = admitting.revoke(step, gid_of(chat), invite_id)
            own = next((link for link in load_joins(step.tx).links if link.invite_id == invite_id), None)
            if own is not None:
                note_link(step, own.token, uses=0, expires=own.expires)
        await self._device.settle(pending)
        if own is None:
            return
        with contextlib.suppress(Refused):  # gone already
            await self._device.tokens.call(
                control.DROP_CONTACT_TOKEN,
                control.Empty,
                hash=encode_b64(hashlib.sha256(own.token).digest()),
            )
        with self._core.step("forget-link") as step:
            admitting.forget_link(step, invite_id)

    def join_requests(self, chat: Chat) -> list[JoinRequestView]:
        """Who asks this account to be let in, the oldest first."""
        with self._core.look() as step:
            return listing.join_requests(step, step.chat(gid_of(chat)))

    async def accept_join(self, chat: Chat, account: str) -> None:
        """Add all devices of who asks; returns when they are in. Raises `gone`, `not-permitted`, `group-full`."""
        with self._core.step("accept-join") as step:
            pending = admitting.accept(step, gid_of(chat), parse_b64(account, size=16))
        await self._device.settle(pending)

    async def decline_join(self, chat: Chat, account: str) -> None:
        """Tell who asks that they are not let in. Raises `gone`."""
        with self._core.step("decline-join") as step:
            admitting.decline(step, gid_of(chat), parse_b64(account, size=16))
        await self._device.until(lambda: self._core.is_settled(0))

    async def join_group(self, link: str) -> JoinView:
        """Ask to be let in by a link; returns once the request is on its way.

        Raises `bad-link`, `link-expired`, `already-in`, `not-allowed` where the link was used up or taken back.
        """
        parsed = parse_group_link(link)
        with self._core.look() as step:
            asking.check_link(step, parsed)
        lists = await fetch_chain(self._device.calls, parsed.approver, auth=contact_auth(parsed.contact_token))
        with self._core.step("join") as step:
            accounts.learn_chain(step, parsed.approver, lists)
            pending = asking.ask(step, parsed)
        await self._device.settle(pending)
        await self._device.until(lambda: self._core.is_settled(0))
        with self._core.look() as step:
            return next(one for one in listing.joins(step) if one.group == encode_b64(parsed.gid))

    def joins(self) -> list[JoinView]:
        """What this device asked to be let into and is not in, the oldest first."""
        with self._core.look() as step:
            return listing.joins(step)

    def forget_join(self, group: str) -> None:
        """Do not show a request of ours any more; an open one may still be granted."""
        with self._core.step("forget-join") as step:
            asking.forget(step, parse_b64(group, size=16))
