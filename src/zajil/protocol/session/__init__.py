"""Sessions: what makes connections disposable. Sans-I/O, both sides; records in, records and events out.

    client                                          server
    open_carrier -> OPEN ---------------------------> ServerCarrier.feed: new session, or takes an old one over
    feed <- OPENED known? <-------------------------- pull
    DATA, ACK, PING, PONG both ways; CLOSE ends the session; a cut ends only the carrier

A session delivers whole messages in order, each once, while it lives; nothing durable lives in it. A newer OPEN takes
it over: from then on both sides ignore what older carriers still deliver, since another gateway may have answered and
counting may have begun anew. OPEN counts the client's carriers, so one that comes late takes nothing over. A server
keeps a detached session for 120 s (600 s segmented) and may have forgotten it at any time: then the client's `Begin`
says to start over (R: HELLO; S: the open requests with the same mids).

*Segmented* carriers (OPEN.frag under 4,096) move 8,192 bytes of records in either direction at most, since some censors
freeze connections after some kilobytes. Both sides count and stop there; the server's carrier is then `done` and is
closed in good order. The client is told to `Rotate` at half of it: it dials the next carrier and opens it, and only
then closes the old one. Parts that are too large for a segment are cut anew when the session moves there.

A carrier is *proved* by the 24 KiB echo: `ClientSession.prove` on the session's own, `Echo` on any other.
`resume` is a secret of one session and one role: it is never logged.
"""

from zajil.protocol.session.client import ClientSession
from zajil.protocol.session.echo import Echo
from zajil.protocol.session.events import Begin, ClientEvent, Closed, Echoed, Message, Rotate, Slow, Stalled, Usable
from zajil.protocol.session.server import DETACHED_S, ServerCarrier, ServerEvent, ServerSession, SessionTable, TakenOver

__all__ = [
    "DETACHED_S",
    "Begin",
    "ClientEvent",
    "ClientSession",
    "Closed",
    "Echo",
    "Echoed",
    "Message",
    "Rotate",
    "ServerCarrier",
    "ServerEvent",
    "ServerSession",
    "SessionTable",
    "Slow",
    "Stalled",
    "TakenOver",
    "Usable",
]
