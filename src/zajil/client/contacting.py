"""What `Client` does about who reaches this account: requests, block, links, usernames."""

from __future__ import annotations

import asyncio
import hashlib
from secrets import token_bytes

from zajil.client import listing
from zajil.client.core import chats, joining, messages
from zajil.client.core.contact import blocking, doors, names, naming, requests
from zajil.client.core.talk.places import place_of
from zajil.client.reaching import Reaching
from zajil.client.shell.calls import contact_auth
from zajil.client.shell.chains import fetch_chain
from zajil.client.shell.enrol import now_ms
from zajil.client.state import accounts, rows
from zajil.client.state.doors import Link, note_links
from zajil.client.state.joins import load_joins
from zajil.client.state.step import Step
from zajil.client.state.usernames import load_username
from zajil.client.views import Chat, Contact, ContactRequest, LinkInUse
from zajil.protocol import control
from zajil.protocol.contacts.usernames import parse_username, username_key
from zajil.protocol.contacts.wire import FoundUsername, OwnContactTokens
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.identity.links import ContactLink, encode_contact_link, parse_contact_link
from zajil.protocol.ids import AccountId, encode_b64, parse_b64

LINK_USES = 20
LINK_USES_MAX = 100
LINK_DAYS = 30
LINK_DAYS_MAX = 400
_DAY_S = 86_400
_ID_CHARACTERS = 8


class Contacting(Reaching):
    """The part of `Client` about people it does not know yet, or no more."""

    # -- links
    async def contact_link(self, *, uses: int = LINK_USES, lifetime_s: int = LINK_DAYS * _DAY_S) -> str:
        """A link that lets so many people add this account, with bridges where the server gives any.

        uses: 1 to 100; lifetime_s: up to 400 days. Raises `malformed` for others.
        """
        if not 1 <= uses <= LINK_USES_MAX or not 0 < lifetime_s <= LINK_DAYS_MAX * _DAY_S:
            raise error("malformed", "contact link")
        token = token_bytes(32)
        expires = now_ms() // 1000 + lifetime_s
        await self._device.tokens.call(
            control.PUT_CONTACT_TOKEN,
            control.Empty,
            request=control.PutContactToken("invite", uses, expires),
            hash=encode_b64(hashlib.sha256(token).digest()),
        )
        with self._device.core.step("link") as step:
            doors.note_link(step, token, uses=uses, expires=expires)
        return await self._link(expires, token)

    async def request_link(self, *, lifetime_s: int = LINK_DAYS * _DAY_S) -> str:
        """A link that names this account and admits nobody: whoever has it can send a contact request."""
        return await self._link(now_ms() // 1000 + lifetime_s, None)

    async def _link(self, expires: int, token: bytes | None) -> str:
        profile = self._device.profile
        link = ContactLink(
            server_name=profile.server_name,
            expires=expires,
            account_id=AccountId(profile.account_id),
            contact_token=token,
            name=profile.name,
            front=profile.server,
            bridges=await self._fresh_bundle(),
        )
        return encode_contact_link(link)

    async def contact_links(self) -> list[LinkInUse]:
        """Links that still admit somebody, the next to expire first, as the server knows them."""
        told = await self._device.tokens.call(control.CONTACT_TOKENS, OwnContactTokens)
        with self._device.core.step("links") as step:
            listed = [Link(bytes(one.hash), one.uses_left, one.expires) for one in told.tokens]
            note_links(step.tx, listed, now_s=step.now // 1000)
            groups = _titles_by_hash(step)
        return [
            LinkInUse(encode_b64(one.hash), one.uses_left, one.expires, groups.get(bytes(one.hash), ""))
            for one in told.tokens
        ]

    async def revoke_link(self, text: str) -> LinkInUse:
        """A link admits nobody from now on. text: its id, 8 characters of it or more, or the link. Raises `gone`."""
        found = [one for one in await self.contact_links() if _names(text, one)]
        if len(found) != 1:
            raise error("gone", "contact link")
        with self._device.core.step("revoke-link") as step:
            ended = Link(parse_b64(found[0].id, size=32), 0, found[0].expires_at)
            note_links(step.tx, [ended], now_s=step.now // 1000)
        await self._device.tokens.call(control.DROP_CONTACT_TOKEN, control.Empty, hash=found[0].id)
        return found[0]

    async def add_contact(self, link: str, *, text: str = "") -> Chat:
        """Add the account behind a contact link and open the DM with it (the existing one, if any).

        A link that admits nobody makes a contact request, with `text`. Returns once the server holds it. Raises
        `bad-link`, `link-expired`, `not-allowed`, `contact-blocked`.
        """
        parsed = parse_contact_link(link)
        profile = self._device.profile
        if parsed.account_id is None or parsed.server_name != profile.server_name:
            raise error("bad-link")
        if parsed.account_id == profile.account_id:
            raise error("bad-link", "own link")
        if parsed.expires <= now_ms() // 1000:
            raise error("link-expired")
        if parsed.contact_token is None:
            return await self.request_contact(encode_b64(parsed.account_id), text, name=parsed.name or "")
        lists = await fetch_chain(self._device.calls, parsed.account_id, auth=contact_auth(parsed.contact_token))
        with self._device.core.step("add-contact") as step:
            accounts.learn_chain(step, parsed.account_id, lists)
            names.take_link(step, parsed.account_id, parsed.name or "", parsed.contact_token)
            gid = chats.open_dm(step, parsed.account_id)
            pending = [n for n, item in rows.items(step.tx, gid) if item.kind in ("create", "commit")]
        await self._device.settle(pending)
        return self._chat_of(gid)

    def chat_with(self, account: str) -> Chat | None:
        """The DM with an account, by its id, or our request to it that waits; None where there is neither."""
        peer = parse_b64(account, size=16)
        with self._device.core.look() as step:
            held = chats.find_dm(step, peer) or requests.outgoing(step, peer)
            return None if held is None else listing.chat_view(step, held)

    # -- requests
    async def request_contact(self, account: str, text: str, *, name: str = "") -> Chat:
        """Ask an account, by its id, to be a contact; or the DM with it, where it is one already.

        text: up to 2,048 bytes, the only one that arrives before they accept. name: what to call them until then.
        Raises `not-allowed` (nobody there, or asked within 30 days), `text-too-long`, `contact-blocked`, `slow-down`.
        """
        peer = parse_b64(account, size=16)
        requests.check_text(text)
        if peer == self._device.profile.account_id:
            raise error("bad-link", "own account")
        with self._device.core.step("request") as step:
            known = accounts.known(step, peer)
            if known.blocked:
                raise error("contact-blocked")
            waiting = requests.outgoing(step, peer)
            asked = any(chat.peer == peer for chat in requests.incoming(step))
            if known.contact_token or asked or chats.find_dm(step, peer) is not None:
                gid = chats.open_dm(step, peer)
            elif waiting is not None:
                gid = waiting.gid
            else:
                accounts.learn_introduction(step, peer, name, None)
                gid = chats.open_request(step, peer)
            pending = [n for n, item in rows.items(step.tx, gid) if item.kind in ("create", "commit")]
            if text:
                messages.submit_text(step, gid, text)
                if waiting is None:
                    pending += [n for n, item in rows.items(step.tx, gid) if item.shown and item.state == "queued"]
        await self._device.settle(pending)
        return self._chat_of(gid)

    def requests(self) -> list[ContactRequest]:
        """Who asks to write, the newest first."""
        with self._device.core.look() as step:
            return listing.requests(step)

    async def accept_request(self, request: str) -> Chat:
        """From now on a chat like any other; returns once the other side is told. Raises `gone`."""
        gid = parse_b64(request, size=16)
        with self._device.core.step("accept") as step:
            chat = requests.load(step, gid)
            pending = [requests.accept(step, gid)]
            joining.merge_dms(step, chat.peer)
        await self._device.settle(pending)
        return self._chat_of(gid)

    def decline_request(self, request: str) -> None:
        """It is gone, here at once and by the next `sync` everywhere; who sent it is told nothing. Raises `gone`."""
        gid = parse_b64(request, size=16)
        with self._device.core.step("decline") as step:
            requests.end(step, requests.load(step, gid))
            blocking.tell_devices(step, (), (gid,))

    def block_request(self, request: str) -> None:
        """Decline it, and let this account ask no more. Raises `gone`."""
        with self._device.core.step("block") as step:
            blocking.block(step, requests.load(step, parse_b64(request, size=16)).peer)

    # -- block
    def block(self, contact: Contact) -> None:
        """Nothing of this person shows any more, here at once and by the next `sync` on all own devices.

        They cannot tell.
        """
        with self._device.core.step("block") as step:
            blocking.block(step, parse_b64(contact.id, size=16))

    def unblock(self, contact: Contact) -> None:
        """Take that back; what they wrote meanwhile does not come."""
        with self._device.core.step("unblock") as step:
            blocking.unblock(step, parse_b64(contact.id, size=16))

    # -- usernames
    async def set_username(self, text: str) -> str:
        """Take this username, in the place of the one before; the name as it is shown.

        Raises `bad-handle`, `handle-taken`, `quota`.
        """
        name = parse_username(text)
        await self._call_username(control.PUT_USERNAME, name)
        with self._device.core.step("username") as step:
            naming.note(step, name)
        return name

    def username(self) -> str | None:
        """The username as the account's devices told this one."""
        with self._device.core.look() as step:
            return load_username(step.tx).name

    async def release_username(self) -> str:
        """Give the username up; for 90 days nobody else gets it. Raises `gone` where there is none."""
        name = self.username()
        if name is None:
            raise error("gone", "username")
        await self._call_username(control.DROP_USERNAME, name)
        with self._device.core.step("username") as step:
            naming.note(step, None)
        return name

    async def find_username(self, text: str) -> str:
        """Id of the account with this username; the server learns a slow hash of it. Raises `gone`, `bad-handle`."""
        key = await self._key(parse_username(text))
        found = await self._device.tokens.call(control.USERNAME, FoundUsername, username=encode_b64(key))
        return encode_b64(bytes(found.account_id))

    async def add_username(self, text: str, hello: str) -> Chat:
        """Ask the account with this username to be a contact. Raises as `find_username` and `request_contact`."""
        return await self.request_contact(await self.find_username(text), hello, name=parse_username(text))

    async def _call_username(self, route: control.Route, name: str) -> None:
        key = await self._key(name)
        await self._device.tokens.call(route, control.Empty, username=encode_b64(key))

    async def _key(self, name: str) -> bytes:
        return await asyncio.to_thread(username_key, name, self._device.profile.server_name)

    def _chat_of(self, gid: bytes) -> Chat:
        with self._device.core.look() as step:
            return listing.chat_view(step, step.chat(gid))


def _titles_by_hash(step: Step) -> dict[bytes, str]:
    """The group of each link into one that this device made; to the server they are links like all others."""
    titles = {}
    for one in load_joins(step.tx).links:
        group = rows.find_chat(step.tx, place_of(step, one.gid))
        titles[hashlib.sha256(one.token).digest()] = one.title if group is None else group.title
    return titles


def _names(text: str, link: LinkInUse) -> bool:
    """Whether a text is the id of this link, the beginning of it, or the link itself."""
    return (len(text) >= _ID_CHARACTERS and link.id.startswith(text)) or id_in_link(text) == link.id


def id_in_link(text: str) -> str | None:
    """The id of the contact link that this text is; None where it is none, or admits nobody."""
    try:
        token = parse_contact_link(text).contact_token
    except ZajilError:
        return None
    return None if token is None else encode_b64(hashlib.sha256(token).digest())
