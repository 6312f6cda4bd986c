"""What `Client` does with messages: send, answer, react, edit, delete, read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zajil.client import listing
from zajil.client.core import chats, messages
from zajil.client.core.talk import acts, arranging, privacy, reading
from zajil.client.core.talk.places import load_message
from zajil.client.shell.device import Device as OpenHome
from zajil.client.shell.device import local_error
from zajil.client.state import rows
from zajil.client.state.step import Step
from zajil.client.views import Chat, Mention, Message, MessageDetails, Notice, Privacy
from zajil.protocol.chat import mentions as links
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import MESSAGE_ID_BYTES, AccountId, MessageId, encode_b64, parse_b64


class Talking:
    """The part of `Client` that talks. Message ids are base64url text; every method raises `unknown-chat`."""

    def __init__(self, device: OpenHome) -> None:
        self._device = device
        self._core = device.core

    async def send(
        self,
        chat: Chat,
        text: str,
        *,
        wait: bool = True,
        reply_to: str | None = None,
        mentions: Sequence[Mention] = (),
    ) -> str:
        """Message id of `text`, once the server holds it durably (wait=False: same as `queue`).

        Raises Unreachable, `chat-stuck`, or `not-introduced` (a request of ours waits) while the text stays queued;
        `not-a-member`, `text-too-long`, `contact-blocked`, `state-rolled-back`.
        """
        identity = self.queue(chat, text, reply_to=reply_to, mentions=mentions)
        if not wait:
            return identity
        await self._until_out(identity)
        return identity

    async def _until_out(self, identity: str) -> None:
        await self._device.until(lambda: self._is_out(identity) or self._core.is_settled(0))
        if self._stored(identity).state == "failed":
            raise local_error(self._stored(identity).reason)
        if not self._is_out(identity):
            gid = self._stored(identity).gid
            with self._core.look() as step:
                pending = step.chat(gid).request == "outgoing"
            raise error("not-introduced" if pending else "chat-stuck")

    def queue(self, chat: Chat, text: str, *, reply_to: str | None = None, mentions: Sequence[Mention] = ()) -> str:
        """Message id of `text`, stored to be sent by the next `sync`, `send` or `follow`.

        reply_to: a message of this chat. mentions: ranges of "@name" in `text`, see `find_mentions`.
        Raises `gone` for a message that is not here, `malformed` for ranges that are no mentions.
        """
        with self._core.step("submit") as step:
            member = chats.check_writer(step, gid_of(chat))
            quoted = b""
            if reply_to is not None:
                quoted = load_message(step, member.gid, identity_of(reply_to))[1].message_id
            linked = with_links(step, text, mentions)
            draft = arranging.read(step, member.gid).draft
            if draft is not None and draft.text.strip() == text.strip():
                arranging.clear_draft(step, member.gid)
            return encode_b64(MessageId(messages.submit_text(step, member.gid, linked, reply_to=quoted)))

    def find_mentions(self, chat: Chat, text: str) -> tuple[Mention, ...]:
        """Where `text` names members of the chat with "@"."""
        with self._core.look() as step:
            return listing.find_names(step, step.chat(gid_of(chat)), text)

    async def edit(self, chat: Chat, message: str, text: str, *, mentions: Sequence[Mention] = ()) -> None:
        """Give an own text, not older than 24 h, another wording; returns once the server holds the change.

        Raises `gone`, `not-permitted`, `not-a-member`, `text-too-long`; Unreachable while the change stays queued.
        """

        def act(step: Step) -> None:
            acts.edit(step, gid_of(chat), identity_of(message), with_links(step, text, mentions))

        await self._perform(chat, "edit", act)

    async def delete(self, chat: Chat, message: str) -> None:
        """Delete a message for all: an own one, or as an admin of the group any; one that still waits is not sent.

        Raises `gone`, `not-permitted`, `not-a-member`; Unreachable while the change stays queued.
        """
        await self._perform(chat, "delete", lambda step: acts.delete_for_all(step, gid_of(chat), identity_of(message)))

    def delete_here(self, chat: Chat, message: str) -> None:
        """Remove a message from this device alone; an own one that still waits is not sent. Raises `gone`."""
        with self._core.step("delete-here") as step:
            acts.delete_for_me(step, gid_of(chat), identity_of(message))

    async def retry(self, chat: Chat, message: str) -> str:
        """Send a text again that failed; the id of the new message. Raises as `send`, and `gone`, `not-permitted`."""
        with self._core.step("retry") as step:
            identity = encode_b64(MessageId(acts.retry(step, gid_of(chat), identity_of(message))))
        await self._until_out(identity)
        return identity

    async def react(self, chat: Chat, message: str, emoji: str | None) -> None:
        """Set our reaction on a message, one emoji, or take it back (None).

        Raises `gone`, `not-permitted`, `not-a-member`, `malformed`; Unreachable while the change stays queued.
        """
        await self._perform(chat, "react", lambda step: acts.react(step, gid_of(chat), identity_of(message), emoji))

    async def _perform(self, chat: Chat, name: str, act: Callable[[Step], None]) -> None:
        with self._core.step(name) as step:
            gid = chats.check_member(step, gid_of(chat)).gid
            before = {n for n, _ in rows.items(step.tx, gid)}
            act(step)
            pending = [n for n, _ in rows.items(step.tx, gid) if n not in before]
        if not pending:
            return
        await self._device.until(lambda: self._device.is_over(pending) or self._core.is_settled(0))
        with self._core.look() as step:
            chats.check_member(step, gid)
        if not self._device.is_over(pending):
            raise error("chat-stuck")

    def read(self, chat: Chat, *, limit: int = 50) -> list[Message]:
        """The newest `limit` messages, oldest first. Marks nothing as read."""
        self._core.sweep()
        with self._core.look() as step:
            return listing.messages(step, gid_of(chat), limit)

    def read_around(self, chat: Chat, message: str, *, limit: int = 50) -> list[Message]:
        """About `limit` messages with this one in their midst, oldest first. Raises `gone`."""
        with self._core.look() as step:
            return listing.messages_around(step, gid_of(chat), identity_of(message), limit)

    def notices(self, chat: Chat) -> list[Notice]:
        """The lines that are no messages, oldest first: who has another device, who left."""
        with self._core.look() as step:
            return listing.notices(step, gid_of(chat))

    def message(self, chat: Chat, message: str) -> MessageDetails:
        """One message with its earlier texts and who received and read it. Raises `gone`."""
        self._core.sweep()
        with self._core.look() as step:
            return listing.message_details(step, gid_of(chat), identity_of(message))

    def mark_read(self, chat: Chat, *, upto: str | None = None) -> None:
        """The chat was seen, up to this message or all of it; `sync` and `send_receipts` tell. Raises `gone`."""
        with self._core.step("mark-read") as step:
            reading.mark_read(step, gid_of(chat), None if upto is None else identity_of(upto))

    async def send_receipts(self) -> None:
        """Send the receipts that are owed now, and whatever else is queued. Raises Unreachable."""
        with self._core.look() as step:
            waiting = bool(rows.items(step.tx))
        if self._core.flush_receipts() or waiting:
            await self._device.until(lambda: self._core.is_settled(0))

    async def typing(self, chat: Chat) -> None:
        """Tell the chat that we write: at most every 4 s, lost without a word where it cannot be told now."""
        request = self._core.seal_typing(gid_of(chat))
        if request is not None:
            self._device.runner.whisper(request)

    def privacy(self) -> Privacy:
        """The two switches."""
        with self._core.look() as step:
            held = rows.load_privacy(step.tx)
        return Privacy(held.receipts, held.typing)

    def set_privacy(self, *, receipts: bool | None = None, typing: bool | None = None) -> Privacy:
        """Change a switch, both ways: what is off is neither sent nor shown. Our other devices learn it by `sync`."""
        with self._core.step("privacy") as step:
            before = rows.load_privacy(step.tx)
            after = privacy.change(
                step,
                receipts=before.receipts if receipts is None else receipts,
                typing=before.typing if typing is None else typing,
            )
        return Privacy(after.receipts, after.typing)

    def _is_out(self, identity: str) -> bool:
        return self._stored(identity).state not in ("queued", "sending")

    def _stored(self, identity: str) -> rows.StoredMessage:
        name = parse_b64(identity)
        with self._core.look() as step:
            found = step.tx.lookup("message", name)
            if found is None:
                found = step.tx.lookup("message", step.tx.find("known", name) or b"")
        if found is None:
            raise error("gone", "message")
        return rows.parse_row(found[1], rows.StoredMessage)


def gid_of(chat: Chat) -> bytes:
    """The group id of a chat."""
    return parse_b64(chat.id, size=16)


def identity_of(text: str) -> bytes:
    """The message id of its text form. Raises `gone`: what is no id names no message."""
    try:
        return parse_b64(text, size=MESSAGE_ID_BYTES)
    except ZajilError:
        raise error("gone", "message") from None


def with_links(step: Step, text: str, mentions: Sequence[Mention]) -> str:
    """The text as it travels, mentions written as links. Raises `malformed` for ranges that are no mentions."""
    found = [links.Mention(one.start, one.end, AccountId(parse_b64(one.account, size=16))) for one in mentions]
    return links.encode_text(text, found, server_name=step.profile.server_name)
