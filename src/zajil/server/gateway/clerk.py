"""The clerk of a gateway: carries out the Work of conversations against the services, and hands the results back.

One task per piece of work that has to wait; the results go through the conversation, which knows what to send.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial

from zajil.engine.bus import Bus, Volatile
from zajil.engine.limits import Limits
from zajil.protocol.errors import AuthError, Unavailable, ZajilError, error
from zajil.protocol.frames import Ok, Role, encode_frame
from zajil.protocol.ids import MailboxId, parse_b64
from zajil.protocol.limits import WELCOME_BYTES
from zajil.server.gateway import eager
from zajil.server.gateway.conversation import Conversation
from zajil.server.gateway.receiver import Identity
from zajil.server.gateway.receivers import Receivers
from zajil.server.gateway.sender import answer_parts
from zajil.server.gateway.services import Services
from zajil.server.gateway.work import Acknowledge, Authenticate, Call, Read, Submit, Work
from zajil.server.http.calls import Carrier, HttpCall

_LOG = logging.getLogger(__name__)
_LOGINS_AT_ONCE = 200
_LOOK_AT_ONCE = 500
# What a refusal of the services means to a session: an ack of the future; a mailbox that went with its device, or that
# a standby which took over never had, which the login tells apart.
_FAREWELLS = {"malformed": "protocol", "gone": "token-expired"}


class Clerk:
    """Carries out work of every session of this process. Called on the event loop's thread."""

    def __init__(
        self,
        *,
        services: Services,
        bus: Bus,
        limits: Limits,
        reread_s: float,
        clock: Callable[[], float],
        now: Callable[[], float],
        weigh: Callable[[Conversation], None],
    ) -> None:
        """clock: Unix seconds, for limits and READY. now: seconds of a clock that only goes forward.

        weigh: told when a session got something to read.
        """
        self._services = services
        self._bus = bus
        self._limits = limits
        self._reread_s = reread_s
        self._clock = clock
        self._now = now
        self._weigh = weigh
        self._logins = asyncio.Semaphore(_LOGINS_AT_ONCE)
        self._receivers = Receivers(bus, now_ms=lambda: int(clock() * 1000), check=self._start_check)
        self._encoded: tuple[Volatile | None, bytes] = None, b""
        self._under_way: Counter[Conversation] = Counter()
        """Requests that have a task."""
        self._reread_at: dict[Conversation, float] = {}
        self._unchecked: dict[Conversation, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, conversation: Conversation, work: list[Work]) -> None:
        """Begin these. What is known at once is queued, so kick after it; of the rest the session's carrier hears."""
        for item in work:
            if isinstance(item, Acknowledge):
                if conversation.identity:
                    self._acknowledge(conversation, conversation.identity.mailbox_id, item.upto)
            elif isinstance(item, Submit):
                if not self._begin_send(conversation, item):
                    self._under_way[conversation] += 1
                    self._spawn(self._carry_out(conversation, item))
            elif isinstance(item, Call):
                self._spawn(self._carry_out(conversation, item))
            elif not (isinstance(item, Read) and self._pass_on(conversation, item)):
                rest = eager.begin(self._carry_out(conversation, item))
                if rest is not None:
                    self._spawn(rest)

    def _acknowledge(self, conversation: Conversation, mailbox_id: MailboxId, upto: int) -> None:
        try:
            self._services.mailboxes.begin_ack(mailbox_id, upto, partial(self._acknowledged, conversation))
        except ZajilError as reason:
            conversation.end(_FAREWELLS.get(reason.code, reason.code), reason.retry_ms or 0)

    def _acknowledged(self, conversation: Conversation, outcome: object) -> None:
        if not isinstance(outcome, Exception):
            return
        if isinstance(outcome, ZajilError):
            conversation.end(_FAREWELLS.get(outcome.code, outcome.code), outcome.retry_ms or 0)
        else:
            _LOG.error("a session's work failed", exc_info=outcome)
            conversation.end("internal", jitter_ms(1000))
        conversation.kick()

    def _pass_on(self, conversation: Conversation, item: Read) -> bool:
        """Whether what this read would find was just written, and is passed on from memory."""
        if item.drains or conversation.identity is None:
            return False
        mailbox_id, size = conversation.identity.mailbox_id, max(item.size_bytes, 1)
        found = self._services.mailboxes.fresh(mailbox_id, item.after, n=item.most, max_bytes=size)
        if found is None:
            return False
        if work := conversation.rows(found, complete=True, now=self._now()):
            self.begin(conversation, work)
        return True

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _carry_out(self, conversation: Conversation, item: Work) -> None:
        try:
            match item:
                case Authenticate():
                    await self._admit(conversation, item)
                case Read() if conversation.identity:
                    await self._read(conversation, conversation.identity.mailbox_id, item)
                case Submit():
                    await self._submit(conversation, item)
                case Call():
                    await self._call(conversation, item)
        except ZajilError as reason:
            conversation.end(_FAREWELLS.get(reason.code, reason.code), reason.retry_ms or 0)
        except Exception as bug:  # noqa: BLE001  # the boundary of one task
            _LOG.error("a session's work failed", exc_info=bug)
            conversation.end("internal", jitter_ms(1000))
        self._weigh(conversation)
        conversation.kick()

    async def _admit(self, conversation: Conversation, item: Authenticate) -> None:
        try:
            async with self._logins:
                hello = await self._services.check_hello(_parse_token(item.token))
        except AuthError:
            self._limits.take("failed_token", conversation.peer.prefix, now=self._clock())
            raise
        device = hello.device
        if conversation.identity is not None:
            # READY tells the highest ack before this HELLO, so a MACK just before it must have counted: this one, which
            # changes nothing, stands in line behind it. What it would be refused for the session ends by already.
            with suppress(ZajilError):
                await self._services.mailboxes.ack(conversation.identity.mailbox_id, 0)
        standing = await self._services.stand(device.mailbox_id, item.after)
        first = conversation.identity is None
        identity = Identity(device.account_id, device.device_id, device.mailbox_id)
        standing = standing._replace(list_seq=hello.list_seq)
        work = conversation.admitted(identity, standing, now_ms=int(self._clock() * 1000))
        if first and not conversation.session.closed:
            self._take_over(conversation, identity.mailbox_id)
            for low in await self._services.low_keys(device):
                conversation.push(encode_frame(low))
        self.begin(conversation, work)

    def _take_over(self, conversation: Conversation, mailbox_id: MailboxId) -> None:
        """Make this the device's newest R: the older one is told `replaced`, wake-ups come here."""
        self._reread_at[conversation] = self._now() + self._reread_s

        def wake(frame: Volatile | None) -> None:
            if frame is not None:
                conversation.push(self._encode(frame))
            elif work := conversation.woken(now=self._now()):
                self.begin(conversation, work)
            else:
                return
            conversation.kick()

        self._receivers.take_over(conversation, mailbox_id, wake)

    def _encode(self, frame: Volatile) -> bytes:
        """Its bytes, made once for all mailboxes that it goes to one after the other."""
        if frame is not self._encoded[0]:
            self._encoded = frame, encode_frame(frame)
        return self._encoded[1]

    def _start_check(self, conversation: Conversation) -> None:
        # All of a moment together: where NATS is back, everybody may have missed something.
        if not self._unchecked:
            self._spawn(self._check_all())
        self._unchecked[conversation] = None

    async def _check_all(self) -> None:
        unchecked, self._unchecked = list(self._unchecked), {}
        for first in range(0, len(unchecked), _LOOK_AT_ONCE):
            await self._look_over(unchecked[first : first + _LOOK_AT_ONCE])

    async def _check(self, conversation: Conversation) -> None:
        """End the session of a device whose mailbox is not among those that stand; where nobody can tell, it goes on.

        A device that is told that it was revoked locks itself for good. All others find out at the login: who may not
        log in, whom nobody knows, who has another mailbox since, and who stands again.
        """
        identity, code = conversation.identity, "token-expired"
        try:
            if identity is not None and not conversation.session.closed:
                await self._services.check_standing(identity)
        except Unavailable:
            return
        except ZajilError as reason:
            if reason.code == "device-revoked":
                code = reason.code
        except Exception as bug:  # noqa: BLE001  # the boundary of one task
            _LOG.error("a device's standing could not be looked up", exc_info=bug)
            return
        conversation.end(code, 0)
        conversation.kick()

    async def _read(self, conversation: Conversation, mailbox_id: MailboxId, item: Read) -> None:
        size = max(item.size_bytes, 1)
        found = await self._services.mailboxes.read(mailbox_id, item.after, n=item.most, max_bytes=size)
        # Fewer than asked for, and no message could have been too large to fit: that was all.
        fits = sum(len(message.body) for message in found) + WELCOME_BYTES <= size
        complete = not found or (len(found) < item.most and fits)
        self.begin(conversation, conversation.rows(found, complete=complete, now=self._now()))

    def _begin_send(self, conversation: Conversation, item: Submit) -> bool:
        """Whether this request is carried out without a task. Behind one that has a task it gets one too."""
        if conversation in self._under_way:
            return False

        def told(answer: Ok | BaseException) -> None:
            _answer(conversation, item.rid, answer)
            self._weigh(conversation)
            conversation.kick()

        try:
            return self._services.begin(item.request, conversation.peer.prefix, told)
        except Exception as reason:  # noqa: BLE001  # the boundary of one request
            _answer(conversation, item.rid, reason)
            return True

    async def _submit(self, conversation: Conversation, item: Submit) -> None:
        try:
            _answer(conversation, item.rid, await self._services.submit(item.request, conversation.peer.prefix))
        except Exception as reason:  # noqa: BLE001  # the boundary of one request
            _answer(conversation, item.rid, reason)
        finally:
            self._under_way[conversation] -= 1
            if not self._under_way[conversation]:
                del self._under_way[conversation]

    async def _call(self, conversation: Conversation, item: Call) -> None:
        call = HttpCall(
            method=item.method,
            path=item.path,
            headers={name.lower(): value for name, value in item.headers.items()},
            body=item.body,
            peer=conversation.peer,
            carrier=Carrier.R if conversation.session.role is Role.R else Carrier.S,
            claim=conversation.claim,
        )
        answer = await self._services.call(call)
        conversation.answer(item.rid, answer_parts(item.rid, answer.status, answer.headers, answer.body))

    def reread(self, now: float) -> None:
        """Read the mailboxes whose wake-up may have been lost, and look whose login ended without a word of it."""
        due = [conversation for conversation, at in self._reread_at.items() if now >= at]
        for conversation in due:
            self._reread_at[conversation] = now + self._reread_s
            self.begin(conversation, conversation.woken(now=now))
            conversation.kick()
        for first in range(0, len(due), _LOOK_AT_ONCE):
            self._spawn(self._look_over(due[first : first + _LOOK_AT_ONCE]))

    async def _look_over(self, conversations: list[Conversation]) -> None:
        """Check those of these whose device has no login any more, by one question.

        Whoever ended it may have died before it told, or be no gateway; and the word of it may have been lost.
        """
        named = [(each, each.identity.mailbox_id) for each in conversations if each.identity is not None]
        try:
            standing = await self._services.find_standing([mailbox_id for _, mailbox_id in named])
        except Unavailable:
            return
        except Exception as bug:  # noqa: BLE001  # the boundary of one task
            _LOG.error("the standing of devices could not be looked up", exc_info=bug)
            return
        for conversation, mailbox_id in named:
            if mailbox_id not in standing:
                await self._check(conversation)

    async def is_live(self, mailbox_id: MailboxId) -> bool:
        """Whether this device has an R session on a connection."""
        return await self._receivers.is_live(mailbox_id)

    def close_device(self, mailbox_id: MailboxId) -> None:
        """End the R session of a device that was revoked, detached or not."""
        self._receivers.close_device(mailbox_id)

    def end_login(self, mailbox_id: MailboxId) -> None:
        """End the R session of a device of a suspended account."""
        self._receivers.end_login(mailbox_id)

    def forget(self, conversation: Conversation) -> None:
        """The session is over."""
        self._receivers.forget(conversation)
        self._reread_at.pop(conversation, None)

    async def stop(self) -> None:
        """Wait a while for what is under way, then cancel it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        for task in self._tasks:
            task.cancel()


def _answer(conversation: Conversation, rid: int, answer: Ok | BaseException) -> None:
    if isinstance(answer, Ok):
        conversation.answer(rid, (answer,))
        return
    if not isinstance(answer, ZajilError):
        _LOG.error("a data request failed", exc_info=answer)
    conversation.refuse(rid, answer if isinstance(answer, ZajilError) and answer.status else error("internal"))


def _parse_token(text: str) -> bytes:
    try:
        return parse_b64(text, size=32)
    except ZajilError:
        raise error("token-expired") from None


def jitter_ms(span_ms: float) -> int:
    """Between half the span and one and a half, so that clients do not come back all at once."""
    return int(span_ms * (0.5 + int.from_bytes(os.urandom(2), "big") / 65536))
