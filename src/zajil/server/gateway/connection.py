"""One carrier of the gateway, without I/O: records in, records out, and the session above it.

Shells (`shell/base.py`) call these five: `feed`, `pull`, `lost`, `done`, `crowded`. Everything else is the gateway's.
"""

from __future__ import annotations

from collections.abc import Callable

from zajil.protocol.frames import Role
from zajil.protocol.session import Closed, Message, ServerCarrier, ServerSession, SessionTable, TakenOver, Usable
from zajil.server.gateway.conversation import Conversation
from zajil.server.gateway.work import Work
from zajil.server.http.calls import Peer

MakeConversation = Callable[[ServerSession, float], Conversation]


class Connection:
    """One WebSocket, or whatever carries records.

    peer: for limits. silent_s: seconds without a sign of life that end it. kick: tells the shell that records may be
    there to pull. make: makes the conversation of a new session. work: takes what a database must do; whoever feeds
    kicks after it, where there is something to pull.
    """

    def __init__(
        self,
        table: SessionTable,
        *,
        peer: Peer,
        now: float,
        silent_s: float,
        kick: Callable[[], None],
        make: MakeConversation,
        work: Callable[[Conversation, list[Work]], None],
        over: Callable[[Conversation], None],
    ) -> None:
        self.role: Role = table.role
        self.peer = peer
        self.silent_s = silent_s
        self.opened_at = now
        self.heard_at = now
        self.ended_at: float | None = None
        """When its session was ended here; what a peer still has to read of that, it reads soon or never."""
        self.kick = kick
        self.dropped = False
        self.carrier: ServerCarrier = table.accept()
        self.conversation: Conversation | None = None
        """The session's frames, from OPEN on."""
        self._make = make
        self._work = work
        self._over = over

    @property
    def done(self) -> bool:
        """Nothing more is to be read; close once pulled empty."""
        return self.dropped or self.carrier.done

    @property
    def crowded(self) -> bool:
        """Stop reading until this is false again."""
        conversation = self.conversation
        return conversation is not None and conversation.crowded and not self.done

    def feed(self, record: bytes, *, now: float) -> None:
        """One record arrived. Never raises for what a peer sends."""
        carrier = self.carrier
        if carrier.done:  # a peer whose session is over shows no sign of life
            return
        self.heard_at = now
        for event in carrier.feed(record, now):
            if isinstance(event, Message):
                conversation = self.conversation
                if conversation is not None and (work := conversation.message(event.body, now=now)):
                    self._work(conversation, work)
                continue
            match event:
                case Usable():
                    self._begin(event, now)
                case TakenOver():
                    pass  # `_begin` follows and tells the older connection
                case Closed():
                    self.ended_at = self.ended_at or now
                    self._end()

    def _begin(self, event: Usable, now: float) -> None:
        session = self.carrier.session
        if session is None:
            return
        conversation = session.owner
        if not isinstance(conversation, Conversation):
            conversation = session.owner = self._make(session, now)
        self.conversation = conversation
        older, conversation.kick = conversation.kick, self.kick
        conversation.peer, conversation.weighed = self.peer, None
        older()
        if event.resumed:
            self._work(conversation, conversation.resumed(now=now))

    def _end(self) -> None:
        if self.conversation is not None:
            self._over(self.conversation)

    def pull(self, *, now: float) -> list[bytes]:
        """Records to send, in order."""
        return self.carrier.pull(now)

    def drop(self) -> None:
        """Give the connection up without a word: the peer is silent. The session waits for another carrier."""
        self.dropped = True
        self.kick()

    def close(self, code: str, *, now: float, retry_ms: int = 0) -> None:
        """End the session behind what it has queued (its BYE, say), or refuse a carrier that has none yet."""
        self.carrier.close(code, now, retry_ms=retry_ms)
        if self.ended_at is None:
            self.ended_at = now
        self._end()
        self.kick()

    def lost(self, *, now: float) -> None:
        """The peer is gone; the session waits for another carrier, if it ever carried anything."""
        self.carrier.lost(now)
        session = self.carrier.session
        if session is not None and session.closed:
            self._end()
