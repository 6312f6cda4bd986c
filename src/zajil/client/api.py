"""`Client`: one device of one account in one home folder. Async; the delivery rules live in `core/`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from zajil.client import checks, listing
from zajil.client.arranging import Arranging
from zajil.client.calling import Calling
from zajil.client.contacting import Contacting
from zajil.client.core import chats, readd, recovery
from zajil.client.core.contact import leaving
from zajil.client.core.heirs import growing
from zajil.client.core.talk import bundles
from zajil.client.files import fetching
from zajil.client.filing import Filing, Tell, say_nothing
from zajil.client.history import handing
from zajil.client.inviting import Inviting
from zajil.client.pushing import Pushing
from zajil.client.recovering import Recovering
from zajil.client.reporting import Reporting
from zajil.client.searching import Searching
from zajil.client.shell import ending, enrol, linking, restoring
from zajil.client.shell.calls import Calls
from zajil.client.shell.device import Device as OpenHome
from zajil.client.shell.device import local_error
from zajil.client.shell.gate.working import OnWork, tell_nobody
from zajil.client.shell.reach.reach import Reach
from zajil.client.state import accounts, rows
from zajil.client.storage.keyfile import read_keys
from zajil.client.talking import gid_of
from zajil.client.views import (
    Chat,
    Check,
    Contact,
    Device,
    Event,
    ImportedBundle,
    LinkedDevice,
    LinkPreview,
    Role,
    WhoAmI,
)
from zajil.protocol.errors import Limited, Unavailable, Unreachable, ZajilError, error
from zajil.protocol.identity.linking import ArchivePart
from zajil.protocol.identity.recovery import parse_key
from zajil.protocol.identity.safety import SafetyCode, SafetyResult, compare_codes
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.limits import XWING_LEAVES
from zajil.protocol.reach.endpoints import PrivateBridges
from zajil.transports.direct import check_address

if TYPE_CHECKING:
    from zajil.client.public.space import PublicSpace


HISTORY_S: Final = 10.0
"""So long a new device waits for a part that is still on its way; what comes later, `sync` brings."""


class Client(Filing, Contacting, Reporting, Calling, Recovering, Arranging, Searching, Inviting, Pushing):
    """An async context manager. Errors are `ZajilError`s with a stable code (`Unreachable`: no server answered)."""

    @classmethod
    async def register(
        cls,
        home: Path,
        *,
        server: str,
        name: str,
        invite: str | None = None,
        bridges: PrivateBridges | None = None,
        on_work: OnWork = tell_nobody,
    ) -> Client:
        """A new account with its first device, in an empty `home` (created, 0700). server: http(s)://host[:port].

        invite, bridges: the code and the private bridges of a link, as `parse_contact_link` finds them.
        on_work: gets how far the work is that some servers ask for, 0 to 1; it takes seconds of a core.
        Raises `home-exists`, `gate-required`, `work-unfinished`, `malformed` for a name that cannot be one,
        `not-this-server` where the bridges are another server's.
        """
        address = check_address(server)
        async with Reach.in_memory(address, bridges=bridges) as reach:
            await enrol.register(
                home, reach.calls, server=address, name=name, invite=invite, learn=reach.learn, on_work=on_work
            )
        return await cls._opened(home)

    @classmethod
    async def open(cls, home: Path) -> Client:
        """The device in `home`; touches no network. Raises `no-home`, `home-damaged`."""
        return cls(OpenHome(home))

    @classmethod
    async def link_new(
        cls,
        home: Path,
        *,
        server: str,
        on_code: Callable[[str], None],
        on_emoji: Callable[[str], None] | None = None,
        bridges: PrivateBridges | None = None,
        on_history: Tell = say_nothing,
    ) -> Client:
        """A further device of an existing account: shows a code, waits (120 s) until an old device approved it.

        on_emoji: gets the three emoji the old device shows too. bridges: private ones to reach the server by.
        on_history: gets how far the history is that the old device hands over; it may come later, see `awaits_history`.
        Raises `home-exists`, `link-expired`, `link-mismatch`.
        """
        address = check_address(server)
        async with Reach.in_memory(address, bridges=bridges) as reach:
            await linking.link_new(
                home, reach.calls, server=address, on_code=on_code, on_emoji=on_emoji, learn=reach.learn
            )
        return await cls._opened(home, on_history)

    @classmethod
    async def restore(
        cls,
        home: Path,
        *,
        server: str,
        key: str,
        keep_devices: bool = False,
        bridges: PrivateBridges | None = None,
    ) -> Client:
        """The account behind a recovery key, with a new device in an empty `home`; it asks for its chats by itself.

        keep_devices: the account's other devices stay; else all of them end. Raises HomeError `bad-recovery-key` and
        what `shell.restoring.restore` raises.
        """
        address, secret = check_address(server), parse_key(key)
        async with Reach.in_memory(address, bridges=bridges) as reach:
            await restoring.restore(
                home,
                reach.calls,
                backups=reach.backups,
                server=address,
                key=secret,
                keep_devices=keep_devices,
                learn=reach.learn,
            )
        return await cls._opened(home)

    @classmethod
    async def _opened(cls, home: Path, on_history: Tell = say_nothing) -> Client:
        client = cls(OpenHome(home))
        try:
            with contextlib.suppress(Unreachable):  # the account is made; what is left comes with the next connection
                if client.awaits_history():
                    with contextlib.suppress(ZajilError, OSError):  # a device is whole without it
                        await client.receive_history(on_history, wait_s=HISTORY_S)
                await client.sync()
        except BaseException:
            await client.close()
            raise
        return client

    async def link_preview(self, code: str) -> LinkPreview:
        """What the device behind `code` says of itself, for the question before `link_approve`."""
        return await linking.preview(self._core, self._device.calls, code)

    async def link_approve(self, code: str, *, history: bool = True) -> LinkedDevice:
        """Enrol the device behind `code` into this account and add it to the self chat and to all chats.

        history: hand it what this device shows in its chats; where that cannot be announced now, it goes without.
        Returns once the new device has its answer; `sync` or `follow` carries the additions out and sends the history.
        """
        runner = self._device.runner

        async def announce() -> tuple[ArchivePart, ...]:
            return await handing.announce(self._core, runner.uploads, self._device.home)

        told = announce if history else linking.announce_nothing
        return await linking.approve(self._core, self._device.calls, runner.tokens, code, announce=told)

    async def receive_history(self, tell: Tell = say_nothing, *, wait_s: float = 0.0) -> bool:
        """Take the history that the device handed over which approved this one; False where none waits, or not yet.

        wait_s: how long one that is still on its way is waited for; `sync` looks again. Raises `hash-mismatch` or
        another refusal of what is not an archive of this account, and the device goes without; Unreachable.
        """
        folder = self._device.home / fetching.FOLDER
        calls = Calls(self._device.reach.lane(fetching.LANE))
        return await handing.receive(self._core, calls, folder, tell=tell, wait_s=wait_s)

    def awaits_history(self) -> bool:
        """Whether a history was announced to this device that it has not taken yet."""
        with self._core.look() as step:
            return handing.find_awaited(step) is not None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close sessions and the store; what is queued stays queued."""
        await self._device.close()

    @property
    def account_id(self) -> str:
        """22 characters."""
        return encode_b64(self._device.profile.account_id)

    @property
    def device_id(self) -> int:
        """From 1."""
        return self._device.profile.device_id

    @property
    def name(self) -> str:
        """Own name."""
        return self._device.profile.name

    @property
    def server(self) -> str:
        """Address in use."""
        return self._device.profile.server

    def whoami(self) -> WhoAmI:
        """This device."""
        profile = self._device.profile
        return WhoAmI(self.account_id, profile.device_id, profile.name, profile.server, profile.server_name)

    @property
    def public(self) -> PublicSpace:
        """The public space, where this account is not told."""
        from zajil.client.public.space import PublicSpace  # loaded late: most commands never go there

        return PublicSpace(self._device)

    def contacts(self) -> list[Contact]:
        """All contacts by name."""
        with self._core.look() as step:
            return listing.contacts(step)

    def devices(self) -> list[Device]:
        """Own devices by id."""
        with self._core.look() as step:
            return listing.devices(step)

    def chats(self) -> list[Chat]:
        """All chats, those of the archive too: pinned ones first, then by latest activity."""
        self._core.sweep()
        with self._core.look() as step:
            return listing.chats(step)

    def find_chat(self, text: str) -> Chat:
        """The chat with this id or title. Raises `unknown-chat`, or `ambiguous-name` with detail `candidates`."""
        return listing.find_named(text, self.chats(), name=lambda chat: chat.title, unknown="unknown-chat")

    def find_contact(self, text: str) -> Contact:
        """The contact with this id or name. Raises `unknown-contact`, or `ambiguous-name` with `candidates`."""
        return listing.find_named(text, self.contacts(), name=lambda person: person.name, unknown="unknown-contact")

    def is_protected(self, contacts: Sequence[Contact]) -> bool:
        """Whether a new group of these people would be protected against quantum computers: up to 128 devices."""
        with self._core.look() as step:
            people = [parse_b64(contact.id, size=16) for contact in contacts]
            return chats.expected_leaves(step, people) <= XWING_LEAVES

    async def create_group(self, title: str, contacts: Sequence[Contact], *, large: bool = False) -> Chat:
        """A group owned by us, accepted by the server with everyone in it before this returns.

        large: it is to grow beyond 128 devices, and is then not protected against quantum computers.
        """
        with self._core.step("create-group") as step:
            people = [parse_b64(contact.id, size=16) for contact in contacts]
            gid = chats.open_group(step, title, people, large=large)
            pending = [n for n, _ in rows.items(step.tx, gid)]
        await self._device.settle(pending)
        return self._chat(gid)

    async def add_member(self, chat: Chat, contact: Contact) -> None:
        """Add all devices of `contact`; returns when the change stands in the group. Raises `not-permitted`."""
        with self._core.step("add-member") as step:
            pending = chats.add_account(step, gid_of(chat), parse_b64(contact.id, size=16))
        await self._device.settle(pending)

    async def remove_member(self, chat: Chat, contact: Contact) -> None:
        """Remove an account; returns when the change stands in the group. Raises `not-permitted`."""
        with self._core.step("remove-member") as step:
            pending = chats.remove_account(step, gid_of(chat), parse_b64(contact.id, size=16))
        await self._device.settle(pending)

    async def rename_group(self, chat: Chat, title: str) -> None:
        """Give a group another title; returns when it stands. Raises `not-permitted`, `malformed`."""
        with self._core.step("rename") as step:
            pending = chats.rename(step, gid_of(chat), title)
        await self._device.settle(pending)

    async def set_role(self, chat: Chat, member: str, role: Role) -> None:
        """Give a member, by account id, another role; returns when it stands. Owners may. Raises `not-permitted`."""
        with self._core.step("set-role") as step:
            account = parse_b64(member, size=16)
            pending = chats.set_role(step, gid_of(chat), account, listing.ROLES.index(role))
        await self._device.settle(pending)

    async def set_timer(self, chat: Chat, seconds: int) -> None:
        """New messages of a chat disappear so long after they were read, 0 = they stay; returns when that stands.

        Raises `not-permitted`, `malformed` above a year.
        """
        with self._core.step("set-timer") as step:
            pending = chats.set_timer(step, gid_of(chat), seconds)
        await self._device.settle(pending)

    def check_may_grow(self, chat: Chat) -> None:
        """Raises what `grow` raises before anything is done."""
        with self._core.look() as step:
            growing.check(step, gid_of(chat))

    async def grow(self, chat: Chat) -> Chat:
        """Make room for 1,000 devices in a group of up to 128; the chat then, which everybody is in.

        It is not protected against quantum computers after that, for good. Nothing where it has the room. Raises
        `not-permitted`, `not-introduced` where somebody in it cannot be reached, `stale-epoch` where it kept changing.
        """
        with self._core.step("grow") as step:
            gid = growing.start(step, gid_of(chat))

        def is_over() -> bool:
            with self._core.look() as step:
                return not growing.is_under_way(step.chat(gid))

        await self._device.until(is_over)
        with self._core.step("grown") as step:
            failure, place = growing.take_failure(step, gid), step.chat(gid).merged or gid
        if failure:
            raise local_error(failure)
        return self._chat(place)

    async def leave_group(self, chat: Chat) -> None:
        """Tell the group; another member removes us. The chat stays readable here."""
        with self._core.step("leave") as step:
            chats.leave(step, gid_of(chat))
            pending = [n for n, item in rows.items(step.tx, gid_of(chat)) if item.kind == "message"]
        await self._device.settle(pending)

    async def delete_account(self) -> None:
        """Leave all groups and tell contacts, then end the account: the server keeps nothing but the mark of its end.

        `wipe_home` removes what is left in the home, once this is closed. Where it is cut off, `deletion_begun` says so
        from then on, and calling this again finishes it. Raises Unreachable, `stale-list`.
        """
        ending.begin(self._core)
        if not await ending.has_ended(self._core, self._device.reach.calls, self._device.tokens):
            await self.sync()
            for chat in self.chats():
                if chat.kind == "group" and chat.status == "active":
                    await self.leave_group(chat)
            with self._core.step("farewell") as step:
                pending = leaving.say_farewell(step)
            await self._device.settle(pending)
        reach = self._device.reach
        await ending.end_account(self._core, reach.calls, self._device.tokens, backups=reach.backups)

    def deletion_begun(self) -> bool:
        """Whether `delete_account` was called and did not come to its end."""
        return ending.is_begun(self._core)

    async def has_ended(self) -> bool:
        """Whether a deletion that was cut off had reached the server: only the home is left.

        Raises Unreachable; AuthError `device-revoked` where the account lives and this device was removed meanwhile.
        """
        return await ending.has_ended(self._core, self._device.reach.calls, self._device.tokens)

    def call_off_deletion(self) -> None:
        """The account stays, after a deletion that was cut off; what that did already is not undone."""
        ending.call_off(self._core)

    async def sync(self) -> None:
        """Fetch all that waits, apply and acknowledge it, and send all that is queued, files too, receipts last."""
        self._core.sweep()
        with self._core.step("want-drain") as step:
            wanted = step.wanted_drain()
        await self._device.until(lambda: self._core.is_settled(wanted))
        if self.awaits_history():
            with contextlib.suppress(ZajilError, OSError):  # a device is whole without it
                await self.receive_history()
        try:
            await self.finish_uploads()
        except Unreachable:
            raise
        except (Limited, Unavailable):
            await self.send_receipts()  # a file that has no room holds nothing else up
            raise
        await self.send_receipts()

    def take_news(self) -> list[Event]:
        """What the server's moderators said to this account, each once: outcomes of reports, and measures."""
        with self._core.step("news") as step:
            return listing.take_news(step)

    async def rejoin(self, chat: Chat) -> None:
        """Drop our state of a chat and ask its members to add this device again; texts wait for that."""
        with self._core.step("rejoin") as step:
            readd.lose(step, gid_of(chat), "asked")
        await self.sync()

    async def recover(self) -> None:
        """Keep this copy of a home that was put back, and ask to be added again everywhere.

        The answer to `state-rolled-back`, once the person decided that no other copy is in use.
        """
        starts = read_keys(self._device.home).starts
        with self._core.step("recover") as step:
            recovery.recover(step, starts)
        await self.sync()

    def export_bundle(self, chat: Chat) -> bytes:
        """What waits in this chat as a file that members carry by hand; needs no server, and all of it stays queued.

        Raises `nothing-waits`, `not-a-member`, `chat-stuck`, `state-rolled-back`, `bundle-too-big`.
        """
        starts = read_keys(self._device.home).starts
        with self._core.step("export") as step:
            if step.session().starts < starts:
                raise error("state-rolled-back")
            return bundles.export_bundle(step, gid_of(chat))

    def import_bundle(self, file: bytes) -> ImportedBundle:
        """Take the messages of such a file; needs no server. Raises `bad-bundle`, `foreign-bundle`."""
        with self._core.step("import") as step:
            imported = bundles.import_bundle(step, file)
            return ImportedBundle(listing.chat_view(step, step.chat(imported.gid)), imported.outcomes)

    async def follow(self) -> AsyncIterator[Event]:
        """Live events until the iterator is closed; reconnects by itself and tells when the server goes and comes."""
        with self._core.look() as step:
            last = listing.last_event(step)
        runner = self._device.runner
        offline = False
        while True:
            with self._core.look() as step:
                events, last = listing.events_after(step, last)
            for event in events:
                yield event
            if runner.offline != offline:
                offline = not offline
                yield Event("disconnected" if offline else "connected")
            elif not events:
                await runner.watch()

    def safety_number(self, contact: Contact) -> str:
        """60 digits in 12 groups of 5, equal on both sides."""
        with self._core.look() as step:
            return listing.safety_number_with(step, parse_b64(contact.id, size=16))

    def set_verified(self, contact: Contact, *, verified: bool) -> None:
        """Note that the safety number was compared and is equal, or take that back."""
        with self._core.step("verified") as step:
            accounts.set_verified(step, parse_b64(contact.id, size=16), verified=verified)

    def safety_code(self, contact: Contact) -> str:
        """The text of our QR code for this person."""
        with self._core.look() as step:
            return listing.safety_code_with(step, parse_b64(contact.id, size=16)).encode()

    def check_safety(self, contact: Contact, text: str) -> SafetyResult:
        """What the code says that the other side shows. Raises Malformed for what is no code."""
        theirs = SafetyCode.parse(text)
        with self._core.look() as step:
            mine = listing.safety_code_with(step, parse_b64(contact.id, size=16))
        return compare_codes(mine, theirs)

    def doctor(self) -> list[Check]:
        """Checks of this home, without the network; what a code means is for the user interface to say."""
        with self._core.look() as step:
            return checks.check_home(step, self._device.home)

    def _chat(self, gid: bytes) -> Chat:
        with self._core.look() as step:
            return listing.chat_view(step, step.chat(gid))
