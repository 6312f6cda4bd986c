"""What people of `tests.client.world` do to messages, and what they see."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tests.client.phone import Phone
from tests.client.world import World, prepare

from zajil.client import listing, views
from zajil.client.core import messages
from zajil.client.core.messages import Opened
from zajil.client.core.talk import acts, contents, privacy, reading
from zajil.client.state import rows
from zajil.client.state.rows import Chat, StoredMessage
from zajil.client.state.step import Step
from zajil.protocol import frames
from zajil.protocol.chat import content, forms

T = TypeVar("T")


def act(phone: Phone, verb: Callable[[Step], T]) -> T:
    """One step of a device."""
    with phone.core.step("act") as step:
        return verb(step)


def see(phone: Phone, verb: Callable[[Step], T]) -> T:
    """One look of a device."""
    with phone.core.look() as step:
        return verb(step)


def say(phone: Phone, text: str, *, reply_to: bytes = b"", gid: bytes = b"") -> bytes:
    """Queue a text; its id."""
    gid = gid or phone.world.main
    identity = act(phone, lambda step: messages.submit_text(step, gid, text, reply_to=reply_to))
    phone.world.books.submitted.setdefault((gid, phone.device), []).append(identity)
    return identity


def edit(phone: Phone, identity: bytes, text: str) -> None:
    """Edit in the main chat."""
    act(phone, lambda step: acts.edit(step, phone.world.main, identity, text))


def delete(phone: Phone, identity: bytes) -> None:
    """Delete for all in the main chat."""
    act(phone, lambda step: acts.delete_for_all(step, phone.world.main, identity))


def react(phone: Phone, identity: bytes, emoji: str | None) -> None:
    """React in the main chat."""
    act(phone, lambda step: acts.react(step, phone.world.main, identity, emoji))


def mark_read(phone: Phone, identity: bytes | None = None) -> None:
    """See the main chat."""
    act(phone, lambda step: reading.mark_read(step, phone.world.main, identity))


def switch(phone: Phone, *, receipts: bool = True, typing: bool = True) -> None:
    """Set the switches."""
    act(phone, lambda step: privacy.change(step, receipts=receipts, typing=typing))


def whisper(phone: Phone) -> frames.Send | None:
    """Tell that we write, and let the server take it; the request, None where nothing may be told."""
    request = phone.core.seal_typing(phone.world.main)
    if request is not None:
        phone.world.engine.apply([prepare(request)], now_ms=phone.world.now_ms)
    return request


def chat_of(phone: Phone, gid: bytes = b"") -> Chat:
    """A chat's row."""
    return see(phone, lambda step: step.chat(gid or phone.world.main))


def seen(phone: Phone, gid: bytes = b"") -> list[views.Message]:
    """What the chat shows."""
    return see(phone, lambda step: listing.messages(step, gid or phone.world.main, 1_000))


def texts(phone: Phone, gid: bytes = b"") -> list[str]:
    """The texts of the chat."""
    return [message.text for message in seen(phone, gid)]


def row_of(phone: Phone, identity: bytes) -> StoredMessage:
    """The row of a message."""
    found = see(phone, lambda step: step.tx.lookup("message", identity))
    assert found is not None
    return rows.parse_row(found[1], StoredMessage)


def reactions(phone: Phone, identity: bytes) -> dict[bytes, str]:
    """Account -> emoji."""
    return {one.account: one.emoji for one in row_of(phone, identity).reactions if one.emoji}


def events(phone: Phone, code: str) -> list[views.Event]:
    """What followers were told."""
    return [event for event in see(phone, lambda step: listing.events_after(step, 0))[0] if event.code == code]


def forge(phone: Phone, form: forms.Text | forms.Action | forms.Receipts, *, gid: bytes = b"", at: int = 0) -> bytes:
    """Send a form without any check of the sender's; its id."""
    return act(phone, lambda step: messages.submit_form(step, gid or phone.world.main, form, at=at))


def opened(phone: Phone, form: forms.Text | forms.Action | forms.Receipts, *, at: int = 0) -> Opened:
    """The body of a form as if it had come from this device, verified."""

    def build(step: Step) -> Opened:
        marks = messages.extensions(step, phone.world.main) | {content.SENT_MS: at or step.now}
        blank = content.MimiContent(step.rng(16), content.NullPart(), extensions=marks)
        body = forms.encode_form(form, blank)
        data = content.encode_content(body)
        identity = content.message_id_of(body, data)
        return Opened(phone.device[0], phone.device[1], identity, at or step.now, body, data)

    return act(phone, build)


def take(phone: Phone, body: Opened) -> None:
    """A verified body comes in."""

    def apply(step: Step) -> None:
        messages.is_news(step, body.message_id)
        contents.take_content(step, step.chat(phone.world.main), body)

    act(phone, apply)


def meet(world: World, *names: str) -> list[Phone]:
    """Devices by name."""
    return [world.phones[name] for name in names]
